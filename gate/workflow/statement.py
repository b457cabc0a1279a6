"""The exact words a person signs, and the digest that binds them to what was shown.

The text holds no time and nothing that differs between showing and signing, so that the form's
digest can be worked out again when it comes back: *what you saw is what you sign*.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from gate.domain.approval import Act
from gate.domain.errors import InputError
from gate.signing.canonical import canonical, parse_canonical

FORM_FORMAT = "gate-form/v1"

_OPENING = {
    Act.APPROVE: "I approve",
    Act.REJECT: "I reject",
    Act.WITHDRAW: "I withdraw my earlier statement on",
}


def build_statement_text(
    *,
    act: Act,
    printed_name: str,
    role: str | None,
    team: str | None,
    meaning_text: str | None,
    repository: str,
    number: int,
    head: str,
    tree: str,
    target: str,
    merge_base: str,
    change_request: str | None,
    policy_id: str,
    policy_digest: str,
    supersedes: int | None,
    giver: str | None = None,
    delegation: int | None = None,
    freeze: str | None = None,
) -> str:
    """The statement in plain English, one fact a line. Newline-terminated UTF-8.

    ``giver``: signed for them, under ``delegation``. ``freeze``: it lets the contribution through that and says nothing
    of the change.
    """
    capacity = f"{role} of {team}" if team else (role or "the person who signed it")
    whom = f" for {giver}" if giver is not None else ""
    what = f"contribution {repository}#{number} to {target}"
    opening = f"{_OPENING[act]} {what}." if freeze is None else f"I let {what} through the freeze {freeze}."
    lines = [
        f"I, {printed_name}, acting as {capacity}{whom}:",
        opening,
        *([f"Delegation: audit entry {delegation}"] if delegation is not None else []),
        f"Head commit: {head}",
        f"Head tree: {tree}",
        f"Merge base: {merge_base}",
        f"Change request: {change_request or 'none'}",
        f"Policy: {policy_id} at sha256 {policy_digest}",
    ]
    if meaning_text:
        lines.append(f"Meaning: {meaning_text}")
    if supersedes is not None:
        lines.append(f"Takes back: audit entry {supersedes}")
    lines.append("The gate vouches for my identity by directory password in a live session.")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything the form showed that matters, and its digest: INV-04.

    ``counted`` are the log indexes of the approvals the decision rests on, ``standing`` of all
    approvals and rejections not withdrawn. It travels through the form as ``token`` and comes back:
    the digest binds what is signed, the rest only lets us say in words what changed meanwhile.
    """

    act: str
    head: str
    target: str
    policy: str
    statement: str
    counted: tuple[int, ...]
    standing: tuple[int, ...]

    @property
    def raw(self) -> bytes:
        return canonical(
            {
                "format": FORM_FORMAT,
                "act": self.act,
                "head": self.head,
                "target": self.target,
                "policy": self.policy,
                "statement": self.statement,
                "counted": list(self.counted),
                "standing": list(self.standing),
            }
        )

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.raw).digest()

    @property
    def token(self) -> str:
        return base64.urlsafe_b64encode(self.raw).decode()


def parse_seen(token: str) -> Seen:
    """The form as it was shown. Raises ``InputError`` for what no form of ours holds."""
    try:
        found = parse_canonical(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
        if not isinstance(found, dict) or found.pop("format") != FORM_FORMAT:
            raise ValueError("not a form")
        numbers = {name: tuple(int(one) for one in found.pop(name)) for name in ("counted", "standing")}
        return Seen(**{name: str(value) for name, value in found.items()}, **numbers)  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, InputError) as problem:
        raise InputError(
            "The form did not come back whole.", field="seen", remedy="Open the sign page again and sign there."
        ) from problem


def text_digest(statement: str) -> str:
    """Lower-case hex SHA-256 of a statement's text."""
    return hashlib.sha256(statement.encode()).hexdigest()
