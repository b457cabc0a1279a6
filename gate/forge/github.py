"""GitHub and GitHub Enterprise Server: ``X-Hub-Signature-256`` over the raw body, ``X-GitHub-Delivery``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gate.forge.api import ForgeHint, HintKind, find_header, parse_object, read_delivery_id, refused, verify_hmac
from gate.forge.pulls import parse_pull, parse_push
from gate.forge.reviews import parse_github_review

_PREFIX = "sha256="
_ACTIONS = {
    "opened": HintKind.OPENED,
    "reopened": HintKind.OPENED,
    "synchronize": HintKind.UPDATED,
    "edited": HintKind.UPDATED,
    "labeled": HintKind.UPDATED,
    "unlabeled": HintKind.UPDATED,
    "ready_for_review": HintKind.UPDATED,
    "converted_to_draft": HintKind.UPDATED,
    "closed": HintKind.CLOSED,
}
_NEW_HEAD = frozenset({"opened", "synchronize"})


@dataclass(frozen=True, slots=True)
class GitHub:
    name: str = "github"
    marks: tuple[str, ...] = ("X-GitHub-Event",)

    def verify(self, headers: Mapping[str, str], raw: bytes, secrets: Sequence[bytes]) -> None:
        given = find_header(headers, "X-Hub-Signature-256")
        if given is None or not given.startswith(_PREFIX):
            raise refused("The delivery has no X-Hub-Signature-256.")
        verify_hmac(raw, given.removeprefix(_PREFIX), secrets)

    def parse(self, headers: Mapping[str, str], raw: bytes) -> ForgeHint:
        delivery_id = read_delivery_id(headers, "X-GitHub-Delivery")
        event = find_header(headers, "X-GitHub-Event") or ""
        told = parse_object(headers, raw)
        match event:
            case "pull_request":
                return parse_pull(told, delivery_id=delivery_id, event=event, actions=_ACTIONS, new_head=_NEW_HEAD)
            case "pull_request_review":
                return parse_github_review(told, delivery_id=delivery_id, event=event)
            case "push":
                return parse_push(told, delivery_id=delivery_id, event=event)
            case _:
                kind = HintKind.PING if event == "ping" else HintKind.IGNORED
                return ForgeHint(delivery_id=delivery_id, event=event[:64], kind=kind)
