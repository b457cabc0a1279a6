"""The machine-readable twin of an evidence pack: ``gate-evidence/v1`` (docs/evidence-packs.md).

The twin is the record; the PDF is drawn from its bytes and from nothing else. Rules: a stored
format, so instants are RFC 3339 text, digests lower-case hex and hashes of proofs base64, exactly
as a verifier reads them; nothing is computed while reading; free text stands beside the salt of
its commitment, and is null once erased. ``standalone/verify.py`` is the second implementation.
Reading and writing the bytes is ``codec.py``, assembling and checking is ``pack.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FORMAT = "gate-evidence/v1"


class Outcome(StrEnum):
    """The classes of the completeness equation (INV-11): how a first-parent commit came to be there."""

    APPROVED = "approved"
    OVERRIDDEN = "overridden"
    OUT_OF_SCOPE = "out_of_scope"
    ROBOT = "robot"
    OBSERVED = "observed"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRef:
    id: str
    name: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLabel:
    """``id`` is ``PersonRef.key``; name and login as they were."""

    id: str
    name: str
    login: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was asked for: the period is ``[period_from, period_to)`` in UTC."""

    repositories: tuple[RepositoryRef, ...]
    period_from: str
    period_to: str
    asked_by: PersonLabel
    reason: str
    made_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLabel:
    origin: str
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousPack:
    """The pack this one continues; ``sha256`` is of its sealed file."""

    id: str
    sha256: str
    size: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The state of the log everything here is proven against; ``consistency`` leads from the previous pack's."""

    size: int
    root: str
    checkpoint: str
    previous: PreviousPack | None = None
    consistency: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasableText:
    """Free text behind ``SHA-256(salt || UTF-8 value)``; value and salt are null once erased."""

    value: str | None
    salt: str | None
    commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCounts:
    """First-parent commits by class."""

    approved: int = 0
    overridden: int = 0
    out_of_scope: int = 0
    robots: int = 0
    observed: int = 0
    unexplained: int = 0

    @property
    def total(self) -> int:
        return self.approved + self.overridden + self.out_of_scope + self.robots + self.observed + self.unexplained


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """One step of a protected branch: ``before`` to ``after`` covers ``commits`` (first-parent, oldest first).

    ``head`` is the recorded head it landed and ``number`` its contribution; both null when unexplained.
    """

    index: int
    kind: str
    outcome: Outcome
    before: str
    after: str
    commits: tuple[str, ...]
    head: str | None
    number: int | None
    at: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchCompleteness:
    """One protected branch: what git counts, what the gate explains, and whether both are equal."""

    repository: str
    branch: str
    from_commit: str
    to_commit: str
    first_parent_count: int
    command: str
    counts: OutcomeCounts
    holds: bool
    rewritten: bool
    landings: tuple[Landing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    number: int
    head: str
    tree: str
    merge_base: str
    merge_tree: str | None
    recorded_at: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributorRow:
    """Who had a part in any revision. ``person`` is null for an address that is nobody's."""

    part: str
    person: str | None
    name: str
    how: str
    revisions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """The decision as recorded; ``sha256`` is of the canonical bytes of ``document``."""

    index: int
    answer: str
    summary: str
    evaluated_at: str
    sha256: str
    facts_sha256: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    id: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How the signer proved to be there (21 CFR 11.200); ``session`` is a digest, never the session's id."""

    method: str
    components: tuple[str, ...]
    at: str
    session: str
    first_in_session: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRow:
    """One signature manifestation (21 CFR 11.50), field by field from its envelope.

    ``record`` is SHA-256 of the envelope; ``stale``: it names a head that is not the last one;
    ``withdrawn`` the log index that took it back.
    """

    index: int
    record: str
    result: str
    name: str
    person: str
    login: str
    dn: str
    role: str
    team: str | None
    meaning: Meaning
    signed_at: str
    auth: Authentication
    revision: int
    head: str
    tree: str
    target: str
    policy_epoch: int
    policy_sha256: str
    statement: str
    reason: ErasableText | None
    key: str
    vouched_by: str
    expires_at: str | None
    supersedes: int | None
    stale: bool
    withdrawn: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionSheet:
    """One contribution touched in the period. ``entries`` are all of its stream, versions 1 to ``versions``."""

    repository: str
    number: int
    title: ErasableText | None
    state: str
    target: str
    opened_at: str
    change_request: str | None
    revisions: tuple[RevisionRow, ...]
    contributors: tuple[ContributorRow, ...]
    decision: DecisionRow | None
    signatures: tuple[SignatureRow, ...]
    entries: tuple[int, ...]
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UntouchedRow:
    """A contribution nothing happened to in the period; ``index`` is the last entry of its stream."""

    repository: str
    number: int
    state: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationClassRow:
    """One class of the closed list. ``looked_for`` false: a zero here says nothing, and ``how`` says why."""

    id: str
    title: str
    how: str
    looked_for: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    id: str
    sentence: str
    repository: str | None = None
    number: int | None = None
    commit: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    name: str
    text: str
    sha256: str
    effective_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEpoch:
    """The texts one activation put in force; ``index`` is its audit entry."""

    epoch: int
    activated_at: str
    by: str
    index: int
    files: tuple[PolicyFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """An audit entry exactly as signed (base64) and its inclusion proof, leaf sibling first (base64)."""

    index: int
    envelope: str
    proof: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """vkeys, and SHA-256 of the seal certificates. Never trusted by themselves: compare with the trust file."""

    log: tuple[str, ...]
    act: tuple[str, ...]
    verdict: tuple[str, ...]
    seal: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePack:
    """The whole twin."""

    pack: str
    organisation: str
    gate: GateLabel
    scope: Scope
    as_of: AsOf
    completeness: tuple[BranchCompleteness, ...]
    contributions: tuple[ContributionSheet, ...]
    untouched: tuple[UntouchedRow, ...]
    deviation_classes: tuple[DeviationClassRow, ...]
    deviations: tuple[Deviation, ...]
    policies: tuple[PolicyEpoch, ...]
    entries: tuple[EntryRow, ...]
    keys: Keys
    limits: tuple[str, ...]
    format: str = field(default=FORMAT)
