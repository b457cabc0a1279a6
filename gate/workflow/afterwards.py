"""What would follow from a signature, for the page on which it is given: decided as if it had been recorded."""

from __future__ import annotations

from dataclasses import replace

from gate.domain.approval import Act
from gate.domain.words import leave_out_answer
from gate.policy.decision import Answer, Decision
from gate.policy.evaluate import evaluate
from gate.policy.exceptions import find_open
from gate.policy.facts import ApprovalFacts
from gate.workflow.evaluate import Look
from gate.workflow.sign_shown import SignChoice


def say_afterwards(look: Look, person: str, act: Act, choice: SignChoice | None, meaning: str | None) -> str:
    """One paragraph for the reader, who is ``person``."""
    if act is Act.REJECT:
        return "Your rejection stops this contribution until you withdraw it."
    if act is Act.WITHDRAW or choice is None or meaning is None:
        return "Your earlier statement no longer counts; the contribution is decided anew."
    after, index = _foresee(look, person, choice, meaning)
    said = [
        f"It only lets this contribution through the freeze {choice.freeze}, and counts for no rule."
        if choice.freeze is not None
        else "",
        "" if index in after.counted else "Your signature is recorded, and fills nothing that is still open.",
        _say(after),
    ]
    return " ".join(filter(None, said))


def _foresee(look: Look, person: str, choice: SignChoice, meaning: str) -> tuple[Decision, int]:
    """The decision with this approval among the facts, and the index it has there."""
    facts = look.gathered.facts
    signed = ApprovalFacts(
        index=max((one.index for one in facts.approvals), default=0) + 1,
        act=Act.APPROVE.value,
        person=person,
        name=next((one.name for one in facts.people if one.id == person), person),
        role=choice.role,
        team=choice.team,
        meaning=meaning,
        head=facts.head,
        target=facts.target,
        policy_digest=facts.policy_digest,
        signed_at=facts.now,
        on_behalf_of=choice.giver,
        freeze=choice.freeze,
    )
    return evaluate(look.gathered.policy, replace(facts, approvals=(*facts.approvals, signed))), signed.index


def _say(after: Decision) -> str:
    missing = sum(one.need.missing for one in find_open(after))
    if after.answer is Answer.APPROVED:
        return "With your signature nothing is missing, and the revision may land."
    if after.answer is Answer.OVERRIDDEN:
        return "With your signature nothing is missing but what the break-glass waives, and the revision may land."
    if missing:
        return f"After your signature {missing} more {'is' if missing == 1 else 'are'} needed."
    return f"What stays open is no signature: {leave_out_answer(after.answer, after.summary)}"
