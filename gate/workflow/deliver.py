"""Step 1, from a forge: a signed delivery is a hint to look at one pull request or branch.

Verified on its raw bytes before anything is read; a refused one leaves a count and nothing else; a
repeat changes nothing. Of what the forge says only who opened, who pushed and who reviewed what is taken, as logins
to be found in the directory; commits come from our mirror. Every push to the branch of an open
contribution names a contributor, whether the forge also tells it as a synchronised pull request or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gate.auditlog.entry import Recorder, RecorderKind
from gate.domain.contribution import ContributionState
from gate.domain.errors import InputError, NotFoundError, NotPermittedError, UnavailableError
from gate.forge import recognise
from gate.forge.api import ForgeHint, ForgeReview, HintKind
from gate.policy.registered import Repository
from gate.store import contributions, hints
from gate.store.contributions import ContributionRow
from gate.workflow.amend import change, close
from gate.workflow.evaluate import decide
from gate.workflow.force import InForce
from gate.workflow.forge_review import find_reviewed, record_review
from gate.workflow.land import walk_repository
from gate.workflow.landing_order import Told
from gate.workflow.parts import Parts
from gate.workflow.receive import is_protected
from gate.workflow.revise import Proposal, propose
from gate.workflow.shown import HintOutcome


def delivery(parts: Parts, forge_name: str, headers: Mapping[str, str], raw: bytes, address: str) -> HintOutcome:
    """Take one delivery. ``NotPermittedError`` (signature), ``InputError`` (malformed), ``UnavailableError``."""
    configured = next((one for one in parts.settings.forges if one.name == forge_name), None)
    if configured is None:
        raise NotFoundError(f"No forge is configured as {forge_name!r}.")
    source = f"forge/{forge_name}"
    try:
        forge = recognise(headers)
        forge.verify(headers, raw, _load_secrets(configured.secret_files))
        told = forge.parse(headers, raw)
    except (InputError, NotPermittedError):
        hints.count_refused(parts.engine, source, parts.clock.now())
        raise
    if hints.is_seen(parts.engine, source, told.delivery_id):
        return HintOutcome(fresh=False, accepted=0, ignored=())
    ignored = _take(parts, configured.repositories.get(told.full_name or ""), told, forge_name)
    hints.mark_seen(parts.engine, source, told.delivery_id, parts.clock.now())
    return HintOutcome(fresh=True, accepted=0 if ignored else 1, ignored=(ignored,) if ignored else ())


def _load_secrets(files: Sequence[Path]) -> list[bytes]:
    """Read at each delivery, so that rotation needs no restart."""
    try:
        return [path.read_bytes().strip() for path in files]
    except OSError as problem:
        raise UnavailableError(
            "A webhook secret's file cannot be read.", code="misconfigured", remedy="See forges in gate.toml."
        ) from problem


def _take(parts: Parts, id: str | None, told: ForgeHint, forge_name: str) -> str | None:
    """Act on a verified delivery; a sentence says why nothing was to be done."""
    if told.kind in (HintKind.PING, HintKind.IGNORED):
        return f"{told.event} asks for nothing."
    if id is None:
        return f"{told.full_name} is not mapped to a repository in the settings."
    force = parts.in_force()
    repository = force.repository(id)
    by = Recorder(kind=RecorderKind.FORGE, id=forge_name)
    if told.kind is HintKind.PUSHED:
        walk_repository(parts, id, _moved(parts, told))
        return _take_push(parts, force, repository, told, by)
    if told.review is not None:
        return _take_review(parts, force, repository, told, told.review, by)
    _close_retargeted(parts, repository, told, by)
    if told.kind is HintKind.MERGED:
        walk_repository(parts, id, _moved(parts, told))
        return None
    if told.kind is HintKind.CLOSED:
        return _close(parts, repository, told, by)
    return _open_or_update(parts, force, repository, told, by)


def _moved(parts: Parts, told: ForgeHint) -> Told | None:
    """What came in where, by the forge's word; one that says no time speaks of now."""
    if told.head is None or told.target_ref is None:
        return None
    return Told(ref=told.target_ref, new=told.head, at=told.at or parts.clock.now())


def _take_push(parts: Parts, force: InForce, repository: Repository, told: ForgeHint, by: Recorder) -> str | None:
    """Whoever pushed to the branch of an open contribution contributed to it, whoever opened it (INV-03).

    What is recorded as head is the branch's tip in our mirror; the sender pushed that only if the delivery says so.
    """
    if told.head is None or told.target_ref is None or told.pusher_login is None:
        return None  # a branch that was deleted: its pull requests are closed by deliveries of their own
    mirror = parts.mirror(repository.id, repository.url)
    why_not: list[str] = []
    for row in contributions.open_from(parts.engine, repository.id, told.target_ref):
        proposal = Proposal(
            repository=repository.id,
            target=row.target,
            topic=row.topic,
            source_ref=row.source_ref,
            head=mirror.tip(told.target_ref) or row.head,
            pusher=told.pusher_login,
            pushed=told.head,
        )
        try:
            propose(parts, force, mirror, proposal, by)
        except InputError as problem:
            # Nothing to contribute is left on the branch; said again it would be the same.
            why_not.append(f"{row.id}: {problem}")
            continue
        decide(parts, repository.id, row.number)
    return " ".join(why_not) or None


def _open_or_update(parts: Parts, force: InForce, repository: Repository, told: ForgeHint, by: Recorder) -> str | None:
    if told.head is None or told.target_ref is None or told.number is None:
        raise InputError("The delivery names no head, target or number.", field="body")
    if not is_protected(repository, told.target_ref):
        return f"{told.target_ref} is not a protected branch of {repository.id}."
    mirror = parts.mirror(repository.id, repository.url)
    is_elsewhere = told.source_ref is not None and not told.source_ref.startswith("refs/heads/")
    mirror.fetch(*([told.source_ref] if told.source_ref and is_elsewhere else []))
    if not mirror.has(told.head):
        raise UnavailableError(
            f"The git server does not show {told.head} yet.", code="not-fetched", remedy="The forge delivers again."
        )
    before = _retargeted_from(parts, repository, told)
    number = propose(
        parts,
        force,
        mirror,
        Proposal(
            repository=repository.id,
            target=told.target_ref,
            topic=_topic(told),
            source_ref=told.source_ref,
            head=told.head,
            # Who opened a pull request did not push what came later: only a delivery of the push itself says who did.
            pusher=told.pusher_login,
            title=told.title,
            opener=_opener(parts, told),
            draft=told.draft,
            labels=told.labels,
            change_request=before.change_request if before else None,
            retargeted_from=before.number if before else None,
        ),
        by,
    )
    row = contributions.load(parts.engine, repository.id, number)
    change(parts, row, by, change_request=row.change_request, draft=told.draft, labels=told.labels)
    decide(parts, repository.id, number)
    return None


def _take_review(
    parts: Parts, force: InForce, repository: Repository, told: ForgeHint, review: ForgeReview, by: Recorder
) -> str | None:
    """Also a hint to look at the pull request, but only at a head that is not on record: an old one may come again."""
    heads = {
        one.head
        for row in _of_pull(parts, repository, told)
        for one in contributions.revisions(parts.engine, row.repository, row.number)
    }
    if told.head is not None and told.head not in heads:
        why = _open_or_update(parts, force, repository, told, by)
        if why is not None:
            return why
    rows = _of_pull(parts, repository, told)
    row = find_reviewed(parts, by.id, review, rows)
    if row is None:
        return f"No open contribution belongs to pull request {told.number}."
    return record_review(parts, by.id, review, row, by)


def _of_pull(parts: Parts, repository: Repository, told: ForgeHint) -> list[ContributionRow]:
    rows = contributions.of_topic(parts.engine, repository.id, _topic(told))
    return [one for one in rows if one.target == told.target_ref]


def _close_retargeted(parts: Parts, repository: Repository, told: ForgeHint, by: Recorder) -> None:
    """What a pull request proposed to another branch is proposed there no more: approvals bind a target (INV-02)."""
    if told.target_ref is None or told.number is None:
        return
    for row in contributions.of_topic(parts.engine, repository.id, _topic(told)):
        if row.state == ContributionState.OPEN and row.target != told.target_ref:
            close(parts, row, by, why=f"retargeted on the forge to {told.target_ref}")


def _retargeted_from(parts: Parts, repository: Repository, told: ForgeHint) -> ContributionRow | None:
    """The contribution that the pull request last was to another branch, if any."""
    rows = contributions.of_topic(parts.engine, repository.id, _topic(told))
    return next((row for row in reversed(rows) if row.target != told.target_ref), None)


def _close(parts: Parts, repository: Repository, told: ForgeHint, by: Recorder) -> str | None:
    if told.target_ref is None:
        raise InputError("The delivery names no target.", field="body")
    row = contributions.find_open(parts.engine, repository.id, told.target_ref, _topic(told))
    if row is None:
        return f"No open contribution belongs to pull request {told.number}."
    close(parts, row, by, why="closed on the forge")
    return None


def _topic(told: ForgeHint) -> str:
    return f"pr/{told.number}"


def _opener(parts: Parts, told: ForgeHint) -> str | None:
    """The person who opened it, if the directory knows the forge's login."""
    if told.author_login is None:
        return None
    try:
        person = parts.directory.person_by_login(told.author_login)
    except InputError:
        # A login no directory may be asked about is nobody's; the pusher shows as unattributed.
        return None
    return person.key if person else None
