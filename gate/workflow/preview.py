"""What a policy would have done to what landed: read-only, on any clone, with no server and no record.

Each first-parent commit of the branch is taken for one contribution: what it changed, and who made the commits
it brought. The policy is evaluated as the gate would, without signatures. A merge *would stop* for what no
signature can mend (an address that is nobody's, no change request, nobody who could sign, no rule, an error);
the others *need signatures*, which are taken as obtainable, or are out of scope by rule. What a clone cannot
tell is listed in ``Preview.assumptions`` and never counted for or against a merge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.directory.api import Directory
from gate.domain.contribution import StepKind
from gate.domain.errors import InputError
from gate.domain.words import count_words
from gate.git.mirror import Mirror
from gate.git.survey import LandedChange, Progress, default_branch, is_shallow, survey
from gate.policy.decision import Decision, RequirementResult, RuleResult
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import Facts
from gate.policy.ownership import role_groups
from gate.workflow.attribute import claimed_addresses
from gate.workflow.preview_facts import build_facts, changed_paths, robots_by_address
from gate.workflow.preview_people import Roster, build_roster, load_roster

FORMAT = "gate-preview/v1"
USUAL_BRANCHES = ("main", "master")
# Which rules apply may hang on teams, and the team of somebody unknown is not known either.
_FOLLOWS_FROM_UNKNOWN = ("unattributed", "no-rule")
_NO_STOP = ("approval-missing", "out-of-scope")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a merge would stop. ``addresses`` are set for those that are nobody's."""

    code: str
    sentence: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """One landing. It stops when ``causes`` is not empty; ``out_of_scope`` names the rule that leaves it out."""

    sha: str
    subject: str
    at: datetime
    is_merge: bool
    commits: int
    paths: int
    causes: tuple[Cause, ...] = ()
    needs: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    out_of_scope: str | None = None

    @property
    def outcome(self) -> str:
        if self.causes:
            return "stop"
        return "out-of-scope" if self.out_of_scope is not None else "signatures"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseGroup:
    """All merges one cause would stop. A merge with two causes is in two groups."""

    code: str
    count: int
    sentence: str
    addresses: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """``merges`` are oldest first; ``needs`` and ``out_of_scope`` are counts by role and by rule."""

    repository: str
    branch: str
    policy: str
    days: int
    merges: tuple[MergePreview, ...]
    stops: tuple[CauseGroup, ...]
    needs: tuple[tuple[str, int], ...]
    out_of_scope: tuple[tuple[str, int], ...]
    assumptions: tuple[str, ...]

    def count(self, outcome: str) -> int:
        return sum(1 for one in self.merges if one.outcome == outcome)

    @property
    def headline(self) -> str:
        """ "Of 412 merges in 90 days, 31 would stop, 22 of them because of 4 unattributed addresses"."""
        merges, days = count_words(len(self.merges), "merge"), count_words(self.days, "day")
        text = f"Of {merges} in {days}, {self.count('stop')} would stop"
        unknown = next((one for one in self.stops if one.code == "unattributed"), None)
        if unknown is None:
            return text
        addresses = count_words(len(unknown.addresses), "unattributed address", "unattributed addresses")
        return f"{text}, {unknown.count} of them because of {addresses}"


def find_branch(mirror: Mirror, wanted: str | None) -> tuple[str, str]:
    """The branch's name and the ref that holds it here: its own, or what was last fetched of it.

    Without a wish: main, master, or what HEAD names. ``InputError`` lists what there is.
    """
    head = default_branch(mirror)
    names = (wanted,) if wanted is not None else (*USUAL_BRANCHES, *([head] if head is not None else []))
    for name in (name.removeprefix("refs/heads/") for name in names):
        for ref in (f"refs/heads/{name}", f"refs/remotes/origin/{name}"):
            if mirror.tip(ref) is not None:
                return name, ref
    there = [branch.removeprefix("refs/heads/") for branch in mirror.branches()]
    raise InputError(
        f"{mirror.repository} has no branch {wanted or ' or '.join(USUAL_BRANCHES)}.",
        code="no-such-branch",
        field="branch",
        remedy=f"Name one with --branch: {', '.join(there[:20])}." if there else "It has no commits on a branch yet.",
    )


def build_preview(
    mirror: Mirror,
    policy: EffectivePolicy,
    branch: tuple[str, str],
    *,
    days: int,
    now: datetime,
    directory: Directory | None,
    progress: Progress,
) -> Preview:
    """Evaluate everything that landed in the last ``days``. ``branch`` is what ``find_branch`` found.

    Raises ``UnavailableError`` when git or the directory cannot answer.
    """
    name, ref = branch
    changes = survey(mirror, ref, now - timedelta(days=days), progress)
    target = f"refs/heads/{name}"
    roster = _roster(policy, changes, directory, now, progress)
    merges = []
    for number, change in enumerate(changes, 1):
        merges.append(_merge(policy, change, roster, target, number, now))
        if number % 200 == 0:
            progress(f"{number} of {len(changes)} merges evaluated")
    return Preview(
        repository=policy.repository.id,
        branch=name,
        policy=policy.id,
        days=days,
        merges=tuple(merges),
        stops=_group(merges),
        needs=_counted(need for one in merges if one.outcome == "signatures" for need in one.needs),
        out_of_scope=_counted(one.out_of_scope for one in merges if not one.causes and one.out_of_scope is not None),
        assumptions=tuple(_assumptions(mirror, policy, roster, changes)),
    )


def _roster(
    policy: EffectivePolicy,
    changes: Sequence[LandedChange],
    directory: Directory | None,
    now: datetime,
    progress: Progress,
) -> Roster:
    addresses = claimed_addresses(commit for change in changes for commit in change.commits)
    groups = dict.fromkeys(group for change in changes for group in role_groups(policy, changed_paths(change)))
    if directory is None:
        return build_roster(policy, addresses, groups, now.date())
    asked = f"{count_words(len(addresses), 'address', 'addresses')} and {count_words(len(groups), 'group')}"
    progress(f"asking the directory about {asked}")
    return load_roster(directory, policy, addresses, groups, now.date())


def _merge(
    policy: EffectivePolicy, change: LandedChange, roster: Roster, target: str, number: int, now: datetime
) -> MergePreview:
    facts = build_facts(policy, change, roster, target, number, now)
    decision = evaluate(policy, facts)
    causes = tuple(_causes(policy, facts, decision))
    open_needs = [need for rule in decision.rules for need in rule.requirements if need.missing]
    return MergePreview(
        sha=change.landed.sha,
        subject=change.landed.subject,
        at=change.landed.at,
        is_merge=change.landed.kind is StepKind.MERGE,
        commits=len(change.commits),
        paths=len(change.paths),
        causes=causes,
        needs=tuple(_need(need) for need in open_needs),
        because=tuple(_because(rule, roster) for rule in decision.rules if rule.requirements),
        out_of_scope=decision.out_of_scope,
    )


def _because(rule: RuleResult, roster: Roster) -> str:
    """Why the rule applies, with values; without a directory the values are made up, so its own words."""
    return f"{rule.id}: {'; '.join(rule.because) if roster.is_live else rule.description}"


def _causes(policy: EffectivePolicy, facts: Facts, decision: Decision) -> Iterable[Cause]:
    """What no signature mends. The unknown addresses of one merge are one cause, with what follows from them alone."""
    unknown = _unattributed(policy, facts)
    if unknown:
        yield Cause(code="unattributed", sentence=f"Nobody is known by {', '.join(unknown)}.", addresses=unknown)
    for reason in decision.reasons:
        if reason.code not in _NO_STOP and not (unknown and reason.code in _FOLLOWS_FROM_UNKNOWN):
            yield Cause(code=reason.code, sentence=reason.sentence)
    faulty = {reason.rule for reason in decision.reasons if reason.code.startswith("group-")}
    for rule in decision.rules:
        for need in rule.requirements:
            if not need.is_satisfiable and rule.id not in faulty:
                who = f"{need.role} of {need.team}" if need.team is not None else need.role
                why = "; ".join(one.reason for one in need.disqualified[:5])
                yield Cause(code="nobody-can", sentence=f"Nobody can sign as {who}{f': {why}' if why else ''}.")


def _unattributed(policy: EffectivePolicy, facts: Facts) -> tuple[str, ...]:
    robots = robots_by_address(policy).keys()
    nobody = {one.address for one in facts.contributors if one.person is None and one.part != "pusher"}
    return tuple(sorted(address or "(an empty address)" for address in nobody - robots))


def _need(need: RequirementResult) -> str:
    return f"{need.missing} {need.role} of {need.team}" if need.team is not None else f"{need.missing} {need.role}"


def _group(merges: Iterable[MergePreview]) -> tuple[CauseGroup, ...]:
    stopped: dict[str, list[Cause]] = {}
    counts: Counter[str] = Counter()
    for merge in merges:
        counts.update({cause.code for cause in merge.causes})
        for cause in merge.causes:
            stopped.setdefault(cause.code, []).append(cause)
    return tuple(
        CauseGroup(
            code=code,
            count=count,
            sentence=stopped[code][0].sentence,
            addresses=_counted(address for cause in stopped[code] for address in cause.addresses),
        )
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _counted(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _assumptions(
    mirror: Mirror, policy: EffectivePolicy, roster: Roster, changes: Sequence[LandedChange]
) -> Iterable[str]:
    """What the clone cannot tell, in plain words."""
    yield "Each commit on the branch's first-parent line is taken for one contribution of one revision."
    yield "Who pushed is not in git: the commits' authors, committers and co-authors stand for all contributors."
    if roster.is_live:
        yield "People, teams and roles are as the directory has them today, not as they were then."
    else:
        yield "No directory was asked: each address is taken for one person; the gate would look it up in yours."
        yield "Teams and roles are not known: every change counts as cross-team, and every signature as obtainable."
    if policy.policy.prerequisites:
        named = ", ".join(one.id for one in policy.policy.prerequisites)
        yield f"Registers were not read: the prerequisites {named} are taken as met."
    if policy.policy.checks:
        named = ", ".join(one.name for one in policy.policy.checks)
        yield f"Reported checks are not in git: {named} are taken as reported with success."
    if policy.change_requests:
        yield "A change request is looked for in subjects only; the gate also reads the branch's name and the title."
    if policy.robots:
        yield "A change whose every commit carries a robot's address is taken for pushed by that robot's login."
    if any(change.landed.kind is StepKind.MERGE for change in changes):
        yield "A merge commit is taken for the exact merge; one with changes of its own would be a revision to approve."
    if any(change.parents > 2 for change in changes):
        yield "Merges of more than two parents are among them; the gate lets only merges of two land."
    if is_shallow(mirror):
        yield "The clone is shallow: its oldest merges look larger than they were."
