"""The conditions that hold a contribution up whoever signs.

The author's and contributors' prerequisites and the change request (blocked: they must act), reported checks, a clean
merge, draft (pending). Each result says with actual values what is the matter and how to mend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gate.policy.change import Change
from gate.policy.decision import Answer, ConditionResult
from gate.policy.document import ChangeRequest, Check, Prerequisite, Subject
from gate.policy.facts import CheckFacts, Facts
from gate.policy.id_pattern import is_id
from gate.policy.paths import branch_name
from gate.policy.prerequisites import check_person, prerequisites_for
from gate.policy.separation import Separation


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A result and what it makes of the answer when it is not met."""

    result: ConditionResult
    otherwise: Answer
    lapses_at: datetime | None = None


def check_conditions(change: Change) -> tuple[Condition, ...]:
    """Every condition of the policy, met or not, in the order a reader expects."""
    asked = prerequisites_for(change.asking, Subject.AUTHOR, Subject.CONTRIBUTORS)
    found = [_prerequisite(one, change) for one in asked]
    found += [_change_request(one, change.facts) for one in change.effective.change_requests]
    found += [_check(check, change.facts, change.separation) for check in change.policy.checks]
    return tuple(found)


def check_revision(facts: Facts) -> tuple[Condition, ...]:
    """What holds for every revision: it must merge cleanly and be no draft. Only what is not met is listed."""
    found = []
    branch = branch_name(facts.target)
    if not facts.merges_cleanly:
        found.append(
            _condition(
                "conflicts",
                "revision",
                f"The revision conflicts with target {branch}: it does not merge cleanly.",
                f"Merge {branch} into it and resolve the conflicts; that makes a new revision.",
                Answer.PENDING,
            )
        )
    if facts.draft:
        found.append(
            _condition("draft", "revision", "The contribution is a draft.", "Mark it ready for review.", Answer.PENDING)
        )
    return tuple(found)


def _condition(id: str, kind: str, sentence: str, remedy: str, otherwise: Answer) -> Condition:
    return Condition(
        result=ConditionResult(id=id, kind=kind, is_met=False, sentence=sentence, remedy=remedy), otherwise=otherwise
    )


def _prerequisite(one: Prerequisite, change: Change) -> Condition:
    """Everybody it is for must meet it; the author is among the contributors, and they stand in for one not known."""
    separation = change.separation
    author = separation.author if Subject.CONTRIBUTORS not in one.subjects else None
    people = separation.answerable.values() if author is None else [author]
    found = [(person, check_person(one, person, change.asking)) for person in people]
    lacking = [(person, met) for person, met in found if met.missing is not None]
    everybody = "Every contributor" if author is None else "The author"
    sentence = "; ".join(f"{person.name} {met.missing}" for person, met in lacking) or f"{everybody} meets {one.id}"
    return Condition(
        result=ConditionResult(
            id=one.id,
            kind="prerequisite",
            is_met=not lacking,
            sentence=f"{sentence}.",
            remedy=" ".join(dict.fromkeys(met.mend for _, met in lacking)),
            people=tuple(person.id for person, _ in lacking),
        ),
        otherwise=Answer.BLOCKED,
        lapses_at=min((met.lapses_at for _, met in found if met.lapses_at is not None), default=None),
    )


def _change_request(one: ChangeRequest, facts: Facts) -> Condition:
    given = facts.change_request
    is_met = given is not None and is_id(one.pattern, given)
    if is_met:
        sentence = f"The change request is {given}."
    elif given is None:
        sentence = f"There is no change request id, such as {one.example}."
    else:
        sentence = f"The change request id {given[:60]!r} does not look like {one.example}."
    return Condition(
        result=ConditionResult(
            id="change-request",
            kind="change_request",
            is_met=is_met,
            sentence=sentence,
            remedy="" if is_met else f"Give the id of the change request, as {one.example}.",
        ),
        otherwise=Answer.BLOCKED,
    )


def _check(check: Check, facts: Facts, separation: Separation) -> Condition:
    """Met by a success at this head from an allowed reporter, when no allowed reporter says otherwise."""
    named = [report for report in facts.checks if report.name == check.name]
    ignored = [why for report in named if (why := _not_counted(check, report, facts, separation)) is not None]
    counted = [report for report in named if _not_counted(check, report, facts, separation) is None]
    latest = {report.reporter: report for report in sorted(counted, key=lambda report: report.reported_at)}
    bad = [report for report in latest.values() if report.outcome != "success"]
    is_met = bool(latest) and not bad
    if is_met:
        sentence = f"The check {check.name} succeeded, reported by {', '.join(sorted(latest))}."
    elif bad:
        sentence = f"The check {check.name} reported {bad[0].outcome}, by {bad[0].reporter}."
    else:
        sentence = f"The check {check.name} has not been reported for this head" + (
            f" ({'; '.join(ignored)})." if ignored else "."
        )
    return Condition(
        result=ConditionResult(
            id=check.name,
            kind="check",
            is_met=is_met,
            sentence=sentence,
            remedy="" if is_met else f"{' or '.join(check.reporters)} must report success.",
        ),
        otherwise=Answer.PENDING,
    )


def _not_counted(check: Check, report: CheckFacts, facts: Facts, separation: Separation) -> str | None:
    if report.head != facts.head:
        return f"a report by {report.reporter} is for another head"
    if report.reporter not in check.reporters:
        return f"{report.reporter} may not report it"
    if report.reporter_person in separation.excluded:
        return f"{report.reporter} is the token of a contributor"
    return None
