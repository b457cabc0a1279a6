"""One audit entry as one plain sentence, from its statement alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gate.auditlog.entry import EntryKind, Statement
from gate.domain.words import count_words, leave_out_answer

_RESULT = {"APPROVED": "approved", "REJECTED": "rejected", "WITHDRAWN": "withdrew their statement on"}


def narrate(statement: Statement) -> str:
    """What happened, in a sentence without free text and without secrets."""
    said: Mapping[str, Any] = statement.predicate
    place = f"{said.get('repository')}#{said.get('number')}"
    match statement.kind:
        case EntryKind.GENESIS:
            return "The gate was founded: keys, settings and first policy are on record."
        case EntryKind.POLICY_ACTIVATED:
            names = ", ".join(str(one["name"]) for one in said["files"])
            return f"Policy epoch {said['epoch']} came into force: {names}. {say_by_people(said)}".rstrip()
        case EntryKind.POLICY_PROPOSED:
            names = ", ".join(str(one["name"]) for one in said["files"])
            return f"{said['reviewer']['displayName']} proposed policies ({names}): policy proposal {said['proposal']}."
        case EntryKind.POLICY_APPROVED:
            return f"{said['reviewer']['displayName']} approved policy proposal {said['proposal']}."
        case EntryKind.POLICY_PROPOSAL_WITHDRAWN:
            return f"{said['reviewer']['displayName']} withdrew policy proposal {said['proposal']}."
        case EntryKind.CONTRIBUTION_OPENED:
            before = said.get("retargetedFrom")
            moved = f", retargeted from {said['repository']}#{before}" if before is not None else ""
            return f"{place} was opened for {said['targetRef']}{moved}."
        case EntryKind.CONTRIBUTION_CHANGED:
            draft = ", draft" if said.get("draft") else ""
            return f"{place}: change request {said.get('changeRequest') or 'none'}{draft}."
        case EntryKind.REVISION_RECORDED:
            size = f"{count_words(said['commits'], 'commit')}, {count_words(said['paths'], 'path')}"
            return f"{place} revision {said['revision']}: head {said['head']}, {size}."
        case EntryKind.CONTRIBUTION_CLOSED:
            return f"{place} was closed: {said.get('why')}."
        case EntryKind.CONTRIBUTION_REOPENED:
            return f"{place} was opened again."
        case EntryKind.DECISION:
            answer, summary = str(said["answer"]), str(said["summary"])
            return f"{place} was decided: {answer}. {leave_out_answer(answer, summary)}"
        case EntryKind.APPROVAL:
            reviewer = said["reviewer"]
            role = f"{reviewer['role']} of {reviewer['team']}" if reviewer.get("team") else reviewer.get("role")
            as_role = f" as {role}{say_giver(said)}" if role else ""
            did = "let" if said.get("freeze") else _RESULT[said["result"]]
            through = f" through the freeze {said['freeze']}" if said.get("freeze") else ""
            return f"{reviewer['displayName']} {did} {place} revision {said['revision']}{through}{as_role}."
        case EntryKind.APPROVAL_CARRIED:
            proof = {"same_tree": "content", "same_diff": "changes"}.get(said["proof"], said["proof"])
            given, now = f"revision {said['fromRevision']}", f"revision {said['revision']}, with the same {proof}"
            return f"{place}: the approval that {said['person']['displayName']} gave {given} counts for {now}."
        case EntryKind.FORGE_REVIEW:
            return _reviewed(said, place)
        case EntryKind.APPROVAL_REFUSED:
            return f"An attempt was refused ({said['what']}): {said['reason']}."
        case EntryKind.VETO_CLEARED:
            reviewer = said["reviewer"]
            role = f"{reviewer['role']} of {reviewer['team']}" if reviewer.get("team") else reviewer["role"]
            whose = f"{said['vetoBy']['displayName']}'s rejection (entry {said['veto']})"
            return f"{reviewer['displayName']} cleared {whose} of {place} as {role}."
        case EntryKind.DELEGATED:
            start, end = (said[one][:16].replace("T", " ") for one in ("startsAt", "endsAt"))
            when = f"from {start} to {end} UTC"
            return f"The delegation of {_handed_over(said)} is recorded, {when}."
        case EntryKind.DELEGATION_ENDED:
            by = said["endedBy"]["displayName"]
            return f"{by} ended the delegation of {_handed_over(said)} (entry {said['delegation']})."
        case EntryKind.BREAK_GLASS:
            why = f"{said['code']}, {said['incident']}"
            return f"{said['reviewer']['displayName']} broke the glass on {place} ({why}); it needs a co-signature."
        case EntryKind.BREAK_GLASS_COSIGNED:
            waives = ", ".join(str(one) for one in said["waives"])
            return f"{said['reviewer']['displayName']} co-signed the break-glass on {place}: it waives {waives}."
        case EntryKind.BREAK_GLASS_REVIEWED:
            outcome = str(said["outcome"]).replace("-", " ")
            return f"{said['reviewer']['displayName']} reviewed the break-glass on {place}: {outcome}."
        case EntryKind.TERMS_ACCEPTED:
            return f"{said['person']['displayName']} accepted the terms {said['terms']}."
        case EntryKind.TRAININGS_IMPORTED:
            were = "training was" if said["count"] == 1 else "trainings were"
            return f"{said['count']} {were} imported as of {said['asOf']} from {said['source']}."
        case EntryKind.CHECK_REPORTED:
            return f"{said['reporter']} reported {said['name']}: {said['outcome']} at {said['head']}."
        case EntryKind.HINTS_REFUSED:
            from_whom = f"from {said['source']} {'was' if said['count'] == 1 else 'were'}"
            return f"{count_words(said['count'], 'hint')} {from_whom} refused in the minute {said['minute']}."
        case EntryKind.BRANCH_ENROLLED:
            return f"{said['targetRef']} of {said['repository']} is accounted for from {said['tip']} on."
        case EntryKind.LANDED:
            return _landed(said)
        case EntryKind.PACK_ISSUED:
            return f"Evidence pack {said['pack']} for {said['repository']} was issued."
        case EntryKind.TOKEN_ISSUED:
            return f"The project token {said['name']} was issued for {said['repository'] or 'all repositories'}."
        case EntryKind.TOKEN_REVOKED:
            return f"The project token {said['name']} was revoked."


def _reviewed(said: Mapping[str, Any], place: str) -> str:
    """Never in the words of a signature."""
    reviewer = said.get("reviewer")
    who = (
        reviewer["displayName"] if isinstance(reviewer, dict) else f"{said['login']}, whom the directory does not know,"
    )
    revision = f"{place} revision {said['revision']} on the forge {said['forge']}"
    if said["result"] == "WITHDRAWN":
        return f"The review that {who} gave {revision} was dismissed there."
    did = "approved" if said["result"] == "APPROVED" else "requested changes of"
    return f"{who} {did} {revision}: {said['notice']}."


def say_giver(said: Mapping[str, Any]) -> str:
    """`` for Dana Roy`` where it was signed under a delegation."""
    giver = said.get("onBehalfOf")
    return f" for {giver['displayName']}" if isinstance(giver, dict) else ""


def _handed_over(said: Mapping[str, Any]) -> str:
    role = f"{said['role']} of {said['team']}" if said.get("team") else str(said["role"])
    return f"the role {role} of {said['giver']['displayName']} to {said['receiver']['displayName']}"


def say_by_people(said: Mapping[str, Any]) -> str:
    """Who proposed and approved what came into force; nothing where the operator put it there."""
    if "proposer" not in said:
        return ""
    approvers = " and ".join(str(one["displayName"]) for one in said["approvers"])
    number = said["proposal"]["number"]
    return f"Policy proposal {number} of {said['proposer']['displayName']}, approved by {approvers}."


def _landed(said: Mapping[str, Any]) -> str:
    branch, commits = f"{said['targetRef']} of {said['repository']}", count_words(len(said["commits"]), "commit")
    if not said["commits"]:
        return f"{branch} was moved back from {said['before']} to {said['after']}: what lies between is gone from it."
    if not said.get("number"):
        return f"{commits} that no contribution explains reached {branch}, up to {said['after']}."
    how = "past the gate" if said["kind"] == "unexplained" else f"by {said['kind']}"
    outcome = said["outcome"].replace("_", " ")
    return f"{said['repository']}#{said['number']} landed on {said['targetRef']} {how}, {commits}: {outcome}."
