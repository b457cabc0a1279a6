"""What the pages show: reading only. What is recorded is read back; what is live says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median
from typing import Final

from gate.domain.contribution import ContributionState, Mode
from gate.domain.errors import GateError, UnavailableError
from gate.policy.decision import Decision
from gate.policy.explain import explain_policy
from gate.policy.record import parse_facts
from gate.policy.registered import Repository
from gate.policy.registry import PolicySet
from gate.store import approvals, blobs
from gate.store import contributions as stored
from gate.store import policies as activations
from gate.store.contributions import ContributionFilter, ContributionRow
from gate.workflow.eligible import find_eligible, find_terms
from gate.workflow.evaluate import Look, good_until, look, recorded_decision
from gate.workflow.items import Labels, build_item
from gate.workflow.names import Names
from gate.workflow.offer import Offer, offer
from gate.workflow.override_list import build_glass, of_contribution
from gate.workflow.parts import Parts
from gate.workflow.shown import (
    ContributionItem,
    ContributionPage,
    ContributorShown,
    PolicyFile,
    PolicyPage,
    RepositoryCard,
    RepositoryPage,
    RevisionShown,
    SignedIn,
    TimelineItem,
)
from gate.workflow.timeline import build_timeline, read_statement
from gate.workflow.unapproved import unexplained
from gate.workflow.veto_shown import find_vetoes

LIST: Final = 200
LOG_PAGE: Final = 50
# Nothing is said about fewer than five: a median of two names them.
SMALLEST_GROUP: Final = 5


def contributions(
    parts: Parts, who: SignedIn, repository: str | None, state: str | None
) -> tuple[ContributionItem, ...]:
    """One list, last changed first."""
    names = Labels(parts)
    wanted = ContributionFilter(
        repository=repository or None, state=ContributionState(state) if state in set(ContributionState) else None
    )
    rows = stored.list_page(parts.engine, wanted, limit=LIST)
    return tuple(build_item(parts, row, recorded_decision(parts, row), names) for row in rows)


def contribution(parts: Parts, who: SignedIn, repository: str, number: int) -> ContributionPage:
    """Everything of one contribution, as decided and as of now. ``NotFoundError``."""
    row = stored.load(parts.engine, repository, number)
    names = Labels(parts)
    decision = recorded_decision(parts, row)
    seen, error = _look(parts, row, who)
    offered = offer(seen, who.key) if seen else None
    if offered is not None and seen is not None and seen.gathered.facts.directory_error:
        error = seen.gathered.facts.directory_error
        offered = replace(offered, may=(), why_not="The directory cannot be asked now, so nothing can be signed.")
    now = seen.decision if seen and row.state == ContributionState.OPEN else None
    return ContributionPage(
        item=build_item(parts, row, decision, names),
        mode=_mode(parts, repository),
        description=None,
        decision=decision,
        decision_index=row.decision_index,
        holds_until=good_until(parts, row, decision) if decision else None,
        meanings=_meanings(parts, (decision, now)),
        terms=find_terms(parts, row.repository, row.target),
        facts=parse_facts(blobs.load(parts.engine, row.facts_digest)) if row.facts_digest else None,
        now=now if now is not None and (decision is None or now.answer != decision.answer) else None,
        error=error,
        revisions=_revisions(parts, row, names),
        contributors=_contributors(parts, row, names, seen),
        timeline=build_timeline(parts, parts.log.stream(row.stream)),
        may=offered.may if offered else (),
        why_not=_why_not(offered, error),
        own_approval=offered.own.index if offered and offered.own else None,
        change_request=row.change_request,
        glass=build_glass(parts, row, seen, who),
        overrides=of_contribution(parts, row),
        vetoes=find_vetoes(parts, seen, who.key) if seen else (),
    )


def _meanings(parts: Parts, decisions: Iterable[Decision | None]) -> dict[int, str]:
    """The sentence that each signature in a slot says, as it was signed, by the index of its entry.

    A review on the forge says none.
    """
    rules = [rule for decision in decisions if decision for rule in decision.rules]
    indexes = {one.index for rule in rules for need in rule.requirements for one in need.filled}
    said = ((index, read_statement(parts, index).predicate.get("meaningText")) for index in sorted(indexes))
    return {index: str(text) for index, text in said if text is not None}


def _look(parts: Parts, row: ContributionRow, who: SignedIn) -> tuple[Look | None, str | None]:
    if row.state != ContributionState.OPEN:
        return None, None
    try:
        return look(parts, row.repository, row.number, reader=who.key), None
    except UnavailableError as problem:
        return None, problem.message


def _why_not(offered: Offer | None, error: str | None) -> str | None:
    if offered is None:
        return error or "The contribution is not open; there is nothing left to sign."
    return offered.why_not


def repositories(parts: Parts, who: SignedIn) -> tuple[RepositoryCard, ...]:
    """The catalogue."""
    return tuple(_card(parts, one) for one in parts.in_force().policies.registry.repositories)


def repository(parts: Parts, who: SignedIn, id: str) -> RepositoryPage:
    """One project: its rules in plain words, and "may I contribute?" for this reader. ``NotFoundError``."""
    force = parts.in_force()
    entry = force.repository(id)
    names = Labels(parts)
    effective = force.policies.policy_for(id, entry.protected[0]) if entry.protected else None
    rows = stored.list_page(parts.engine, ContributionFilter(repository=id), limit=20)
    return RepositoryPage(
        card=_card(parts, entry),
        url=entry.url,
        policy_id=effective.id if effective else None,
        rules=tuple((section.title, section.lines) for section in explain_policy(effective)) if effective else (),
        eligible=find_eligible(parts, who, effective) if effective else (),
        recent=tuple(build_item(parts, row, recorded_decision(parts, row), names) for row in rows),
        unexplained=unexplained(parts, id),
    )


def policies(parts: Parts) -> PolicyPage | None:
    """The files in force, as activated."""
    row = activations.in_force(parts.engine)
    if row is None:
        return None
    force = parts.in_force()
    files = tuple(
        PolicyFile(
            name=name,
            text=blobs.load(parts.engine, digest).decode("utf-8", "replace"),
            digest=digest.hex(),
            effective=_effective(force.policies, name),
        )
        for name, digest in force.files
    )
    return PolicyPage(
        epoch=row.epoch,
        activated_at=row.activated_at,
        activated_by=Names(parts).of(row.by_person),
        index=row.idx,
        files=files,
    )


def _effective(policies: PolicySet, file: str) -> tuple[tuple[str, str, str], ...]:
    """Repository, branch and effective digest of everything a file is in force for."""
    held = ((entry.id, branch) for entry in policies.registry.repositories for branch in entry.protected)
    found = ((*place, policies.policy_for(*place)) for place in held)
    return tuple((id, branch, one.digest) for id, branch, one in found if one is not None and one.policy.file == file)


def log(parts: Parts, page: int) -> tuple[TimelineItem, ...]:
    """Audit entries in words, newest first, 50 a page (from 1)."""
    size = parts.log.head().size
    before = size - (max(page, 1) - 1) * LOG_PAGE
    if before <= 0:
        return ()
    return build_timeline(parts, parts.log.newest(LOG_PAGE, before=before))


def by_head(parts: Parts, repository: str, sha: str) -> int | None:
    """The contribution that has, or had, this head."""
    rows = stored.by_head(parts.engine, repository, sha)
    if rows:
        return rows[0].number
    past = stored.with_revision(parts.engine, repository, sha)
    return past[0].number if past else None


def _card(parts: Parts, entry: Repository) -> RepositoryCard:
    open_count = stored.count(parts.engine, ContributionFilter(repository=entry.id, state=ContributionState.OPEN))
    merged = ContributionFilter(repository=entry.id, state=ContributionState.MERGED)
    return RepositoryCard(
        id=entry.id,
        title=entry.title,
        description=entry.description,
        mode=entry.mode,
        owning_teams=entry.owning_teams,
        protected=entry.protected,
        contact=entry.contact or None,
        open_count=open_count,
        merged_count=stored.count(parts.engine, merged),
        waiting_for_reviewers=_waiting(parts, stored.list_page(parts.engine, merged, limit=50)),
    )


def _waiting(parts: Parts, rows: Iterable[ContributionRow]) -> int | None:
    """Median seconds from opening to the first signature, over at least five landed contributions."""
    waits = []
    for row in rows:
        acts = approvals.history(parts.engine, row.repository, row.number)
        if acts:
            waits.append((acts[0].signed_at - row.opened_at).total_seconds())
    return round(median(waits)) if len(waits) >= SMALLEST_GROUP else None


def _mode(parts: Parts, repository: str) -> Mode:
    try:
        return parts.in_force().repository(repository).mode
    except GateError:
        return Mode.ENFORCE


def _revisions(parts: Parts, row: ContributionRow, names: Labels) -> tuple[RevisionShown, ...]:
    pushers = [one for one in stored.contributors(parts.engine, row.repository, row.number) if one.part == "pusher"]
    robots = {one.revision: names.robots.of(one) for one in pushers}
    return tuple(
        RevisionShown(
            number=one.revision,
            head=one.head,
            tree=one.tree,
            merge_base=one.merge_base,
            recorded_at=one.recorded_at,
            pusher=robots.get(one.revision)
            or (names.names.of(one.pusher_person) if one.pusher_person else one.pusher_login),
        )
        for one in stored.revisions(parts.engine, row.repository, row.number)
    )


def _contributors(parts: Parts, row: ContributionRow, names: Labels, seen: Look | None) -> tuple[ContributorShown, ...]:
    teams = {one.id: one.team for one in seen.gathered.facts.people} if seen else {}
    found = {
        (one.part, one.address): ContributorShown(
            name=names.robots.of(one) or (names.names.of(one.person) if one.person else one.address),
            person=one.person,
            address=one.address,
            part=one.part,
            how=one.how,
            team=teams.get(one.person) if one.person else None,
            is_robot=names.robots.of(one) is not None,
        )
        for one in stored.contributors(parts.engine, row.repository, row.number)
    }
    return tuple(found.values())
