"""Assembling an evidence pack from plain rows, and checking that nothing is missing from it.

``build_pack`` is pure: ``workflow/export`` gathers ``PackInputs`` from store, git and ledger, and
what the pack can derive from its own rows (signature blocks, counts, the equation, deviations) is
derived here, once, so that a total can never differ from the rows below it. ``check_pack`` returns
findings; ``build_pack`` raises on those that would make the pack a lie (a gap in the numbers of a
repository or in the versions of a stream). An equation that does not hold is no such thing: it is
printed, and is a deviation. Drawing is ``gate/pdf``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gate.domain.errors import VerificationError
from gate.evidence.deviations import (
    DeviationClass,
    build_classes,
    derive_from_branch,
    derive_from_order,
    derive_from_policy,
    derive_from_review,
    derive_from_sheet,
)
from gate.evidence.envelopes import OpenedEntry, build_signatures, parse_entry
from gate.evidence.limits import LIMITS
from gate.evidence.overrides import OverrideRecord, read_overrides
from gate.evidence.twin import (
    AsOf,
    BranchCompleteness,
    ContributionSheet,
    ContributorRow,
    DecisionRow,
    Deviation,
    EntryRow,
    ErasableText,
    EvidencePack,
    GateLabel,
    Keys,
    Landing,
    Outcome,
    OutcomeCounts,
    PolicyEpoch,
    RevisionRow,
    Scope,
    UntouchedRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchInput:
    """One protected branch. ``first_parent_count`` is what git counted on our mirror.

    ``landings`` are the steps from ``from_commit`` to ``to_commit``, in order. ``rewritten`` says
    that ``from_commit`` is not an ancestor of ``to_commit``.
    """

    repository: str
    branch: str
    from_commit: str
    to_commit: str
    first_parent_count: int
    rewritten: bool = False
    landings: tuple[Landing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionInput:
    """One contribution of the population: everything of its sheet but what its entries say themselves."""

    repository: str
    number: int
    title: ErasableText | None
    state: str
    target: str
    opened_at: str
    change_request: str | None = None
    revisions: tuple[RevisionRow, ...] = ()
    contributors: tuple[ContributorRow, ...] = ()
    decision: DecisionRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackInputs:
    """Everything a pack is made of, as plain rows.

    ``entries`` must hold: every entry of the stream ``contribution/<repository>#<number>`` of each
    contribution given; the entry of each landing and policy epoch; the last entry of each untouched
    contribution; the genesis entry. Order does not matter. ``texts`` are free texts by commitment
    (hex); ``looked_for`` names classes beyond the derived ones that the caller did look for, and
    ``deviations`` what it found.
    """

    pack: str
    organisation: str
    gate: GateLabel
    scope: Scope
    as_of: AsOf
    branches: tuple[BranchInput, ...]
    contributions: tuple[ContributionInput, ...]
    policies: tuple[PolicyEpoch, ...]
    entries: tuple[EntryRow, ...]
    keys: Keys
    untouched: tuple[UntouchedRow, ...] = ()
    texts: Mapping[str, ErasableText] = field(default_factory=dict)
    deviations: tuple[Deviation, ...] = ()
    looked_for: frozenset[DeviationClass] = frozenset()
    limits: tuple[str, ...] = LIMITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with a pack; ``where`` names the exact item."""

    code: str
    where: str
    sentence: str


def build_pack(inputs: PackInputs) -> EvidencePack:
    """The twin. Raises ``VerificationError`` when the rows have gaps; see ``check_pack``."""
    opened = [parse_entry(row) for row in inputs.entries]
    by_stream: dict[str, list[OpenedEntry]] = defaultdict(list)
    for entry in sorted(opened, key=lambda entry: entry.index):
        by_stream[entry.stream].append(entry)
    branches = tuple(_build_branch(branch) for branch in inputs.branches)
    sheets = tuple(
        _build_sheet(item, by_stream[f"contribution/{item.repository}#{item.number}"], inputs.texts)
        for item in sorted(inputs.contributions, key=lambda item: (item.repository, item.number))
    )
    policies = tuple(sorted(inputs.policies, key=lambda policy: policy.epoch))
    deviations = _distinct((*_derive(branches, sheets, policies, opened), *inputs.deviations))
    pack = EvidencePack(
        pack=inputs.pack,
        organisation=inputs.organisation,
        gate=inputs.gate,
        scope=inputs.scope,
        as_of=inputs.as_of,
        completeness=branches,
        contributions=sheets,
        untouched=tuple(sorted(inputs.untouched, key=lambda row: (row.repository, row.number))),
        deviation_classes=build_classes(deviations, inputs.looked_for),
        deviations=deviations,
        policies=policies,
        entries=tuple(sorted(inputs.entries, key=lambda row: row.index)),
        keys=inputs.keys,
        limits=inputs.limits,
    )
    verify_pack(pack)
    return pack


def verify_pack(pack: EvidencePack) -> None:
    """Raise ``VerificationError`` with the first finding that must stop a pack from being sealed."""
    for finding in check_pack(pack):
        if finding.code != "equation":
            raise VerificationError(f"{finding.where}: {finding.sentence}", code=finding.code)


def check_pack(pack: EvidencePack) -> tuple[Finding, ...]:
    """Every gap: numbers 1..N of a repository, versions 1..V of a stream, entries rested on, the equation."""
    return (*_check_numbers(pack), *_check_streams(pack), *_check_rested_on(pack), *_check_equation(pack))


def _build_branch(branch: BranchInput) -> BranchCompleteness:
    commits = Counter(dict.fromkeys(Outcome, 0))
    for landing in branch.landings:
        commits[landing.outcome] += len(landing.commits)
    counts = OutcomeCounts(
        approved=commits[Outcome.APPROVED],
        overridden=commits[Outcome.OVERRIDDEN],
        out_of_scope=commits[Outcome.OUT_OF_SCOPE],
        robots=commits[Outcome.ROBOT],
        observed=commits[Outcome.OBSERVED],
        unexplained=commits[Outcome.UNEXPLAINED],
    )
    return BranchCompleteness(
        repository=branch.repository,
        branch=branch.branch,
        from_commit=branch.from_commit,
        to_commit=branch.to_commit,
        first_parent_count=branch.first_parent_count,
        command=f"git rev-list --first-parent --count {branch.from_commit}..{branch.to_commit}",
        counts=counts,
        holds=counts.total == branch.first_parent_count,
        rewritten=branch.rewritten,
        landings=branch.landings,
    )


def _build_sheet(
    item: ContributionInput, entries: Sequence[OpenedEntry], texts: Mapping[str, ErasableText]
) -> ContributionSheet:
    head = item.revisions[-1].head if item.revisions else None
    return ContributionSheet(
        repository=item.repository,
        number=item.number,
        title=item.title,
        state=item.state,
        target=item.target,
        opened_at=item.opened_at,
        change_request=item.change_request,
        revisions=item.revisions,
        contributors=item.contributors,
        decision=item.decision,
        signatures=build_signatures(entries, head, texts),
        entries=tuple(entry.index for entry in entries),
        versions=len(entries),
    )


def _derive(
    branches: Iterable[BranchCompleteness],
    sheets: Iterable[ContributionSheet],
    policies: Iterable[PolicyEpoch],
    opened: Iterable[OpenedEntry],
) -> Iterator[Deviation]:
    opened, sheets = tuple(opened), tuple(sheets)
    landed: dict[tuple[str, int | None], list[Landing]] = defaultdict(list)
    for branch in branches:
        yield from derive_from_branch(branch, _overrides(branch.repository, sheets, opened))
        for landing in branch.landings:
            landed[branch.repository, landing.number].append(landing)
    for policy in policies:
        yield from derive_from_policy(policy)
    for sheet in sheets:
        yield from derive_from_sheet(sheet, tuple(landed[sheet.repository, sheet.number]))
    by_stream = {f"contribution/{sheet.repository}#{sheet.number}": sheet for sheet in sheets}
    for entry in opened:
        if entry.kind == "forge-review" and entry.stream in by_stream:
            yield from derive_from_review(by_stream[entry.stream], entry)
        if entry.kind == "approval-refused":
            sentence = f"A signing attempt was refused at {entry.timestamp} on {entry.stream}."
            yield Deviation(id=DeviationClass.REFUSED_SIGNATURE, sentence=sentence, index=entry.index)
        if (landed_as := entry.predicate).get("order") and landed_as["order"]["proven"] is None:
            yield derive_from_order(entry.index, landed_as)


def _overrides(
    repository: str, sheets: Iterable[ContributionSheet], opened: Iterable[OpenedEntry]
) -> dict[int | None, tuple[OverrideRecord, ...]]:
    by_stream: dict[str, list[OpenedEntry]] = defaultdict(list)
    for entry in sorted(opened, key=lambda one: one.index):
        if entry.kind.startswith("break-glass"):
            by_stream[entry.stream].append(entry)
    own = [sheet.number for sheet in sheets if sheet.repository == repository]
    return {number: read_overrides(by_stream[f"contribution/{repository}#{number}"]) for number in own}


def _distinct(found: Iterable[Deviation]) -> tuple[Deviation, ...]:
    """One deviation an item and class, in the order of the closed list; the derived sentence wins."""
    order = {kind.value: place for place, kind in enumerate(DeviationClass)}
    first: dict[tuple[object, ...], Deviation] = {}
    for item in found:
        first.setdefault((item.id, item.repository, item.number, item.commit, item.index), item)
    return tuple(sorted(first.values(), key=lambda item: order[item.id]))


def _check_numbers(pack: EvidencePack) -> Iterator[Finding]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for sheet in pack.contributions:
        numbers[sheet.repository].append(sheet.number)
    for row in pack.untouched:
        numbers[row.repository].append(row.number)
    for repository, found in numbers.items():
        for number, times in sorted(Counter(found).items()):
            if times > 1:
                yield Finding(code="number-twice", where=f"{repository}#{number}", sentence="it is in the pack twice")
        for number in sorted(set(range(1, max(found) + 1)) - set(found)):
            yield Finding(code="number-missing", where=f"{repository}#{number}", sentence="no sheet and no row for it")


def _check_streams(pack: EvidencePack) -> Iterator[Finding]:
    versions = {row.index: parse_entry(row).version for row in pack.entries}
    for sheet in pack.contributions:
        where = f"{sheet.repository}#{sheet.number}"
        found = [versions.get(index, 0) for index in sheet.entries]
        if found != list(range(1, sheet.versions + 1)) or not found:
            sentence = f"the versions of its stream are {found}, not 1 to {sheet.versions} without a gap"
            yield Finding(code="version-gap", where=where, sentence=sentence)


def _check_rested_on(pack: EvidencePack) -> Iterator[Finding]:
    """An index the pack speaks of must be an entry in the pack."""
    carried = {row.index for row in pack.entries}
    rested = [(f"landing {landing.after}", landing.index) for b in pack.completeness for landing in b.landings]
    rested += [(f"policy epoch {policy.epoch}", policy.index) for policy in pack.policies]
    rested += [(f"{row.repository}#{row.number}", row.index) for row in pack.untouched]
    rested += [
        (f"{sheet.repository}#{sheet.number} revision {revision.number}", revision.index)
        for sheet in pack.contributions
        for revision in sheet.revisions
    ]
    rested += [
        (f"{sheet.repository}#{sheet.number} decision", sheet.decision.index)
        for sheet in pack.contributions
        if sheet.decision
    ]
    for where, index in rested:
        if index not in carried:
            yield Finding(code="entry-missing", where=where, sentence=f"audit entry {index} is not in the pack")


def _check_equation(pack: EvidencePack) -> Iterator[Finding]:
    for branch in pack.completeness:
        if not branch.holds:
            sentence = f"git counts {branch.first_parent_count}, the classes sum to {branch.counts.total}"
            yield Finding(code="equation", where=f"{branch.repository} {branch.branch}", sentence=sentence)
