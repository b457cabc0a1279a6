"""The exact words somebody signs about a proposal of policies, and the digest that binds them to what was shown.

As for contributions (``statement.py``): no time of signing is in the text, so that the form's digest can be worked out
again when it comes back (INV-04).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gate.domain.errors import InputError
from gate.signing.canonical import canonical, parse_canonical
from gate.workflow.proposal import Proposed

FORM_FORMAT: Final = "gate-policy-form/v1"


class PolicyAct(StrEnum):
    """What a person may sign about a proposal."""

    PROPOSE = "propose"
    APPROVE = "approve"
    WITHDRAW = "withdraw"


def build_policy_text(
    act: PolicyAct,
    content: Proposed,
    *,
    printed_name: str,
    group: str,
    number: int | None,
    proposer: str,
    in_force: Mapping[str, str],
    meaning: str | None,
) -> str:
    """The statement in plain English, one fact a line. ``in_force`` are the files it replaces, name to hex digest."""
    what = {
        PolicyAct.PROPOSE: "I propose that these files become the policies of this gate.",
        PolicyAct.APPROVE: f"I approve policy proposal {number} of {proposer}.",
        PolicyAct.WITHDRAW: f"I withdraw policy proposal {number} of {proposer}.",
    }[act]
    lines = [
        f"I, {printed_name}, as a member of {group}:",
        what,
        f"Proposal: sha256 {content.digest.hex()}",
        f"In place of: policy epoch {content.base_epoch}",
        f"In force from: {say_from_when(content.effective_at)}",
        *_file_lines(dict(content.files), in_force),
    ]
    if meaning:
        lines.append(f"Meaning: {meaning}")
    lines.append("The gate vouches for my identity by directory password in a live session.")
    return "\n".join(lines) + "\n"


def say_from_when(effective_at: datetime | None) -> str:
    return f"{effective_at:%Y-%m-%d %H:%M} UTC" if effective_at is not None else "the moment enough people approved"


def _file_lines(files: Mapping[str, str], in_force: Mapping[str, str]) -> Iterable[str]:
    for name in sorted({*files, *in_force}):
        if name not in files:
            yield f"Without {name}, which is in force now"
            continue
        how = "new, " if name not in in_force else "changed, " if in_force[name] != files[name] else ""
        yield f"File {name}: {how}sha256 {files[name]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySeen:
    """Everything the form showed that matters. ``proposal`` is the digest over files, base epoch and time in hex;
    ``standing`` are the log indexes of the approvals given before.
    """

    act: PolicyAct
    proposal: str
    statement: str
    standing: tuple[int, ...]

    @property
    def raw(self) -> bytes:
        return canonical(
            {
                "format": FORM_FORMAT,
                "act": self.act.value,
                "proposal": self.proposal,
                "statement": self.statement,
                "standing": list(self.standing),
            }
        )

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.raw).digest()

    @property
    def token(self) -> str:
        return base64.urlsafe_b64encode(self.raw).decode()


def parse_policy_seen(token: str) -> PolicySeen:
    """The form as it was shown. Raises ``InputError`` for what no form of ours holds."""
    try:
        found = parse_canonical(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
        if not isinstance(found, dict) or found.get("format") != FORM_FORMAT:
            raise ValueError("not a form")
        return PolicySeen(
            act=PolicyAct(found["act"]),
            proposal=str(found["proposal"]),
            statement=str(found["statement"]),
            standing=tuple(int(one) for one in found["standing"]),
        )
    except (ValueError, TypeError, KeyError, InputError) as problem:
        raise InputError(
            "The form did not come back whole.", field="seen", remedy="Open the page again and sign there."
        ) from problem
