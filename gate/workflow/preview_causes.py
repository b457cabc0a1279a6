"""Why a landing would have stopped, and whether that is the policy's doing or only something missing around it.

A cause is *false* when nothing is wrong with the change: an address that is nobody's, a group that is not there, a
fact that a clone cannot show. Setting things up mends it. The others are *real*: the policy means to stop this. Each
has its mend. What signatures can give (approvals, exemptions from freezes) is a need, never a cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from gate.policy.decision import Decision, Reason, RequirementResult
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.exceptions import find_open
from gate.policy.facts import Facts
from gate.policy.prerequisites import MEND_ENTITY, MEND_REPOSITORY_ENTITY
from gate.workflow.preview_facts import robots_by_address

EXAMPLES: Final = 3
NAMED: Final = 3
NO_ENTITY: Final = "belongs to no legal entity"
# Which rules apply may hang on teams and kinds of people, and of somebody unknown neither is known.
_FOLLOWS_FROM_UNKNOWN: Final = ("unattributed", "no-rule", "missing-facts")
_NO_STOP: Final = ("approval-missing", "out-of-scope")


class Kind(StrEnum):
    FALSE = "false"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class About:
    """What a cause is called, and what to do about it."""

    kind: Kind
    title: str
    mend: str


CAUSES: Final = {
    "unattributed": About(
        Kind.FALSE,
        "addresses that are nobody's",
        "Add each to the directory entry of its person, or declare it as a robot's in repositories.yaml (the forge's "
        "own, too). What is no address at all only its author can mend, by git config user.email.",
    ),
    "change_request": About(
        Kind.FALSE,
        "no change request in any subject",
        "Name it in the branch, the title or a subject, or give it on the page: a clone shows only the subjects.",
    ),
    "no-label": About(
        Kind.FALSE,
        "only a rule that asks for labels would apply",
        "A clone has no labels. Where the forge reports them nothing is to be done; otherwise add a rule without any.",
    ),
    "missing-facts": About(
        Kind.FALSE,
        "a fact that nobody recorded",
        "docs/policy.md says who records which; people's come with --people or --instance. The lines of a binary file "
        "never come: ask for lines_over instead of change.lines.",
    ),
    "entity-unknown": About(
        Kind.FALSE,
        "a legal entity that is not known",
        "Add `entity:` to the repository in repositories.yaml, and their entity to people's directory entries.",
    ),
    "robot-without-sponsor": About(
        Kind.FALSE,
        "a robot without a sponsor",
        "Name a sponsor whom the directory knows, in repositories.yaml.",
    ),
    "group-unreadable": About(
        Kind.FALSE,
        "a group that cannot be read",
        "Make the group in the directory, or correct its name under `identity.roles`.",
    ),
    "group-empty": About(
        Kind.FALSE,
        "a role that nobody holds",
        "Put people into the group.",
    ),
    "approver-unknown": About(
        Kind.FALSE,
        "approvers of whom too little is known",
        "Give approvers a department or entity in the directory; with --instance the attribute is its settings'.",
    ),
    "nobody-can": About(
        Kind.REAL,
        "nobody could sign",
        "Let more people hold the role, or ask for fewer: whoever took part never counts.",
    ),
    "prerequisite": About(
        Kind.REAL,
        "a contributor may not contribute",
        "It holds until the policy lists the pair of legal entities.",
    ),
    "freeze": About(
        Kind.REAL,
        "it landed in a freeze",
        "It waits until the freeze ends; with `exempt` somebody could let it through.",
    ),
    "no-rule": About(
        Kind.REAL,
        "no rule applies",
        "Add a rule for such changes, or leave them out of scope: what no rule allows stays shut.",
    ),
    "no-owner": About(
        Kind.REAL,
        "paths that nobody owns",
        "Name the owning teams in repositories.yaml.",
    ),
    "no-changes": About(
        Kind.REAL,
        "nothing changed",
        "There is nothing to approve; such a merge is not needed.",
    ),
}
_OTHER: Final = About(Kind.REAL, "another reason", "Its sentence says what is the matter.")


def about(code: str) -> About:
    return CAUSES.get(code, _OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a merge would stop. ``addresses`` are those that are nobody's; causes of one ``topic`` count as one."""

    code: str
    sentence: str
    addresses: tuple[str, ...] = ()
    topic: str = ""

    @property
    def is_false(self) -> bool:
        return about(self.code).kind is Kind.FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What one cause says of ``count`` merges, in the words of the newest of them."""

    sentence: str
    count: int
    sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseGroup:
    """All merges one cause would stop. A merge with two causes is in two groups."""

    code: str
    kind: Kind
    title: str
    mend: str
    count: int
    examples: tuple[Example, ...]
    addresses: tuple[tuple[str, int], ...] = ()


def find_causes(policy: EffectivePolicy, facts: Facts, decision: Decision) -> Iterator[Cause]:
    """What no signature mends. The unknown addresses of one merge are one cause, with what follows from them alone."""
    unknown = _unattributed(policy, facts)
    if unknown:
        sentence = f"Nobody is known by {', '.join(unknown)}."
        yield Cause(code="unattributed", sentence=sentence, addresses=unknown, topic="addresses")
    exemptible = {one.id for one in decision.freezes if one.exempt is not None}
    for reason in decision.reasons:
        if reason.code in _NO_STOP or (unknown and reason.code in _FOLLOWS_FROM_UNKNOWN):
            continue
        if reason.code != "freeze" or reason.rule not in exemptible:
            yield Cause(code=_code(policy, facts, decision, reason), sentence=reason.sentence)
    faulty = {reason.rule for reason in decision.reasons if reason.code.startswith("group-")}
    for one in find_open(decision):
        if not one.need.is_satisfiable and one.of not in faulty:
            yield _nobody(one.need)


def _nobody(need: RequirementResult) -> Cause:
    others = len(need.disqualified) - NAMED
    why = [one.reason for one in need.disqualified[:NAMED]] + ([f"and {others} more"] if others > 0 else [])
    is_told = all("cannot be told" not in one.reason and NO_ENTITY not in one.reason for one in need.disqualified)
    role = name_role(need)
    sentence = f"Nobody can sign as {role}{': ' if why else ''}{'; '.join(why)}."
    return Cause(code="nobody-can" if is_told else "approver-unknown", sentence=sentence, topic=role)


def name_role(need: RequirementResult) -> str:
    return f"{need.role} of {need.team}" if need.team is not None else need.role


def group_causes(stopped: Iterable[tuple[str, tuple[Cause, ...]]]) -> tuple[CauseGroup, ...]:
    """By cause, false ones first, then the most frequent. ``stopped`` are merges with their causes, oldest first."""
    found: dict[str, dict[str, list[Cause]]] = {}
    for sha, causes in stopped:
        for cause in causes:
            found.setdefault(cause.code, {}).setdefault(sha, []).append(cause)
    groups = (_group(code, merges) for code, merges in found.items())
    return tuple(sorted(groups, key=lambda one: (one.kind is Kind.REAL, -one.count, one.code)))


def count_each(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Most frequent first."""
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _group(code: str, merges: dict[str, list[Cause]]) -> CauseGroup:
    newest = {cause.topic or cause.sentence: (cause, sha) for sha, causes in merges.items() for cause in causes}
    said = count_each(one for causes in merges.values() for one in {cause.topic or cause.sentence for cause in causes})
    return CauseGroup(
        code=code,
        kind=about(code).kind,
        title=about(code).title,
        mend=about(code).mend,
        count=len(merges),
        examples=tuple(
            Example(sentence=newest[one][0].sentence, count=count, sha=newest[one][1]) for one, count in said[:EXAMPLES]
        ),
        addresses=count_each(one for causes in merges.values() for cause in causes for one in cause.addresses),
    )


def _code(policy: EffectivePolicy, facts: Facts, decision: Decision, reason: Reason) -> str:
    """The evaluator's code, or one that tells what is not known from what is not allowed."""
    if reason.code == "no-rule" and _has_rule_with_labels(policy, facts):
        return "no-label"
    if reason.code == "prerequisite":
        remedy = next((one.remedy for one in decision.conditions if one.id == reason.rule), "")
        for mend in (MEND_ENTITY, MEND_REPOSITORY_ENTITY):
            remedy = remedy.replace(mend, "")
        return reason.code if remedy.strip() else "entity-unknown"
    if reason.code == "missing-facts" and (MEND_ENTITY in reason.sentence or MEND_REPOSITORY_ENTITY in reason.sentence):
        return "entity-unknown"
    return reason.code


def _has_rule_with_labels(policy: EffectivePolicy, facts: Facts) -> bool:
    """Whether a rule would apply had the change every label that rules ask for."""
    labels = tuple(dict.fromkeys(label for rule in policy.policy.rules for label in rule.when.labels))
    if not labels or facts.labels is None:
        return False
    labelled = evaluate(policy, replace(facts, labels=labels))
    return all(reason.code != "no-rule" for reason in labelled.reasons)


def _unattributed(policy: EffectivePolicy, facts: Facts) -> tuple[str, ...]:
    robots = robots_by_address(policy).keys()
    nobody = {one.address for one in facts.contributors if one.person is None and one.part != "pusher"}
    return tuple(sorted(address or "(an empty address)" for address in nobody - robots))
