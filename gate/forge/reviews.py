"""Deliveries about reviews of pull requests: GitHub's ``pull_request_review``, Gitea's and Forgejo's ``…_approved``.

Everything is read from the body, which is signed; the header that names the event is not. GitHub numbers its reviews
and says which commit each is of. Gitea and Forgejo do neither: there the delivery's own digest is the number, the pull
request's last change the time, and ``commit_id`` of the delivery the commit, which is empty in what they send today.
A commit is never guessed from the head: it may have moved while the reviewer was reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from gate.domain.errors import InputError
from gate.forge.api import ForgeHint, ForgeReview, HintKind, ReviewState
from gate.forge.pulls import Number, Read, Sha, User, parse_pull, read_told

_GITHUB: Final = {
    "approved": ReviewState.APPROVED,
    "changes_requested": ReviewState.CHANGES_REQUESTED,
    "dismissed": ReviewState.DISMISSED,
    "commented": ReviewState.COMMENTED,
}
_GITEA: Final = {
    "pull_request_review_approved": ReviewState.APPROVED,
    "pull_request_review_rejected": ReviewState.CHANGES_REQUESTED,
    "pull_request_review_comment": ReviewState.COMMENTED,
}


class _Account(User):
    id: Number | None = None


class _GitHubReview(Read):
    id: Number
    user: _Account | None
    commit_id: Sha | None = None
    submitted_at: AwareDatetime
    state: Annotated[str, Field(max_length=64)]


class _GitHubDelivery(Read):
    action: Literal["submitted", "edited", "dismissed"]
    review: _GitHubReview


class _GiteaReview(Read):
    type: Annotated[str, Field(max_length=64)]


class _GiteaPull(Read):
    updated_at: AwareDatetime


class _GiteaDelivery(Read):
    action: Literal["reviewed"]
    review: _GiteaReview
    pull_request: _GiteaPull
    sender: _Account
    commit_id: Sha | Literal[""] | None = None


class _Pull(Read):
    state: Annotated[str, Field(max_length=64)]


class _Delivery(Read):
    pull_request: _Pull


def parse_github_review(told: Mapping[str, Any], *, delivery_id: str, event: str) -> ForgeHint:
    """A delivery of GitHub. One whose reviewer's account is gone says nothing of anybody."""
    delivery = read_told(_GitHubDelivery, told)
    review = delivery.review
    if review.user is None:
        return ForgeHint(delivery_id=delivery_id, event=f"{event}.{delivery.action}", kind=HintKind.IGNORED)
    state = ReviewState.DISMISSED if delivery.action == "dismissed" else _state(_GITHUB, review.state, "state")
    found = ForgeReview(
        id=str(review.id),
        login=review.user.login,
        account=_account(review.user),
        state=state,
        commit=review.commit_id,
        submitted_at=review.submitted_at,
    )
    return _hint(told, found, delivery_id=delivery_id, event=event)


def parse_gitea_review(told: Mapping[str, Any], raw: bytes, *, delivery_id: str, event: str) -> ForgeHint:
    """A delivery of Gitea or Forgejo. They do not tell of reviews that are dismissed."""
    delivery = read_told(_GiteaDelivery, told)
    found = ForgeReview(
        id=f"sha256:{hashlib.sha256(raw).hexdigest()}",
        login=delivery.sender.login,
        account=_account(delivery.sender),
        state=_state(_GITEA, delivery.review.type, "type"),
        commit=delivery.commit_id or None,
        submitted_at=delivery.pull_request.updated_at,
    )
    return _hint(told, found, delivery_id=delivery_id, event=event)


def _hint(told: Mapping[str, Any], review: ForgeReview, *, delivery_id: str, event: str) -> ForgeHint:
    """The head is named only of an open pull request: of a closed one there is nothing to look at."""
    pull = parse_pull(told, delivery_id=delivery_id, event=event, actions={}, new_head=frozenset())
    head = pull.head if read_told(_Delivery, told).pull_request.state == "open" else None
    return replace(pull, kind=HintKind.REVIEWED, review=review, head=head)


def _account(user: _Account) -> str:
    return str(user.id) if user.id is not None else user.login.casefold()


def _state(states: Mapping[str, ReviewState], word: str, field: str) -> ReviewState:
    found = states.get(word.lower())
    if found is None:
        raise InputError(f"The delivery tells of a review that is {word[:40]!r}.", field=f"review.{field}")
    return found
