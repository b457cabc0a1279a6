"""What the fake workflow of ``web.py`` answers about proposals of policies: one of everything, in the world's text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gate.policy.decision import Answer, Decision
from gate.policy.difference import Difference
from gate.policy.explain import Section
from gate.policy.lint_finding import Finding, Severity
from gate.policy.simulate import Replayed
from gate.workflow import proposal_shown as shown
from gate.workflow.proposal import Given
from gate.workflow.proposal_statement import PolicyAct

DIGEST = "d4" * 32


def build_answers(decision: Decision, text: str) -> dict[str, Any]:
    """By ``module.function``, taking what the real one takes after the parts."""
    return {
        "proposal_pages.overview": lambda: build_overview(decision, text),
        "proposal_pages.text_in_force": lambda name: f"one\n{text}\n",
        "proposal_pages.proposed_text": lambda number, name: f"one\n{text}\n",
        "proposal_pages.new_draft": lambda: build_draft(text),
        "proposal_pages.checked_draft": lambda who, draft, files, at: replace(
            draft, effects=build_effects(decision, text), form=build_form(PolicyAct.PROPOSE, text)
        ),
        "proposal_pages.proposal_page": lambda who, number: build_page(decision, text),
        "proposal_pages.trial": lambda number, repository, contribution: build_trial(decision, text),
        "proposal_list.open_proposals": lambda: (build_item(decision, text),),
        "proposal_effects.list_tried": lambda: ("ledger-core#12",),
    }


def build_form(act: PolicyAct, text: str) -> shown.PolicyForm:
    return shown.PolicyForm(
        act=act, printed_name=f"Anna {text}", statement=f"I, Anna\n{text}", statement_digest=DIGEST, seen="e5" * 32
    )


def build_draft(text: str) -> shown.DraftPage:
    return shown.DraftPage(files=(("bank.yaml", f"</textarea>{text}"),), effective_at="", effects=None, form=None)


def build_effects(decision: Decision, text: str) -> shown.Effects:
    after = replace(decision, answer=Answer.APPROVED)
    one = Replayed(repository="ledger-core", number=12, revision=1, before=decision, after=after)
    return shown.Effects(
        removed=(text,),
        added=(text,),
        differences=(
            Difference(
                repository="ledger-core",
                branch="main",
                before=DIGEST,
                after="e5" * 32,
                removed=(text,),
                added=(text,),
                modes=("observe", "enforce"),
            ),
        ),
        flips=(one,),
        untold=(replace(one, unread=(text,)),),
        looked_at=500,
        total=900,
        lapses=(shown.Lapse(repository="ledger-core", number=12, count=1),),
        tests=(shown.Tested(policy="bank", file="bank.yaml", count=2, failures=(text,)),),
        findings=(
            Finding(
                severity=Severity.WARNING, code="idle-branch", file=text, line=7, sentence=text, remedy="Remove it."
            ),
        ),
        groups_error=text,
    )


def build_item(decision: Decision, text: str) -> shown.ProposalItem:
    return shown.ProposalItem(
        number=3,
        proposer=text,
        proposed_at=decision.evaluated_at,
        effective_at=decision.evaluated_at,
        base_epoch=2,
        state="open",
        said=text,
        approvals=1,
        needed=2,
        index=40,
    )


def build_page(decision: Decision, text: str) -> shown.ProposalPage:
    return shown.ProposalPage(
        item=build_item(decision, text),
        digest=DIGEST,
        files=(
            shown.FileShown(name="bank.yaml", digest=DIGEST, change="changed"),
            shown.FileShown(name="old.yaml", digest=None, change="taken out"),
        ),
        approvals=(Given(index=41, person="corp:4", name=text, at=decision.evaluated_at),),
        withdrawn=None,
        ended_index=None,
        effects=build_effects(decision, text),
        rules=(text,),
        may_approve=(text,),
        candidates_error=text,
        forms=(build_form(PolicyAct.APPROVE, text), build_form(PolicyAct.WITHDRAW, text)),
        why_not=text,
    )


def build_trial(decision: Decision, text: str) -> shown.Trial:
    return shown.Trial(repository="ledger-core", number=12, revision=1, before=decision, after=decision, unread=(text,))


def build_overview(decision: Decision, text: str) -> shown.Overview:
    return shown.Overview(
        prose=(
            shown.Prose(repository="ledger-core", branches=("main",), sections=(Section(title=text, lines=(text,)),)),
        ),
        tests=(),
        is_gated=True,
        how=(text,),
        by_people=text,
        proposals=(build_item(decision, text),),
    )
