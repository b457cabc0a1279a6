"""Gitea and Forgejo: ``X-Gitea-Signature`` (bare hex) over the raw body, ``X-Gitea-Delivery``.

They also send GitHub's headers; ``gate.forge.recognise`` therefore asks this module first. Forgejo's own
headers win where they are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.forge.api import ForgeHint, HintKind, find_header, parse_object, read_delivery_id, verify_hmac
from gate.forge.pulls import parse_pull, parse_push
from gate.forge.reviews import parse_gitea_review

_ACTIONS = {
    "opened": HintKind.OPENED,
    "reopened": HintKind.OPENED,
    "synchronized": HintKind.UPDATED,
    "edited": HintKind.UPDATED,
    "label_updated": HintKind.UPDATED,
    "label_cleared": HintKind.UPDATED,
    "closed": HintKind.CLOSED,
}
_NEW_HEAD = frozenset({"opened", "synchronized"})
_PULL_EVENTS = ("pull_request", "pull_request_sync")
_REVIEW_EVENTS = ("pull_request_approved", "pull_request_rejected", "pull_request_comment")


@dataclass(frozen=True, slots=True)
class Gitea:
    name: str = "gitea"
    marks: tuple[str, ...] = ("X-Forgejo-Event", "X-Gitea-Event")

    def verify(self, headers: Mapping[str, str], raw: bytes, secrets: Sequence[bytes]) -> None:
        given = find_header(headers, "X-Forgejo-Signature") or find_header(headers, "X-Gitea-Signature")
        verify_hmac(raw, given, secrets)

    def parse(self, headers: Mapping[str, str], raw: bytes) -> ForgeHint:
        delivery_id = read_delivery_id(headers, "X-Forgejo-Delivery", "X-Gitea-Delivery")
        event = find_header(headers, "X-Forgejo-Event") or find_header(headers, "X-Gitea-Event") or ""
        told = parse_object(headers, raw)
        if event in _PULL_EVENTS:
            return parse_pull(told, delivery_id=delivery_id, event=event, actions=_ACTIONS, new_head=_NEW_HEAD)
        if event in _REVIEW_EVENTS:
            return parse_gitea_review(told, raw, delivery_id=delivery_id, event=event)
        if event == "push":
            return parse_push(told, delivery_id=delivery_id, event=event)
        return ForgeHint(delivery_id=delivery_id, event=event[:64], kind=HintKind.IGNORED)
