"""Step 5: Decision -> signed verdict, answers. Reading never writes.

A recorded decision answers until its ``valid_until``; after that it is worked out live, once, and
must agree with the record to be a yes. Whatever cannot be decided is *error*, and says why. A
verdict is signed only for a yes, lives at most as long as its decision, and prints its lifetime.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from gate.domain.clock import format_instant
from gate.domain.contribution import ContributionState
from gate.domain.errors import GateError, InputError, UnavailableError
from gate.policy.decision import Decision
from gate.policy.exceptions import find_open
from gate.store import contributions
from gate.store.contributions import ContributionRow
from gate.workflow.answer_cache import recall_answer
from gate.workflow.evaluate import foremost, good_until, look, recorded_decision
from gate.workflow.parts import Parts
from gate.workflow.shown import AnswerShown, encode_body
from gate.workflow.verdict import build_verdict

FORMAT: Final = "gate-answer/v1"
HTTP: Final = {
    "approved": 200,
    "overridden": 200,
    "pending": 200,
    "rejected": 200,
    "blocked": 200,
    "error": 503,
    "stale": 409,
    "unknown": 404,
}
MAX_SHAS: Final = 200


def answer(parts: Parts, repository: str, sha: str, target: str | None, size: int | None = None) -> AnswerShown:
    """What CI is told about one revision. Raises ``NotFoundError`` (no such repository), ``InputError``.

    ``size`` is the audit log's if this very request has just read it.
    """
    return recall_answer(parts, (repository, sha, target), lambda: _work_out(parts, repository, sha, target), size)


def _work_out(parts: Parts, repository: str, sha: str, target: str | None) -> AnswerShown:
    force = parts.in_force()
    force.repository(repository)
    rows = contributions.by_head(parts.engine, repository, sha, target)
    if not rows:
        return _not_head(parts, repository, sha, target)
    open_rows = [row for row in rows if row.state == ContributionState.OPEN]
    if len({row.target for row in open_rows}) > 1:
        targets = ", ".join(sorted({row.target for row in open_rows}))
        raise InputError(
            f"{sha} is proposed for several branches: {targets}.", field="target", remedy="Name the target."
        )
    row = foremost(open_rows) if open_rows else rows[0]
    return _of_row(parts, row, force.epoch, force.repository(repository).mode.value)


def verdicts(parts: Parts, repository: str, target: str, shas: Sequence[str]) -> dict[str, Any]:
    """The hook's batch question: what is signed, and what is answered, for each head."""
    if len(shas) > MAX_SHAS:
        raise InputError(f"At most {MAX_SHAS} revisions may be asked for at once.", field="sha")
    found: dict[str, Any] = {"verdicts": {}, "answers": {}}
    for sha in shas:
        try:
            body = answer(parts, repository, sha, target).body
        except UnavailableError as problem:
            body = {"answer": "error", "summary": problem.message, "page": None}
        found["verdicts"][sha] = body.get("verdict")
        found["answers"][sha] = {name: body.get(name) for name in ("answer", "summary", "page")}
    return found


def _of_row(parts: Parts, row: ContributionRow, epoch: int, mode: str) -> AnswerShown:
    now = parts.clock.now()
    if row.state == ContributionState.CLOSED:
        return _shown(_bare(parts, row, "blocked", "The contribution was closed.", mode))
    if row.state == ContributionState.MERGED:
        decision = recorded_decision(parts, row)
        word = decision.answer.value if decision else "unknown"
        return _shown(_bare(parts, row, word, "It has landed; this is the decision as frozen then.", mode))
    if row.answer is None or row.policy_epoch != epoch:
        return _shown(_bare(parts, row, "error", "Not yet re-decided; ask again in a moment.", mode))
    decision = recorded_decision(parts, row)
    if decision is None:
        return _shown(_bare(parts, row, "error", "Not yet re-decided; ask again in a moment.", mode))
    valid_until = good_until(parts, row, decision)
    if now >= valid_until:
        live = _live(parts, row, decision)
        if isinstance(live, str):
            return _shown(_bare(parts, row, "error", live, mode))
        return _shown(_decided(parts, row, live, live.valid_until, mode, now))
    return _shown(_decided(parts, row, decision, valid_until, mode, now), is_recorded=True)


def _live(parts: Parts, row: ContributionRow, recorded: Decision) -> Decision | str:
    """The decision as of now, or a sentence why there is none. A yes must also be what the record says."""
    try:
        decision = look(parts, row.repository, row.number).decision
    except GateError as problem:
        return problem.message
    if decision.head != row.head or (decision.answer.allows and decision.answer != recorded.answer):
        return "Not yet re-decided; ask again in a moment."
    return decision


def _decided(
    parts: Parts, row: ContributionRow, decision: Decision, valid_until: datetime, mode: str, now: datetime
) -> dict[str, Any]:
    body = _bare(parts, row, decision.answer.value, decision.summary, mode)
    body["reasons"] = [{"code": one.code, "sentence": one.sentence, "rule": one.rule} for one in decision.reasons]
    body["missing"] = [
        {
            "sentence": one.sentence,
            "rule": one.of,
            "candidates": [{"name": each.name} for each in one.need.candidates],
            "disqualified": [{"name": each.name, "reason": each.reason} for each in one.need.disqualified],
        }
        for one in find_open(decision)
    ]
    body["out_of_scope"] = decision.out_of_scope
    body["evaluated_at"] = format_instant(decision.evaluated_at)
    body["valid_until"] = format_instant(valid_until)
    if decision.answer.allows:
        body["verdict"] = json.loads(build_verdict(parts, row, decision, valid_until, mode, now))
    return body


def _bare(parts: Parts, row: ContributionRow, word: str, summary: str, mode: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "answer": word,
        "summary": summary,
        "repository": row.repository,
        "number": row.number,
        "revision": row.revision,
        "head": row.head,
        "target": row.target,
        "state": row.state,
        "mode": mode,
        "reasons": [],
        "missing": [],
        "page": f"{parts.settings.base_url}/contributions/{row.repository}/{row.number}",
        "evaluated_at": None,
        "valid_until": None,
        "decision_index": row.decision_index,
        "verdict": None,
    }


def _not_head(parts: Parts, repository: str, sha: str, target: str | None) -> AnswerShown:
    known = contributions.with_revision(parts.engine, repository, sha, target)
    if known:
        row = contributions.load(parts.engine, repository, known[0].number)
        summary = f"{sha} was revision {known[0].revision}; the head is now {row.head}."
        body = _bare(parts, row, "stale", summary, parts.in_force().repository(repository).mode.value)
        return _shown(body | {"asked": sha})
    page = f"{parts.settings.base_url}/repositories/{repository}/revisions/{sha}"
    summary = f"The gate knows no revision {sha} of {repository}{f' for {target}' if target else ''}."
    return _shown({"format": FORMAT, "answer": "unknown", "summary": summary, "head": None, "page": page})


def _shown(body: dict[str, Any], *, is_recorded: bool = False) -> AnswerShown:
    stable = {name: value for name, value in body.items() if name not in ("verdict", "evaluated_at")}
    etag = hashlib.sha256(json.dumps(stable, sort_keys=True).encode()).hexdigest()[:32]
    word = str(body["answer"])
    return AnswerShown(
        answer=word, http=HTTP[word], body=body, text=encode_body(body), etag=f'"{etag}"', is_recorded=is_recorded
    )
