"""What a policy would have done to what landed: read-only, on any clone, with no server and no record.

Each first-parent commit of the branch is taken for one contribution: what it changed, and who made the commits
it brought. The policy is evaluated as the gate would have when it landed, without signatures. A merge *would stop* for
what no signature can mend; falsely, where nothing is wrong with the change (``preview_causes.py``). The others *need
signatures*, which are taken as obtainable, or are out of scope by rule. What a clone cannot tell is listed in
``Preview.assumptions`` and never counted for or against a merge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.directory.api import Directory
from gate.domain.contribution import StepKind
from gate.domain.errors import InputError
from gate.domain.words import count_words
from gate.git.mirror import Mirror
from gate.git.survey import LandedChange, Progress, default_branch, survey
from gate.policy.decision import RequirementResult, RuleResult
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.exceptions import find_open
from gate.policy.ownership import role_groups
from gate.workflow.attribute import claimed_addresses
from gate.workflow.preview_assumptions import asks_for_sizes, list_assumptions
from gate.workflow.preview_causes import (
    Cause,
    CauseGroup,
    count_each,
    find_causes,
    group_causes,
    name_role,
)
from gate.workflow.preview_facts import build_facts, changed_paths, claiming_commits
from gate.workflow.preview_people import Roster, admit_all, build_roster, load_roster

FORMAT = "gate-preview/v1"
USUAL_BRANCHES = ("main", "master")


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

    @property
    def is_false_stop(self) -> bool:
        """It would stop, and nothing is wrong with it."""
        return bool(self.causes) and all(cause.is_false for cause in self.causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """``merges`` are oldest first; ``needs`` and ``out_of_scope`` are counts by role and by rule.

    ``days`` None: as far back as there were merges to look at.
    """

    repository: str
    branch: str
    policy: str
    days: int | None
    merges: tuple[MergePreview, ...]
    stops: tuple[CauseGroup, ...]
    needs: tuple[tuple[str, int], ...]
    out_of_scope: tuple[tuple[str, int], ...]
    assumptions: tuple[str, ...]

    def count(self, outcome: str) -> int:
        return sum(1 for one in self.merges if one.outcome == outcome)

    @property
    def false_stops(self) -> int:
        return sum(1 for one in self.merges if one.is_false_stop)

    @property
    def headline(self) -> str:
        """ "Of 412 merges in 90 days, 31 would stop, 9 of them because of 2 unattributed addresses; 9 stop falsely"."""
        merges = count_words(len(self.merges), "merge")
        which = f"Of {merges} in {count_words(self.days, 'day')}" if self.days is not None else f"Of the last {merges}"
        text = f"{which}, {self.count('stop')} would stop"
        unknown = next((one for one in self.stops if one.code == "unattributed"), None)
        if unknown is not None:
            addresses = count_words(len(unknown.addresses), "unattributed address", "unattributed addresses")
            text = f"{text}, {unknown.count} of them because of {addresses}"
        return f"{text}; {count_words(self.false_stops, 'stops', 'stop')} falsely" if self.stops else text


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
    days: int | None,
    newest: int | None = None,
    now: datetime,
    directory: Directory | None,
    progress: Progress,
) -> Preview:
    """Evaluate everything that landed in the last ``days``, or the ``newest`` of it. ``branch``: see ``find_branch``.

    Raises ``UnavailableError`` when git or the directory cannot answer.
    """
    name, ref = branch
    since = now - timedelta(days=days) if days is not None else None
    with_sizes = asks_for_sizes(policy.policy)
    changes = survey(mirror, ref, since, progress, newest=newest, with_sizes=with_sizes)
    target = f"refs/heads/{name}"
    roster = _roster(policy, changes, directory, now, progress)
    judged = policy if directory is not None else admit_all(policy)
    merges = []
    for number, change in enumerate(changes, 1):
        merges.append(_merge(judged, change, roster, target, number, now))
        if number % 200 == 0:
            progress(f"{number} of {len(changes)} merges evaluated")
    return Preview(
        repository=policy.repository.id,
        branch=name,
        policy=policy.id,
        days=days,
        merges=tuple(merges),
        stops=group_causes((one.sha, one.causes) for one in merges),
        needs=count_each(need for one in merges if one.outcome == "signatures" for need in one.needs),
        out_of_scope=count_each(one.out_of_scope for one in merges if not one.causes and one.out_of_scope is not None),
        assumptions=tuple(list_assumptions(mirror, policy, roster, changes)),
    )


def _roster(
    policy: EffectivePolicy,
    changes: Sequence[LandedChange],
    directory: Directory | None,
    now: datetime,
    progress: Progress,
) -> Roster:
    addresses = claimed_addresses(commit for change in changes for commit in claiming_commits(change))
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
    return MergePreview(
        sha=change.landed.sha,
        subject=change.landed.subject,
        at=change.landed.at,
        is_merge=change.landed.kind is StepKind.MERGE,
        commits=len(change.commits),
        paths=len(change.paths),
        causes=tuple(find_causes(policy, facts, decision)),
        needs=tuple(_need(one.need, one.is_exemption) for one in find_open(decision)),
        because=tuple(_because(rule, roster) for rule in decision.rules if rule.requirements),
        out_of_scope=decision.out_of_scope,
    )


def _because(rule: RuleResult, roster: Roster) -> str:
    """Why the rule applies, with values; without a directory the values are made up, so its own words."""
    return f"{rule.id}: {'; '.join(rule.because) if roster.is_live else rule.description}"


def _need(need: RequirementResult, is_exemption: bool) -> str:
    return f"{need.missing} {name_role(need)}{' to exempt from a freeze' if is_exemption else ''}"
