"""What the pages show about policies beside their texts: prose, proposals, one with its forms. Reading only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gate.domain.errors import ConflictError, NotFoundError, NotPermittedError, UnavailableError
from gate.policy.activation import ActivationRule, explain_activation
from gate.policy.explain import explain_policy
from gate.store import blobs, proposals
from gate.workflow.force import InForce
from gate.workflow.narrate import say_by_people
from gate.workflow.parts import Parts
from gate.workflow.proposal import Proposal, load_proposal, load_texts
from gate.workflow.proposal_effects import build_effects, build_trial
from gate.workflow.proposal_list import build_item, list_proposals
from gate.workflow.proposal_rules import approver_group, rule_in_force
from gate.workflow.proposal_shown import DraftPage, FileShown, Overview, PolicyForm, ProposalPage, Prose, Trial
from gate.workflow.proposal_statement import PolicyAct
from gate.workflow.proposal_tests import run_tests
from gate.workflow.propose import prepare_act, prepare_proposal
from gate.workflow.shown import SignedIn
from gate.workflow.timeline import read_statement


def overview(parts: Parts) -> Overview | None:
    """What stands beside the texts in force; None before the first activation."""
    try:
        force = parts.in_force()
    except UnavailableError as problem:
        if problem.code != "no-policy":
            raise
        return None
    rule = force.policies.registry.activation
    return Overview(
        prose=_prose(force),
        tests=run_tests(force.policies, tuple((name, digest.hex()) for name, digest in force.files)),
        is_gated=rule is not None,
        how=explain_activation(rule),
        by_people=say_by_people(read_statement(parts, force.index).predicate) or None,
        proposals=list_proposals(parts),
    )


def text_in_force(parts: Parts, name: str) -> str:
    """One file as activated. ``NotFoundError``."""
    digest = next((digest for known, digest in parts.in_force().files if known == name), None)
    if digest is None:
        raise NotFoundError(f"No file {name} is in force.", remedy="See the page of policies.")
    return _shown(blobs.load(parts.engine, digest))


def proposed_text(parts: Parts, number: int, name: str) -> str:
    """One file of a proposal. ``NotFoundError``."""
    texts = load_texts(parts, load_proposal(parts, number).content)
    if name not in texts:
        raise NotFoundError(f"Policy proposal {number} has no file {name}.")
    return _shown(texts[name])


def new_draft(parts: Parts) -> DraftPage:
    """What is in force, to be changed. ``NotPermittedError`` where nobody can propose."""
    force = parts.in_force()
    rule_in_force(force)
    files = tuple((name, _shown(blobs.load(parts.engine, digest))) for name, digest in force.files)
    return DraftPage(files=files, effective_at="", effects=None, form=None)


def checked_draft(
    parts: Parts, who: SignedIn, draft: DraftPage, files: Mapping[str, bytes], effective_at: datetime | None
) -> DraftPage:
    """The same with what it would change and the statement to sign. ``InputError`` with file and line …"""
    form = prepare_proposal(parts, who, files, effective_at)
    return replace(draft, effects=build_effects(parts, files), form=form)


def proposal_page(parts: Parts, who: SignedIn, number: int) -> ProposalPage:
    """Everything of one proposal. ``NotFoundError``, ``VerificationError``."""
    row, proposal, force = proposals.load(parts.engine, number), load_proposal(parts, number), parts.in_force()
    item = build_item(parts, row, len(proposal.approvals))
    is_live = item.state in ("open", "waiting")
    rule = force.policies.registry.activation
    names, problem = _may_approve(parts, rule, proposal) if rule is not None and is_live else ((), None)
    forms, why_not = _forms(parts, who, number) if is_live else ((), None)
    return ProposalPage(
        item=item,
        digest=proposal.content.digest.hex(),
        files=_files(force, proposal),
        approvals=proposal.approvals,
        withdrawn=proposal.withdrawn,
        ended_index=row.ended_idx,
        effects=build_effects(parts, load_texts(parts, proposal.content)) if is_live else None,
        rules=explain_activation(rule),
        may_approve=names,
        candidates_error=problem,
        forms=forms,
        why_not=why_not,
    )


def trial(parts: Parts, number: int, repository: str, contribution: int) -> Trial:
    """One contribution under a proposal, on the facts of its last decision. ``NotFoundError``."""
    return build_trial(parts, load_texts(parts, load_proposal(parts, number).content), repository, contribution)


def _prose(force: InForce) -> tuple[Prose, ...]:
    """Branches of one repository that have the same rules stand together."""
    found: list[Prose] = []
    for repository in force.policies.registry.repositories:
        by_digest: dict[str, Prose] = {}
        for branch in repository.protected:
            policy = force.policies.policy_for(repository.id, branch)
            if policy is None:
                continue
            known = by_digest.get(policy.digest)
            by_digest[policy.digest] = (
                replace(known, branches=(*known.branches, branch))
                if known is not None
                else Prose(repository=repository.id, branches=(branch,), sections=explain_policy(policy))
            )
        found += by_digest.values()
    return tuple(found)


def _files(force: InForce, proposal: Proposal) -> tuple[FileShown, ...]:
    """Its files; how each differs from what is in force can be said only while that is what it would replace."""
    before = {name: digest.hex() for name, digest in force.files}
    after = dict(proposal.content.files)
    if force.epoch != proposal.content.base_epoch:
        return tuple(FileShown(name=name, digest=digest, change="") for name, digest in sorted(after.items()))
    return tuple(
        FileShown(name=name, digest=after.get(name), change=_change(before.get(name), after.get(name)))
        for name in sorted({*before, *after})
    )


def _change(before: str | None, after: str | None) -> str:
    if after is None:
        return "taken out"
    if before is None:
        return "new"
    return "unchanged" if before == after else "changed"


def _may_approve(parts: Parts, rule: ActivationRule, proposal: Proposal) -> tuple[tuple[str, ...], str | None]:
    """Who may approve it still, by name; or why that cannot be said."""
    done = {proposal.proposed.person, *(one.person for one in proposal.approvals)}
    try:
        members = parts.directory.members(approver_group(rule))
    except UnavailableError as problem:
        return (), problem.message
    return tuple(one.name for one in members if one.key not in done and one.is_active), None


def _forms(parts: Parts, who: SignedIn, number: int) -> tuple[tuple[PolicyForm, ...], str | None]:
    """What this reader may sign now, and why approving is not among it."""
    forms: list[PolicyForm] = []
    why_not = None
    for act in (PolicyAct.APPROVE, PolicyAct.WITHDRAW):
        try:
            forms.append(prepare_act(parts, who, number, act))
        except (NotPermittedError, ConflictError, UnavailableError) as problem:
            why_not = problem.message if act is PolicyAct.APPROVE else why_not
    return tuple(forms), why_not


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
