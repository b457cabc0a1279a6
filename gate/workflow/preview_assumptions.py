"""What ``gate preview`` takes as given because a clone cannot tell it, in plain words for the report.

Only what the policy at hand asks about is said, so that each line matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gate.domain.contribution import StepKind
from gate.domain.words import count_words
from gate.git.mirror import Mirror
from gate.git.survey import LandedChange, is_shallow
from gate.policy.document import Policy, Rule
from gate.policy.effective import EffectivePolicy
from gate.policy.expressions import is_named
from gate.workflow.preview_facts import FORGE_COMMITTER, is_committed_by_forge, labels_of
from gate.workflow.preview_people import Roster

_SIZES = ("change.lines", "change.files")


def asks_for_sizes(policy: Policy) -> bool:
    """Whether any rule hangs on how many lines or files changed."""
    return any(
        rule.when.lines_over is not None
        or rule.when.files_over is not None
        or any(is_named(name, text) for text in _expressions(rule) for name in _SIZES)
        for rule in policy.rules
    )


def list_assumptions(
    mirror: Mirror, policy: EffectivePolicy, roster: Roster, changes: Sequence[LandedChange]
) -> Iterator[str]:
    """One sentence each."""
    yield "Each commit on the branch's first-parent line is taken for one contribution of one revision, no draft."
    yield "Each is decided as of the time it landed, by its committer's clock: freezes held as they held then."
    yield "Who pushed is not in git: the commits' authors, committers and co-authors stand for all contributors."
    yield from _people(policy, roster)
    yield from _registers(policy.policy)
    yield from _acts(policy.policy)
    yield from _facts(policy, changes)
    yield from _history(mirror, changes)


def _people(policy: EffectivePolicy, roster: Roster) -> Iterator[str]:
    if roster.is_live:
        yield "People, teams and roles are as the directory has them today, not as they were then."
        return
    yield "No directory was asked: each address is taken for one person; the gate would look it up in yours."
    yield "Teams and roles are not known: every change counts as cross-team, and every signature as obtainable."
    if _asks_for_entities(policy.policy):
        yield "Legal entities are not known: everybody is taken to belong to the one that owns the repository."
    if any(one.expr is not None for rule in policy.policy.rules for one in rule.require):
        yield "Approvers are not known: what `expr` asks of them is taken as met."


def _registers(policy: Policy) -> Iterator[str]:
    named = [one.id for one in policy.prerequisites if not one.entities]
    if named:
        yield f"Registers were not read: the prerequisites {', '.join(named)} are taken as met."
    if policy.checks:
        named = [one.name for one in policy.checks]
        yield f"Reported checks are not in git: {', '.join(named)} are taken as reported with success."


def _acts(policy: Policy) -> Iterator[str]:
    """What people would sign in the gate: all of it is still to come."""
    if policy.veto is not None:
        yield "Vetoes are not in git: nothing is taken as rejected."
    if any(one.forge_review for rule in policy.rules for one in rule.require):
        yield "Reviews made on the forge are not in git: where one may stand in, a signature is counted as needed."
    if policy.delegation is not None:
        yield "Delegations are not in git: roles are signed for by those who hold them."
    if policy.break_glass is not None:
        yield "Nobody is taken to have broken the glass, and no review of an earlier override as overdue."
    if any(one.exempt is not None for one in policy.freezes):
        yield "Exemptions from freezes count as obtainable, like every signature."


def _facts(policy: EffectivePolicy, changes: Sequence[LandedChange]) -> Iterator[str]:
    if policy.change_requests:
        yield "A change request is looked for in subjects only; the gate also reads the branch's name and the title."
    if labels_of(policy) is not None and _asks_for_labels(policy.policy):
        yield "Labels are not in git: every change is taken to have none, so rules that ask for one do not apply."
    unsized = sum(1 for change in changes if not change.is_sized)
    if asks_for_sizes(policy.policy) and unsized:
        merges = count_words(unsized, "merge")
        yield f"The clone lacks contents of {merges}: their lines count as more than any limit, a renamed file as two."
    if policy.robots:
        yield "A change that a robot wrote is taken for pushed and opened by that robot's login."
    if any(is_committed_by_forge(change) for change in changes):
        yield f"What {FORGE_COMMITTER} committed on the branch is a squash: the gate sees what it was made of."


def _history(mirror: Mirror, changes: Sequence[LandedChange]) -> Iterator[str]:
    if any(change.landed.kind is StepKind.MERGE for change in changes):
        yield "A merge commit is taken for the exact merge; one with changes of its own would be a revision to approve."
    if any(change.parents > 2 for change in changes):
        yield "Merges of more than two parents are among them; the gate lets only merges of two land."
    if is_shallow(mirror):
        yield "The clone is shallow: its oldest merges look larger than they were."


def _expressions(rule: Rule) -> Iterator[str]:
    texts = (rule.when.expr, *(one.expr for one in rule.require))
    return (text for text in texts if text is not None)


def _asks_for_labels(policy: Policy) -> bool:
    return any(
        rule.when.labels or any(is_named("change.labels", text) for text in _expressions(rule)) for rule in policy.rules
    )


def _asks_for_entities(policy: Policy) -> bool:
    return any(one.entities for one in policy.prerequisites) or any(
        rule.when.cross_entity is not None for rule in policy.rules
    )
