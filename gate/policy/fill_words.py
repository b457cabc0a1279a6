"""What is asked and what fills it, in one sentence each. Whoever reads it reads for whom somebody signed."""

from __future__ import annotations

from gate.policy.approvals import SIGNATURE
from gate.policy.decision import Filled
from gate.policy.requirements import Need


def name_filled(one: Filled) -> str:
    """ "Dana", "Eve for Dana", or "Dana (for the head 1a2b3c4d5e, carried over)"."""
    name = one.name if one.on_behalf_of is None else f"{one.name} for {one.on_behalf_of}"
    return name if one.carried_from is None else f"{name} (for the head {one.carried_from[:10]}, carried over)"


def word_requirement(
    need: Need, filled: tuple[Filled, ...], missing: int, able: int, again: tuple[str, ...], *, is_satisfiable: bool
) -> str:
    """Who approved it, or how many are missing, in which role, and how many people could give that now."""
    if not missing:
        signed = " and ".join(name_filled(one) for one in filled if one.kind == SIGNATURE)
        reviewed = " and ".join(name_filled(one) for one in filled if one.kind != SIGNATURE)
        said = [f"{signed} approved" if signed else "", f"{reviewed} reviewed it on the forge" if reviewed else ""]
        return f"{' and '.join(filter(None, said))} as {need.who}"
    can = {0: "nobody can do this now", 1: "1 person can do this"}.get(able, f"{able} people can do this")
    if not able and again:
        can = f"{' and '.join(again)} can do this, once somebody else signs for what they have signed"
    elif able and not is_satisfiable:
        can += ", too few for all that is asked"
    shared = ", who may be somebody that signs for another rule" if need.ask.is_shared else ""
    return f"Needs {missing} more with the role {need.who}{shared} ({can})"
