"""Terms a contributor must accept: read, then signed with the password like any other statement."""

from __future__ import annotations

import hashlib

from gate.auditlog.entry import EntryKind
from gate.domain.clock import format_instant
from gate.domain.errors import ConflictError, NotFoundError
from gate.policy.document import Terms
from gate.store import people
from gate.store.command import Blob, Command, EntryIndex, Job, Row
from gate.store.tables import terms_acceptance
from gate.workflow.entry import build_entry, by_person, thing_subject
from gate.workflow.parts import Parts
from gate.workflow.presence import prove_presence
from gate.workflow.receipt import receipt
from gate.workflow.shown import SignedIn, TermsShown
from gate.workflow.sign_shown import ReceiptShown

ATTEMPTS = 5


def terms(parts: Parts, who: SignedIn) -> tuple[TermsShown, ...]:
    """Every text some policy in force asks for, and when this person accepted it."""
    accepted = {one.terms: one.accepted_at for one in people.terms(parts.engine, [who.key])}
    return tuple(
        TermsShown(
            id=one.id, title=one.title, text=one.text, digest=_digest(one).hex(), accepted_at=accepted.get(one.id)
        )
        for one in _in_force(parts).values()
    )


def accept(
    parts: Parts, who: SignedIn, terms_id: str, digest: str, password: str, address: str, request_id: str
) -> ReceiptShown:
    """Sign the acceptance. ``ConflictError`` when the text changed since it was shown, ``NotSignedInError`` …"""
    key = f"terms/{who.session}/{request_id}"
    already = parts.log.find_dedup(key)
    if already is not None:
        return receipt(parts, already)
    epoch = parts.in_force().epoch
    found = _in_force(parts).get(terms_id)
    if found is None:
        raise NotFoundError(f"No policy in force asks for the terms {terms_id!r}.")
    if _digest(found).hex() != digest:
        raise ConflictError(
            "The text of these terms changed while you were reading. Nothing was signed.",
            code="changed",
            remedy="Read the terms again.",
            changes=[f"The text of {found.title!r} is another one now."],
        )
    person = prove_presence(parts, who.ref, password, what=f"accept terms {terms_id}", address=address)
    for attempt in range(ATTEMPTS):
        try:
            index = parts.ledger.append(_command(parts, who, found, person.name, person.dn, key, epoch)).indexes[0]
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return receipt(parts, index)
    raise AssertionError("the loop returns or raises")


def _in_force(parts: Parts) -> dict[str, Terms]:
    return {one.id: one for policy in parts.in_force().policies.policies for one in policy.terms}


def _digest(one: Terms) -> bytes:
    return hashlib.sha256(one.text.encode()).digest()


def _command(parts: Parts, who: SignedIn, found: Terms, name: str, dn: str, key: str, epoch: int) -> Command:
    now = parts.clock.now()
    entry = build_entry(
        parts,
        EntryKind.TERMS_ACCEPTED,
        stream="people",
        version=parts.log.stream_version("people") + 1,
        subjects=[thing_subject(f"gate:terms/{found.id}", _digest(found))],
        predicate={
            "terms": found.id,
            "title": found.title,
            "person": {"id": who.key, "login": who.login, "displayName": name, "dn": dn},
            "auth": {
                "method": "ldap+session",
                "components": ["login", "password"],
                "at": format_instant(now),
                "session": who.session,
            },
            "vouch": {"by": "gate", "on": "ldap+session"},
        },
        by=by_person(who.key),
        at=now,
    )
    row = Row(
        table=terms_acceptance,
        key=("person", "terms"),
        values={"person": who.key, "terms": found.id, "idx": EntryIndex(), "accepted_at": now},
    )
    job = Job(kind="redecide", payload={"person": who.key}, not_before=now)
    blob = Blob(kind="terms", content=found.text.encode())
    return Command(entries=(entry,), rows=(row,), blobs=(blob,), jobs=(job,), key=key, policy_epoch=epoch)
