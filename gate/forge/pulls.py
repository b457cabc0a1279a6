"""The pull request and push deliveries that GitHub, Gitea and Forgejo share, member by member.

Only what a hint needs is read; everything else may be anything. Follows GitHub's webhook payloads, which Gitea
took over with other words for some actions and without some members.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gate.domain.errors import InputError
from gate.forge.api import ForgeHint, HintKind

Sha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
BranchName = Annotated[str, Field(min_length=1, max_length=244, pattern=r"^[^\x00-\x20\x7f~^:?*\[\\]+$")]
FullName = Annotated[str, Field(min_length=1, max_length=255)]
Login = Annotated[str, Field(min_length=1, max_length=255)]
Title = Annotated[str, Field(max_length=4096)]
Number = Annotated[int, Field(ge=1, le=2**53 - 1, strict=True)]

MOST_LABELS = 100
"""GitHub's own limit."""
_DRAFT_TITLES = ("wip:", "[wip]")
_MOVES_HEAD = (HintKind.OPENED, HintKind.UPDATED)


class Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class User(Read):
    login: Login


class _Repository(Read):
    full_name: FullName
    clone_url: str | None = Field(default=None, max_length=2048)


class _Side(Read):
    ref: BranchName
    sha: Sha
    repo: _Repository | None = None


class _Label(Read):
    name: Annotated[str, Field(min_length=1, max_length=100)]


class _Pull(Read):
    number: Number
    title: Title | None = None
    draft: bool | None = None
    merged: bool | None = None
    updated_at: AwareDatetime | None = None
    user: User | None = None
    labels: list[_Label] | None = Field(default=None, max_length=MOST_LABELS)
    head: _Side
    base: _Side


class _PullDelivery(Read):
    action: Annotated[str, Field(max_length=64)]
    pull_request: _Pull
    repository: _Repository
    sender: User | None = None


class _PushDelivery(Read):
    ref: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^refs/[^\x00-\x20\x7f~^:?*\[\\]+$")]
    after: Sha
    repository: _Repository
    sender: User | None = None


_Model = TypeVar("_Model", bound=Read)


def parse_pull(
    told: Mapping[str, Any], *, delivery_id: str, event: str, actions: Mapping[str, HintKind], new_head: frozenset[str]
) -> ForgeHint:
    """A pull request delivery. ``actions`` maps the forge's words, ``new_head`` are those that move the head."""
    delivery = read_told(_PullDelivery, told)
    pull = delivery.pull_request
    kind = actions.get(delivery.action, HintKind.IGNORED)
    if kind is HintKind.CLOSED and pull.merged:
        kind = HintKind.MERGED
    moved = kind in _MOVES_HEAD and delivery.action in new_head
    return ForgeHint(
        delivery_id=delivery_id,
        event=f"{event}.{delivery.action}",
        kind=kind,
        full_name=delivery.repository.full_name,
        repository_url=delivery.repository.clone_url,
        number=pull.number,
        head=pull.head.sha,
        source_ref=_source(pull, delivery.repository),
        target_ref=f"refs/heads/{pull.base.ref}",
        pusher_login=delivery.sender.login if moved and delivery.sender else None,
        author_login=pull.user.login if pull.user else None,
        draft=bool(pull.draft) or (pull.title or "").lower().startswith(_DRAFT_TITLES),
        labels=tuple(sorted({one.name for one in pull.labels})) if pull.labels is not None else None,
        title=pull.title,
        at=pull.updated_at,
    )


def parse_push(told: Mapping[str, Any], *, delivery_id: str, event: str) -> ForgeHint:
    """A push delivery: a branch that may have landed something. Tags are ignored."""
    delivery = read_told(_PushDelivery, told)
    is_branch = delivery.ref.startswith("refs/heads/")
    return ForgeHint(
        delivery_id=delivery_id,
        event=event,
        kind=HintKind.PUSHED if is_branch else HintKind.IGNORED,
        full_name=delivery.repository.full_name,
        repository_url=delivery.repository.clone_url,
        head=delivery.after if delivery.after.strip("0") else None,
        target_ref=delivery.ref,
        pusher_login=delivery.sender.login if delivery.sender else None,
    )


def _source(pull: _Pull, repository: _Repository) -> str:
    """A branch of the same repository, else the ref under which the forge shows a fork's head."""
    same = pull.head.repo is not None and pull.head.repo.full_name == repository.full_name
    return f"refs/heads/{pull.head.ref}" if same else f"refs/pull/{pull.number}/head"


def read_told(model: type[_Model], told: Mapping[str, Any]) -> _Model:
    try:
        return model.model_validate(told)
    except ValidationError as cause:
        first = cause.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"The delivery is not as expected at {field}: {first['msg']}.", field=field) from cause
