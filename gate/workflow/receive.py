"""Step 1: a hint from hook, forge or CI -> git facts -> revision recorded.

A hint only says "look": what is recorded comes from our own mirror, fetched after the hint came.
Whose the hint is (a hook's or CI's token, a forge's signature) was checked before; a repeat changes
nothing. A contribution is found by repository, source branch and target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gate.auditlog.entry import Recorder, RecorderKind
from gate.domain.clock import parse_instant
from gate.domain.errors import InputError, NotFoundError, UnavailableError
from gate.git.mirror import Mirror
from gate.policy.paths import branch_name, matches_any
from gate.policy.registered import Repository
from gate.store import contributions, hints
from gate.workflow.amend import close
from gate.workflow.evaluate import decide
from gate.workflow.force import InForce
from gate.workflow.land import MAX_REF, land
from gate.workflow.landing_order import Told
from gate.workflow.parts import Parts
from gate.workflow.revise import Proposal, propose
from gate.workflow.shown import HintOutcome
from gate.workflow.tokens import TokenHolder, require_scope

CONTRIB = "refs/heads/contrib/"
UNNAMED = "(the git server named no pusher)"
T = TypeVar("T", bound=BaseModel)


class HintUpdate(BaseModel):
    """One ref that moved."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ref: str = Field(min_length=1, max_length=MAX_REF, pattern=r"^refs/[^\x00-\x20\x7f~^:?*\[\\]+$")
    old: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    new: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")


class HintBody(BaseModel):
    """``gate-hint/v1``, as the post-receive hook sends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: str = Field(pattern=r"^gate-hint/v1$")
    id: str = Field(min_length=8, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")
    pusher: str | None = Field(default=None, max_length=255)
    at: str = Field(max_length=40)
    # Each is a HintUpdate; a ref that the record cannot hold is the fault of that one alone.
    updates: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


class CiBody(BaseModel):
    """What CI posts: look at this head for this target. Nothing is decided until somebody names the pusher."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    repository: str = Field(min_length=1, max_length=63)
    target: str = Field(min_length=1, max_length=255)
    head: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    source_ref: str | None = Field(default=None, max_length=255, pattern=r"^refs/heads/[^\x00-\x20\x7f~^:?*\[\\]+$")
    change_request: str | None = Field(default=None, max_length=255)
    title: str | None = Field(default=None, max_length=1000)
    pusher: str | None = Field(default=None, min_length=1, max_length=255)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    """One repository being looked at for one hint; the log was ``log_size`` long before it was fetched."""

    parts: Parts
    force: InForce
    repository: Repository
    mirror: Mirror
    log_size: int
    by: Recorder
    pusher: str | None
    at: datetime | None = None


def hint(parts: Parts, repository: str, holder: TokenHolder, body: dict[str, Any]) -> HintOutcome:
    """A push, as the hook tells it. Raises ``InputError``, ``NotPermittedError``, ``UnavailableError``."""
    require_scope(holder, "hints:write", repository)
    parsed = _validated(HintBody, body)
    source = f"hook/{repository}"
    if hints.is_seen(parts.engine, source, parsed.id):
        return HintOutcome(fresh=False, accepted=0, ignored=())
    by = Recorder(kind=RecorderKind.HOOK, id=holder.id)
    ignored = [why for one in parsed.updates if (why := _why_unusable(one.get("ref"))) is not None]
    updates = [_validated(HintUpdate, one) for one in parsed.updates if _why_unusable(one.get("ref")) is None]
    looking = replace(_look_at(parts, repository, by, parsed.pusher), at=_instant(parsed.at))
    accepted = 0
    for update in updates:
        why_not = _try_update(looking, update)
        if why_not:
            ignored.append(why_not)
        else:
            accepted += 1
    # Remembered only once everything it asked for is recorded: a hint that failed half-way comes again.
    hints.mark_seen(parts.engine, source, parsed.id, parts.clock.now())
    return HintOutcome(fresh=True, accepted=accepted, ignored=tuple(ignored))


def ci(parts: Parts, holder: TokenHolder, body: dict[str, Any]) -> dict[str, Any]:
    """CI opens or updates a contribution whose head is on the git server. Returns its repository and number."""
    parsed = _validated(CiBody, body)
    require_scope(holder, "contributions:write", parsed.repository)
    by = Recorder(kind=RecorderKind.TOKEN, id=holder.id)
    looking = _look_at(parts, parsed.repository, by, None)
    target = _full_ref(parsed.target)
    if not is_protected(looking.repository, target):
        raise InputError(f"{target} is not a protected branch of {parsed.repository}.", field="target")
    if not looking.mirror.has(parsed.head):
        raise InputError(
            f"The git server does not have {parsed.head} on any branch.", field="head", remedy="Push it first."
        )
    split = split_contrib(looking.repository, parsed.source_ref) if parsed.source_ref else None
    if split is not None and split[0] == target:
        # The hook speaks of this branch too: it is one contribution, whoever is first.
        topic = split[1]
    else:
        topic = branch_name(parsed.source_ref) if parsed.source_ref else f"ci/{parsed.head[:12]}"
    number = propose(
        parts,
        looking.force,
        looking.mirror,
        Proposal(
            repository=parsed.repository,
            target=target,
            topic=topic,
            source_ref=parsed.source_ref,
            head=parsed.head,
            pusher=parsed.pusher,
            change_request=parsed.change_request,
            title=parsed.title,
            opener=holder.person,
        ),
        by,
    )
    decision = decide(parts, parsed.repository, number)
    return {
        "repository": parsed.repository,
        "number": number,
        "head": parsed.head,
        "answer": decision.answer.value,
        "page": f"{parts.settings.base_url}/contributions/{parsed.repository}/{number}",
    }


def is_protected(repository: Repository, ref: str) -> bool:
    return ref.startswith("refs/heads/") and matches_any(repository.protected, branch_name(ref))


def split_contrib(repository: Repository, ref: str) -> tuple[str, str] | None:
    """``(target ref, topic)`` of ``contrib/<target>/<topic>``: the longest protected branch name that fits."""
    if not ref.startswith(CONTRIB):
        return None
    parts = ref.removeprefix(CONTRIB).split("/")
    for length in range(len(parts) - 1, 0, -1):
        target = "/".join(parts[:length])
        if matches_any(repository.protected, target):
            return f"refs/heads/{target}", "/".join(parts[length:])
    return None


def _why_unusable(ref: object) -> str | None:
    """Why the record cannot hold this ref, though git can: the others of its push are taken all the same."""
    if not isinstance(ref, str):
        return None
    shown = ref[:80].encode("utf-8", "backslashreplace").decode()
    if len(ref) > MAX_REF:
        return f"{shown}… has {len(ref)} characters; the gate looks at refs of up to {MAX_REF}."
    if not ref.isascii() and any("\ud800" <= letter <= "\udfff" for letter in ref):
        return f"{shown} is not UTF-8; the gate cannot name it."
    return None


def _validated(model: type[T], body: dict[str, Any]) -> T:
    try:
        return model.model_validate(body)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{field or 'The body'}: {first['msg']}.", field=field or None) from problem


def _instant(text: str) -> datetime | None:
    """When the git server says that it was; None when it says nothing that is a time."""
    try:
        return parse_instant(text)
    except ValueError:
        return None


def _full_ref(name: str) -> str:
    return name if name.startswith("refs/") else f"refs/heads/{name}"


def _look_at(parts: Parts, repository: str, by: Recorder, pusher: str | None) -> _Looking:
    force = parts.in_force()
    registered = force.repository(repository)
    mirror = parts.mirror(registered.id, registered.url)
    log_size = parts.log.head().size
    mirror.fetch()
    return _Looking(
        parts=parts, force=force, repository=registered, mirror=mirror, log_size=log_size, by=by, pusher=pusher
    )


def _try_update(looking: _Looking, update: HintUpdate) -> str | None:
    """One ref that cannot be a contribution (no history in common, nothing new, no such target, more than can be
    looked at) does not stop the others. Sent again it would be the same, and hold up every hint that comes after it.
    """
    try:
        return _take_update(looking, update)
    except (InputError, NotFoundError) as problem:
        return f"{update.ref}: {problem}"
    except UnavailableError as problem:
        if problem.code != "truncated":
            raise
        return f"{update.ref}: {problem}"


def _take_update(looking: _Looking, update: HintUpdate) -> str | None:
    """Act on one moved ref; a sentence says why nothing was to be done."""
    if is_protected(looking.repository, update.ref):
        told = Told(ref=update.ref, old=update.old, new=update.new, at=looking.at)
        land(
            looking.parts,
            looking.force,
            looking.mirror,
            looking.repository,
            update.ref,
            log_size=looking.log_size,
            by=looking.by,
            told=told,
        )
        return None
    split = split_contrib(looking.repository, update.ref)
    if split is None:
        return f"{update.ref} is neither a protected branch nor contrib/<protected branch>/<topic>."
    target, topic = split
    tip = looking.mirror.tip(update.ref)
    if tip is None:
        return _close_gone(looking, update.ref, split)
    number = propose(
        looking.parts,
        looking.force,
        looking.mirror,
        Proposal(
            repository=looking.repository.id,
            target=target,
            topic=topic,
            source_ref=update.ref,
            head=tip,
            # A git server that names nobody leaves an unattributed pusher behind, and that stops a decision.
            pusher=looking.pusher or UNNAMED,
            change_request=None,
            title=None,
            opener=None,
        ),
        looking.by,
    )
    decide(looking.parts, looking.repository.id, number)
    return None


def _close_gone(looking: _Looking, ref: str, split: tuple[str, str]) -> str | None:
    target, topic = split
    row = contributions.find_open(looking.parts.engine, looking.repository.id, target, topic)
    if row is None:
        return f"{ref} is gone, and no open contribution came from it."
    close(looking.parts, row, looking.by, why="source branch deleted")
    return None
