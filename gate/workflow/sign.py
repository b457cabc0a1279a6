"""Step 3: a person + what they saw + proof of presence -> approval recorded.

The ceremony, in order:
(1) what is asked now, read live: facts, decision, what this person may do; a "no" comes before any password;
(2) the form: the exact statement, and ``Seen`` over everything shown (``prepare`` ends here);
(3) a form that comes back must equal the form as it would be now, or nothing is signed and it says what changed;
(4) the password again, live and throttled; a failure is recorded and changes nothing else;
(5) the roles again, live, for the record: held and active at this moment;
(6) the signed entry, its row and "not yet re-decided" in one command;
(7) decided anew at once, so that the receipt says what it changed.

No token and no administrator comes here: ``who`` is a session of the person, and step 4 is theirs alone.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from gate.domain.approval import Act
from gate.domain.contribution import ContributionState
from gate.domain.errors import ConflictError, InputError, NotPermittedError, UnavailableError
from gate.policy.approvals import SIGNATURE
from gate.policy.facts import ApprovalFacts
from gate.store import approvals
from gate.workflow.afterwards import say_afterwards
from gate.workflow.evaluate import Look, decide, look
from gate.workflow.free_text import text_of
from gate.workflow.offer import Offer, offer
from gate.workflow.parts import Parts
from gate.workflow.presence import prove_presence
from gate.workflow.receipt import receipt
from gate.workflow.redecide import redecide_same_work
from gate.workflow.shown import SignedIn
from gate.workflow.sign_shown import ReceiptShown, SignChoice, SignForm, SignRequest
from gate.workflow.signature import Signature, build_signature
from gate.workflow.statement import Seen, build_statement_text, parse_seen, text_digest

MAX_REASON = 4000
MAX_PATHS = 50
ATTEMPTS = 5
_Wanted = tuple[str | None, str | None, str | None, str | None]
"""Role, team, meaning, and under which delegation or through which freeze."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    look: Look
    choice: SignChoice | None
    meaning: str | None
    own: ApprovalFacts | None
    seen: Seen
    statement: str


def prepare(
    parts: Parts,
    who: SignedIn,
    repository: str,
    number: int,
    act: Act,
    role: str | None = None,
    team: str | None = None,
    meaning: str | None = None,
    under: str | None = None,
) -> SignForm:
    """Steps 1 and 2. Raises ``NotPermittedError`` with the reason, ``NotFoundError``, ``UnavailableError``."""
    prepared = _prepare(parts, who, repository, number, act, (role, team, meaning, under))
    offered = offer(prepared.look, who.key)
    row, policy = prepared.look.gathered.row, prepared.look.gathered.policy
    return SignForm(
        repository=repository,
        number=number,
        title=text_of(parts, row.title_commitment),
        act=act,
        head=row.head,
        tree=row.tree,
        target=row.target,
        merge_base=row.merge_base,
        files=len(prepared.look.gathered.facts.paths),
        paths=tuple(one.path for one in prepared.look.gathered.facts.paths[:MAX_PATHS]),
        diff=f"git diff {row.merge_base} {row.head}",
        change_request=row.change_request,
        policy_id=policy.id,
        policy_epoch=prepared.look.gathered.force.epoch,
        policy_digest=policy.digest,
        choices=offered.choices(act),
        role=prepared.choice.role if prepared.choice else None,
        team=prepared.choice.team if prepared.choice else None,
        meaning=prepared.meaning,
        statement=prepared.statement,
        statement_digest=prepared.seen.statement,
        seen=prepared.seen.token,
        reason_required=act is not Act.APPROVE,
        afterwards=say_afterwards(prepared.look, who.key, act, prepared.choice, prepared.meaning),
        counted=_name_counted(prepared.look),
        printed_name=_printed_name(prepared.look, who),
        under=prepared.choice.under if prepared.choice else None,
    )


def sign(parts: Parts, who: SignedIn, request: SignRequest, password: str, address: str) -> ReceiptShown:
    """The whole ceremony. Raises what ``prepare`` does, ``NotSignedInError`` for a wrong password, and
    ``ConflictError`` (code changed) whose details list in ``changes`` what moved since the form was shown.
    """
    key = f"sign/{who.session}/{request.request_id}"
    already = parts.log.find_dedup(key)
    if already is not None:
        return receipt(parts, already)
    try:
        index = _sign(parts, who, request, password, address, key)
    except (ConflictError, NotPermittedError):
        # A second click at the same time may find that the first one has already changed everything.
        already = parts.log.find_dedup(key)
        if already is None:
            raise
        return receipt(parts, already)
    with suppress(UnavailableError, ConflictError):
        # Should this fail, the signature stands and is durable; until the worker decides anew the answer is *error*.
        decide(parts, request.repository, request.number)
    if request.act is not Act.APPROVE:
        redecide_same_work(parts, request.repository, request.number)
    return receipt(parts, index)


def _sign(parts: Parts, who: SignedIn, request: SignRequest, password: str, address: str, key: str) -> int:
    """Steps 1 to 6. Returns the index of the entry."""
    _check_reason(request)
    shown = parse_seen(request.seen)
    wanted = (request.role, request.team, request.meaning, request.under)
    prepared = _prepare(parts, who, request.repository, request.number, request.act, wanted)
    if prepared.seen != shown:
        raise _changed(shown, prepared)
    what = f"{request.act.value} {request.repository}#{request.number}"
    person = prove_presence(parts, who.ref, password, what=what, address=address)
    signature = Signature(
        who=who,
        person=person,
        act=request.act,
        choice=prepared.choice,
        role=prepared.choice.role if prepared.choice else _own(prepared).role,
        team=prepared.choice.team if prepared.choice else _own(prepared).team,
        meaning=prepared.meaning or "withdrawal",
        reason=request.reason.strip(),
        statement=prepared.statement,
        seen=prepared.seen.digest,
        supersedes=_own(prepared).index if request.act is Act.WITHDRAW else None,
        is_first_in_session=_is_first(parts, who),
        key=key,
    )
    return _append(parts, who, request, shown, prepared, signature)


def _append(
    parts: Parts, who: SignedIn, request: SignRequest, shown: Seen, prepared: _Prepared, signature: Signature
) -> int:
    """Record it. Whatever moved without changing what was shown (a decision renewed) is simply tried again."""
    for _ in range(ATTEMPTS):
        try:
            return parts.ledger.append(build_signature(parts, prepared.look, signature)).indexes[0]
        except ConflictError:
            wanted = (request.role, request.team, request.meaning, request.under)
            prepared = _prepare(parts, who, request.repository, request.number, request.act, wanted)
            if prepared.seen != shown:
                raise _changed(shown, prepared) from None
    raise ConflictError("Others kept being faster. Nothing was signed.", code="busy", remedy="Sign again.")


def _prepare(
    parts: Parts,
    who: SignedIn,
    repository: str,
    number: int,
    act: Act,
    wanted: _Wanted,
) -> _Prepared:
    seen = look(parts, repository, number, reader=who.key)
    if seen.gathered.facts.directory_error:
        raise UnavailableError(
            f"The directory cannot be asked now, so nothing can be signed: {seen.gathered.facts.directory_error}",
            code="unreachable",
            remedy="Try again in a moment. Nothing was signed.",
        )
    offered = offer(seen, who.key)
    if act not in offered.may:
        raise NotPermittedError(_refusal(offered, act), code="may-not-sign")
    given_in = seen.gathered.vetoed_in.get(offered.own.index) if act is Act.WITHDRAW and offered.own else None
    if given_in is not None and given_in.state == ContributionState.OPEN:
        raise NotPermittedError(f"You rejected this in {given_in.id}: withdraw it there.", code="may-not-sign")
    choice, meaning = _choose(offered, act, wanted)
    gathered = seen.gathered
    row = gathered.row
    statement = build_statement_text(
        act=act,
        printed_name=_printed_name(seen, who),
        role=choice.role if choice else None,
        team=choice.team if choice else None,
        meaning_text=dict(choice.meanings)[meaning] if choice and meaning else None,
        repository=repository,
        number=number,
        head=row.head,
        tree=row.tree,
        target=row.target,
        merge_base=row.merge_base,
        change_request=row.change_request,
        policy_id=gathered.policy.id,
        policy_digest=gathered.policy.digest,
        supersedes=offered.own.index if act is Act.WITHDRAW and offered.own else None,
        giver=choice.giver_name if choice else None,
        delegation=choice.delegation if choice else None,
        freeze=choice.freeze if choice else None,
    )
    return _Prepared(
        look=seen,
        choice=choice,
        meaning=meaning,
        own=offered.own,
        statement=statement,
        seen=Seen(
            act=act.value,
            head=row.head,
            target=row.target,
            policy=gathered.policy.digest,
            statement=text_digest(statement),
            counted=tuple(sorted(seen.decision.counted)),
            standing=tuple(sorted(one.index for one in gathered.facts.approvals)),
        ),
    )


def _choose(offered: Offer, act: Act, wanted: _Wanted) -> tuple[SignChoice | None, str | None]:
    """The role and meaning asked for, or the first offered. ``InputError`` for one that is not offered."""
    choices = offered.choices(act)
    if not choices:
        return None, None
    role, team, meaning, under = wanted
    fitting = [one for one in choices if role is None or (role, team, under) == (one.role, one.team, one.under)]
    if not fitting:
        raise InputError(
            f"You do not hold the role {role!r} here.", field="role", remedy="Choose one of the roles the page offers."
        )
    meanings = [known for known, _ in fitting[0].meanings]
    if meaning is not None and meaning not in meanings:
        raise InputError(
            f"The role {fitting[0].role} cannot sign with the meaning {meaning!r} here.",
            field="meaning",
            remedy="Choose one of the meanings the page offers.",
        )
    return fitting[0], meaning or meanings[0]


def _refusal(offered: Offer, act: Act) -> str:
    match act:
        case Act.APPROVE:
            return offered.why_not or "You cannot approve this contribution."
        case Act.REJECT:
            return "You hold no role that the policy lets reject this contribution, or you have rejected it already."
        case Act.WITHDRAW:
            return "You have nothing standing here that you could withdraw."


def _check_reason(request: SignRequest) -> None:
    if request.act is not Act.APPROVE and not request.reason.strip():
        raise InputError(f"Give a reason: to {request.act.value} needs one.", field="reason")
    if len(request.reason) > MAX_REASON:
        raise InputError(f"The reason is longer than {MAX_REASON} characters.", field="reason", remedy="Shorten it.")


def _printed_name(seen: Look, who: SignedIn) -> str:
    return next((one.name for one in seen.gathered.facts.people if one.id == who.key), who.name)


def _own(prepared: _Prepared) -> ApprovalFacts:
    if prepared.own is None:
        raise AssertionError("only a standing statement can be withdrawn")
    return prepared.own


def _is_first(parts: Parts, who: SignedIn) -> bool:
    """Has this person signed nothing since they signed in? (21 CFR 11.200(a)(1))"""
    latest = approvals.by_person(parts.engine, who.key, limit=1)
    return not latest or latest[0].signed_at < who.signed_in_at


def _name_counted(seen: Look) -> tuple[str, ...]:
    """Each once; a review on the forge may be among them in several roles."""
    said: dict[int, str] = {}
    for one in seen.gathered.facts.approvals:
        if one.index in seen.decision.counted:
            role = f"{one.role} of {one.team}" if one.team else one.role
            how = f"as {role}" if one.kind == SIGNATURE else "by a review on the forge"
            said[one.index] = f"{one.name} {how} (audit entry {one.index})"
    return tuple(said.values())


def _changed(shown: Seen, prepared: _Prepared) -> ConflictError:
    now, approvals = prepared.seen, {one.index: one for one in prepared.look.gathered.facts.approvals}
    changes = []
    if shown.head != now.head:
        changes.append(f"A new revision was pushed: the head was {shown.head} and is now {now.head}.")
    if shown.target != now.target:
        changes.append(f"The target branch was {shown.target} and is now {now.target}.")
    if shown.policy != now.policy:
        changes.append("Another policy came into force.")
    for index in sorted(set(now.standing) - set(shown.standing)):
        one = approvals[index]
        did = (
            f"signed meanwhile: {one.act} as {one.role}"
            if one.kind == SIGNATURE
            else "reviewed it on the forge meanwhile"
        )
        changes.append(f"{one.name} {did} (audit entry {index}).")
    for index in sorted(set(shown.standing) - set(now.standing)):
        changes.append(f"The statement in audit entry {index} was withdrawn.")
    if set(shown.counted) != set(now.counted) and not changes:
        changes.append("Which signatures count has changed.")
    if shown.statement != now.statement and not changes:
        changes.append("The statement to be signed reads differently now.")
    return ConflictError(
        "This contribution changed while you were reading. Nothing was signed.",
        code="changed",
        remedy="Read what changed and open the sign page again.",
        changes=changes or ["It was decided anew."],
    )
