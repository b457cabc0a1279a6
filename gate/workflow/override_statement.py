"""The exact words of a break-glass act, and the digest that binds them to what was shown.

As ``statement.py`` for approvals: the text holds no time that differs between showing and signing, so that the form's
digest can be worked out again when it comes back. The reason is free text and never part of it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gate.domain.clock import format_instant
from gate.domain.errors import InputError
from gate.domain.words import count_words, say_span
from gate.policy.document import BreakGlass
from gate.signing.canonical import canonical, parse_canonical
from gate.store.acts import BreakGlassRow

FORM_FORMAT: Final = "gate-override-form/v1"
VOUCH: Final = "The gate vouches for my identity by directory password in a live session."


class OverrideAct(StrEnum):
    INVOKE = "invoke"
    COSIGN = "cosign"
    REVIEW = "review"


class Outcome(StrEnum):
    """What the independent review found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not-justified"


OUTCOME_WORDS: Final = {
    Outcome.JUSTIFIED: "I find that this break-glass was justified.",
    Outcome.NOT_JUSTIFIED: "I find that this break-glass was not justified.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The lines of a statement that say what it is about."""

    printed_name: str
    capacity: str
    contribution: str
    target: str
    head: str
    tree: str
    merge_base: str
    change_request: str | None
    policy: str

    def lines(self, opening: str) -> list[str]:
        return [
            f"I, {self.printed_name}, acting as {self.capacity}:",
            opening,
            f"Head commit: {self.head}",
            f"Head tree: {self.tree}",
            f"Merge base: {self.merge_base}",
            f"Change request: {self.change_request or 'none'}",
            f"Policy: {self.policy}",
        ]


def build_invoke_text(place: Place, rule: BreakGlass, code: str, incident: str, waives: Sequence[str]) -> str:
    lines = place.lines(f"I break the glass on contribution {place.contribution} to {place.target}.")
    lines += [
        f"Reason code: {code}",
        f"Incident: {incident}",
        f"It waives, once it is co-signed: {', '.join(waives)}",
        f"It never waives: {', '.join(rule.never_waives) or 'anything else'}",
        f"It holds for {say_span(rule.valid_for)} from when I sign, for this head, target and policy only.",
        f"It owes an independent review by {rule.review.role} within {say_days(rule)}.",
    ]
    return "\n".join([*lines, VOUCH]) + "\n"


def build_cosign_text(place: Place, row: BreakGlassRow, until: datetime, meaning: str, waives: Sequence[str]) -> str:
    opening = f"I co-sign the break-glass of {row.name} on contribution {place.contribution} to {place.target}."
    lines = [
        *place.lines(opening),
        f"Break-glass: audit entry {row.idx}",
        f"Reason code: {row.code}",
        f"Incident: {row.incident}",
        f"It waives: {', '.join(waives)}",
        f"It holds until: {format_instant(until)}",
        f"Meaning: {meaning}",
    ]
    return "\n".join([*lines, VOUCH]) + "\n"


def build_review_text(place: Place, row: BreakGlassRow, cosigners: Sequence[str], outcome: Outcome) -> str:
    opening = f"I reviewed the break-glass of {row.name} on contribution {place.contribution} to {place.target}."
    lines = [
        *place.lines(opening),
        f"Break-glass: audit entry {row.idx}, at head {row.head}",
        f"Reason code: {row.code}",
        f"Incident: {row.incident}",
        f"Co-signed by: {', '.join(cosigners)}",
        "I am none of its author, contributors, invoker and co-signers.",
        f"Outcome: {OUTCOME_WORDS[outcome]}",
    ]
    return "\n".join([*lines, VOUCH]) + "\n"


def say_days(rule: BreakGlass) -> str:
    return count_words(rule.review.within_days, "business day")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideSeen:
    """Everything the form showed that matters, and its digest: INV-04. ``invocation`` is None when invoking.

    ``cosigners`` are the audit entries of the co-signatures so far.
    """

    act: OverrideAct
    head: str
    target: str
    policy: str
    statement: str
    invocation: int | None
    cosigners: tuple[int, ...]

    @property
    def raw(self) -> bytes:
        return canonical(
            {
                "format": FORM_FORMAT,
                "act": self.act.value,
                "head": self.head,
                "target": self.target,
                "policy": self.policy,
                "statement": self.statement,
                "invocation": self.invocation,
                "cosigners": list(self.cosigners),
            }
        )

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.raw).digest()

    @property
    def token(self) -> str:
        return base64.urlsafe_b64encode(self.raw).decode()


def parse_override_seen(token: str) -> OverrideSeen:
    """The form as it was shown. Raises ``InputError`` for what no form of ours holds."""
    try:
        found = parse_canonical(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
        if not isinstance(found, dict) or found.pop("format") != FORM_FORMAT:
            raise ValueError("not a form")
        invocation, cosigners = found.pop("invocation"), tuple(int(one) for one in found.pop("cosigners"))
        act = OverrideAct(str(found.pop("act")))
        texts = {name: str(value) for name, value in found.items()}
        number = None if invocation is None else int(invocation)
        return OverrideSeen(act=act, invocation=number, cosigners=cosigners, **texts)
    except (ValueError, TypeError, KeyError, InputError) as problem:
        raise InputError(
            "The form did not come back whole.", field="seen", remedy="Open the page again and sign there."
        ) from problem
