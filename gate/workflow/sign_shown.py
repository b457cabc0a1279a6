"""What somebody is shown before they sign and what they send back; vetoes they could clear; the receipt they keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gate.domain.approval import Act
from gate.policy.decision import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SignChoice:
    """A role in which this person may sign now, with the meanings the policy lets it carry.

    ``delegation`` (its log index): the role is ``giver``'s, handed over until ``until``. ``freeze``: the signature lets
    this through that freeze and does nothing else. ``under`` names both in forms.
    """

    role: str
    team: str | None
    meanings: tuple[tuple[str, str], ...]
    satisfies: tuple[str, ...]
    delegation: int | None = None
    giver: str | None = None
    giver_name: str | None = None
    until: datetime | None = None
    freeze: str | None = None

    @property
    def under(self) -> str | None:
        said = (("delegation", self.delegation), ("freeze", self.freeze))
        return ".".join(f"{what}.{one}" for what, one in said if one is not None) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignForm:
    """What the sign page shows, and the digest ``seen`` that binds what is signed to it.

    ``statement`` is the exact text to be signed for the chosen role and meaning. ``choices`` is
    empty for a withdrawal. ``reason_required`` holds for reject and withdraw.
    """

    repository: str
    number: int
    title: str | None
    act: Act
    head: str
    tree: str
    target: str
    merge_base: str
    files: int
    paths: tuple[str, ...]
    diff: str
    change_request: str | None
    policy_id: str
    policy_epoch: int
    policy_digest: str
    choices: tuple[SignChoice, ...]
    role: str | None
    team: str | None
    meaning: str | None
    statement: str
    statement_digest: str
    seen: str
    reason_required: bool
    afterwards: str
    counted: tuple[str, ...]
    printed_name: str
    under: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """What a person sends back. ``seen`` must equal the digest of the form as it would be now."""

    repository: str
    number: int
    act: Act
    role: str | None
    team: str | None
    meaning: str | None
    reason: str
    seen: str
    request_id: str
    under: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptShown:
    """A receipt: the printed signature, and the C2SP tlog-proof a person keeps."""

    index: int
    kind: str
    lines: tuple[tuple[str, str], ...]
    envelope: str
    statement: str
    proof: str
    leaf: str
    repository: str | None = None
    number: int | None = None
    answer: Answer | None = None
    proposal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VetoShown:
    """A veto that stands. ``index`` is its entry; ``cleared_in`` are other contributions in which it was cleared."""

    index: int
    name: str
    may_clear: bool
    cleared_in: tuple[str, ...] = ()
