"""What pages and CLI are given to show about proposals of policies: frozen answers, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.policy.decision import Decision
from gate.policy.difference import Difference
from gate.policy.explain import Section
from gate.policy.lint_finding import Finding
from gate.policy.simulate import Replayed
from gate.workflow.proposal import Given
from gate.workflow.proposal_statement import PolicyAct


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyForm:
    """What is to be signed: the exact statement, and ``seen``, which binds the signature to everything shown."""

    act: PolicyAct
    printed_name: str
    statement: str
    statement_digest: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRequest:
    """What a person sends back about proposal ``number``."""

    number: int
    act: PolicyAct
    seen: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRequest:
    """A new proposal as sent back: the files themselves, when they are to be in force, and the form's digest."""

    files: Mapping[str, bytes]
    effective_at: datetime | None
    seen: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The tests of one policy file: how many it has, and a sentence for each that failed."""

    policy: str
    file: str
    count: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Approvals of one open contribution that count no more once the proposal is in force."""

    repository: str
    number: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What a proposal would change. ``looked_at`` recorded decisions were replayed, the newest of ``total``.

    ``removed`` and ``added`` are sentences on who changes the policies. ``groups_error``: why groups are
    not among ``findings``.
    """

    removed: tuple[str, ...]
    added: tuple[str, ...]
    differences: tuple[Difference, ...]
    flips: tuple[Replayed, ...]
    untold: tuple[Replayed, ...]
    looked_at: int
    total: int
    lapses: tuple[Lapse, ...]
    tests: tuple[Tested, ...]
    findings: tuple[Finding, ...]
    groups_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalItem:
    """One row of the list. ``state`` is open, due, waiting, stale, withdrawn or in-force; ``said`` is a sentence."""

    number: int
    proposer: str
    proposed_at: datetime
    effective_at: datetime | None
    base_epoch: int
    state: str
    said: str
    approvals: int
    needed: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShown:
    """One proposed file. ``change`` is changed, new, unchanged or gone (then ``digest`` is None)."""

    name: str
    digest: str | None
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalPage:
    """Everything of one proposal. ``forms`` are what this reader may sign now; ``why_not`` says why not approve.

    ``may_approve`` are printed names; ``candidates_error`` is set when the directory could not be asked.
    """

    item: ProposalItem
    digest: str
    files: tuple[FileShown, ...]
    approvals: tuple[Given, ...]
    withdrawn: Given | None
    ended_index: int | None
    effects: Effects | None
    rules: tuple[str, ...]
    may_approve: tuple[str, ...]
    candidates_error: str | None
    forms: tuple[PolicyForm, ...]
    why_not: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPage:
    """A change being written: file names with their text. ``effects`` and ``form`` are set once it was checked."""

    files: tuple[tuple[str, str], ...]
    effective_at: str
    effects: Effects | None
    form: PolicyForm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One recorded decision beside what the proposal says of the same facts. ``unread``: roles not recorded then."""

    repository: str
    number: int
    revision: int
    before: Decision
    after: Decision
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """The rules of some branches of one repository: headings with sentences."""

    repository: str
    branches: tuple[str, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Beside the texts in force: their rules in prose, the tests in them, who changes them and how they came.

    ``by_people`` says who proposed and approved what is in force; None where the operator put it in force.
    """

    prose: tuple[Prose, ...]
    tests: tuple[Tested, ...]
    is_gated: bool
    how: tuple[str, ...]
    by_people: str | None
    proposals: tuple[ProposalItem, ...]
