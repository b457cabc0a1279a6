"""The closed list of deviations: what auditors call exceptions, each class with its count, even 0.

A zero is worth something only where somebody looked, so every class says how it is looked for and
whether it was. Classes marked *derived* are computed here from the rows of the pack, and again by
``standalone/verify.py``; the others are found by ``workflow/export`` and handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from gate.domain.words import count_words
from gate.evidence.envelopes import OpenedEntry
from gate.evidence.overrides import OverrideRecord, find_override
from gate.evidence.twin import (
    BranchCompleteness,
    ContributionSheet,
    Deviation,
    DeviationClassRow,
    Landing,
    Outcome,
    PolicyEpoch,
)


class DeviationClass(StrEnum):
    """In the order of the printed list."""

    UNEXPLAINED_COMMIT = "unexplained_commit"
    OVERRIDE = "override"
    OBSERVED_LANDING = "observed_landing"
    HISTORY_REWRITTEN = "history_rewritten"
    EQUATION = "equation"
    BOOTSTRAP_POLICY = "bootstrap_policy"
    SELF_APPROVAL = "self_approval"
    SIGNED_AFTER_LANDING = "signed_after_landing"
    ORDER_NOT_PROVEN = "order_not_proven"
    STALE_AT_LANDING = "stale_at_landing"
    REFUSED_SIGNATURE = "refused_signature"
    UNATTRIBUTED = "unattributed"
    MISSING_CHANGE_REQUEST = "missing_change_request"
    POLICY_LOWERED = "policy_lowered"
    ROLE_LOST_AFTER_SIGNING = "role_lost_after_signing"
    KEY_REVOKED = "key_revoked"
    CONTROL_LAPSE = "control_lapse"
    CLOCK_OFFSET = "clock_offset"


TITLES: dict[DeviationClass, tuple[str, str]] = {
    DeviationClass.UNEXPLAINED_COMMIT: (
        "Commit on a protected branch that the gate did not let in",
        "every step of the branch is compared with the decisions",
    ),
    DeviationClass.OVERRIDE: ("Landed by break-glass override", "class of the landing entry"),
    DeviationClass.OBSERVED_LANDING: (
        "Landed unapproved while the repository was only observed or warned",
        "class of the landing entry",
    ),
    DeviationClass.HISTORY_REWRITTEN: (
        "Protected branch rewritten or moved back",
        "the old tip must be an ancestor of the new one",
    ),
    DeviationClass.EQUATION: ("Completeness equation does not hold", "sum of the classes against git's count"),
    DeviationClass.BOOTSTRAP_POLICY: (
        "Policy in force without a signed change (first activation)",
        "the first policy epoch has no earlier policy to approve it",
    ),
    DeviationClass.SELF_APPROVAL: (
        "Approved by somebody who contributed to it",
        "signers against contributors of all revisions",
    ),
    DeviationClass.SIGNED_AFTER_LANDING: ("Signed after it had landed", "times of signatures and landings"),
    DeviationClass.ORDER_NOT_PROVEN: (
        "Landed approved, and nothing shows that the approval was there before",
        "the record, or the git server's word, against the decisions",
    ),
    DeviationClass.STALE_AT_LANDING: (
        "Landed revision is not the last recorded one",
        "landed head against the last revision",
    ),
    DeviationClass.REFUSED_SIGNATURE: (
        "Signing attempt refused (failed re-authentication or other)",
        "approval-refused entries of the contribution",
    ),
    DeviationClass.UNATTRIBUTED: (
        "Contributor whose address belongs to nobody in the directory",
        "contributors of all revisions",
    ),
    DeviationClass.MISSING_CHANGE_REQUEST: ("Landed without a change request", "sheets with a landing"),
    DeviationClass.POLICY_LOWERED: (
        "Policy requirement lowered in the period",
        "comparison of the policy epochs is not made by this version",
    ),
    DeviationClass.ROLE_LOST_AFTER_SIGNING: (
        "Signer lost the role after signing",
        "the directory of today is not compared by this version",
    ),
    DeviationClass.KEY_REVOKED: ("Signed with a revoked key", "no key register is kept by this version"),
    DeviationClass.CONTROL_LAPSE: (
        "Interval in which the gate or its hook was not enforcing",
        "heartbeats of enforcement are not recorded by this version",
    ),
    DeviationClass.CLOCK_OFFSET: (
        "Clock of the gate off by more than its limit",
        "the offset of the clock is not recorded by this version",
    ),
}

DERIVED = frozenset(tuple(DeviationClass)[:13])


def build_classes(
    found: Iterable[Deviation], looked_for: Iterable[DeviationClass] = ()
) -> tuple[DeviationClassRow, ...]:
    """The closed list with its counts; derived classes are always looked for."""
    counts = Counter(item.id for item in found)
    known = DERIVED | set(looked_for) | {DeviationClass(name) for name in counts}
    return tuple(
        DeviationClassRow(
            id=item.value, title=TITLES[item][0], how=TITLES[item][1], looked_for=item in known, count=counts[item]
        )
        for item in DeviationClass
    )


def derive_from_branch(
    branch: BranchCompleteness, overrides: Mapping[int | None, Sequence[OverrideRecord]] | None = None
) -> Iterator[Deviation]:
    """What the landings of one protected branch say; ``overrides`` are the break-glass records by contribution."""
    where = f"{branch.repository} {branch.branch}"
    classes = {
        Outcome.UNEXPLAINED: (DeviationClass.UNEXPLAINED_COMMIT, "is on the branch, and the gate did not let it in"),
        Outcome.OVERRIDDEN: (DeviationClass.OVERRIDE, "landed by break-glass override; a review is owed"),
        Outcome.OBSERVED: (DeviationClass.OBSERVED_LANDING, "landed without approval; this mode blocks nothing"),
    }
    for landing in branch.landings:
        if landing.outcome in classes:
            kind, words = classes[landing.outcome]
            found = find_override((overrides or {}).get(landing.number, ()), landing.head, landing.index)
            if landing.outcome is Outcome.OVERRIDDEN and found is not None:
                words = f"landed by break-glass override of {found.who}; {found.review_state}"
            for commit in landing.commits:
                yield Deviation(
                    id=kind,
                    sentence=f"{where}: commit {commit} {words}.",
                    repository=branch.repository,
                    number=landing.number,
                    commit=commit,
                    index=landing.index,
                )
    if branch.rewritten:
        yield Deviation(
            id=DeviationClass.HISTORY_REWRITTEN,
            sentence=f"{where}: {_tell_rewritten(branch)} Commits that had landed are no longer on the branch.",
            repository=branch.repository,
            commit=branch.to_commit,
        )
    if not branch.holds:
        why = " Those that were taken away are still on record." if branch.rewritten else ""
        sentence = (
            f"{where}: git counts {count_words(branch.first_parent_count, 'first-parent commit')}, and "
            f"{count_words(branch.counts.total, 'commit')} landed by the record.{why}"
        )
        yield Deviation(
            id=DeviationClass.EQUATION, sentence=sentence, repository=branch.repository, commit=branch.to_commit
        )


def _tell_rewritten(branch: BranchCompleteness) -> str:
    """How it was rewritten, as far as its steps say."""
    back = next((step for step in branch.landings if not step.commits), None)
    if back is not None:
        return f"history was rewritten: the branch was moved back from {back.before} to {back.after}."
    if branch.from_commit == branch.to_commit:
        return f"history was rewritten: the branch was moved away from {branch.from_commit}, and back to it."
    return f"history was rewritten: {branch.to_commit} does not build on {branch.from_commit}."


def derive_from_order(index: int, said: Mapping[str, Any]) -> Deviation:
    """A landing that nothing shows to be younger than the yes it counts by (``docs/adr/0010``)."""
    since = said["order"]["since"]
    what = "no decision on record" if since is None else f"the decision of audit entry {since}"
    sentence = (
        f"{said['repository']} {said['targetRef']}: {said['after']} landed as {said['outcome']} by {what}, and nothing "
        "shows that it stood before the branch moved."
    )
    place = {"repository": said["repository"], "number": said["number"], "index": index}
    return Deviation(id=DeviationClass.ORDER_NOT_PROVEN, sentence=sentence, **place)


def derive_from_sheet(sheet: ContributionSheet, landings: tuple[Landing, ...]) -> Iterator[Deviation]:
    """What one sheet says by itself, ``landings`` being those of this contribution."""
    yield from _self_approvals(sheet)
    for row in sheet.contributors:
        if row.person is None:
            yield _of_sheet(sheet, DeviationClass.UNATTRIBUTED, f"{row.part} “{row.name}” is nobody's ({row.how}).")
    if landings:
        yield from _late_signatures(sheet, min(landing.at for landing in landings))
        yield from _stale_landings(sheet, landings)
        if _lacks_change_request(sheet):
            yield _of_sheet(sheet, DeviationClass.MISSING_CHANGE_REQUEST, "landed without the change request it needs.")


def _of_sheet(
    sheet: ContributionSheet, kind: DeviationClass, words: str, *, index: int | None = None, commit: str | None = None
) -> Deviation:
    return Deviation(
        id=kind,
        sentence=f"{sheet.repository}#{sheet.number}: {words}",
        repository=sheet.repository,
        number=sheet.number,
        index=index,
        commit=commit,
    )


def _self_approvals(sheet: ContributionSheet) -> Iterator[Deviation]:
    """Only approvals the decision counted: one that was refused its slot is the gate at work."""
    counted = sheet.decision.document.get("counted") if sheet.decision else None
    persons = {row.person for row in sheet.contributors if row.person}
    for row in sheet.signatures:
        if isinstance(counted, list) and row.index in counted and row.person in persons:
            words = f"{row.name} contributed to it, and the approval was counted."
            yield _of_sheet(sheet, DeviationClass.SELF_APPROVAL, words, index=row.index)


def derive_from_review(sheet: ContributionSheet, entry: OpenedEntry) -> Iterator[Deviation]:
    """The same of a review on a forge, which is no signature and stands in no signature's block."""
    counted = sheet.decision.document.get("counted") if sheet.decision else None
    reviewer = entry.predicate.get("reviewer") or {}
    persons = {row.person for row in sheet.contributors if row.person}
    if isinstance(counted, list) and entry.index in counted and reviewer.get("id") in persons:
        words = f"{reviewer['displayName']} contributed to it, and the review on the forge was counted."
        yield _of_sheet(sheet, DeviationClass.SELF_APPROVAL, words, index=entry.index)


def _late_signatures(sheet: ContributionSheet, landed_at: str) -> Iterator[Deviation]:
    for row in sheet.signatures:
        if row.result == "APPROVED" and row.signed_at > landed_at:
            words = f"{row.name} signed at {row.signed_at}, after the landing at {landed_at}."
            yield _of_sheet(sheet, DeviationClass.SIGNED_AFTER_LANDING, words, index=row.index)


def _stale_landings(sheet: ContributionSheet, landings: tuple[Landing, ...]) -> Iterator[Deviation]:
    last = sheet.revisions[-1].head if sheet.revisions else None
    for landing in landings:
        if landing.head is not None and landing.head != last:
            words = f"{landing.head} landed, the last recorded revision is {last}."
            yield _of_sheet(sheet, DeviationClass.STALE_AT_LANDING, words, index=landing.index, commit=landing.head)


def _lacks_change_request(sheet: ContributionSheet) -> bool:
    """Missing *and needed*: the decision has an unmet condition of that kind."""
    conditions = sheet.decision.document.get("conditions") if sheet.decision else None
    return isinstance(conditions, list) and any(
        isinstance(item, dict) and item.get("kind") == "change_request" and item.get("is_met") is False
        for item in conditions
    )


def derive_from_policy(policy: PolicyEpoch) -> Iterator[Deviation]:
    """The first policy had nothing before it that could approve it, and the pack says so."""
    if policy.epoch == 1:
        yield Deviation(
            id=DeviationClass.BOOTSTRAP_POLICY,
            sentence=f"Policy epoch 1 was put in force by {policy.by} at {policy.activated_at}; "
            "no policy existed that could have approved it.",
            index=policy.index,
        )
