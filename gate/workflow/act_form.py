"""Forms of acts that are not approvals (a delegation, its end, the clearing of a veto): statement, digest, ceremony.

The rules are those of ``sign.py``: a "no" comes before any password; the form that comes back must equal the form as
it would be now (INV-04); the password again, live and throttled; one signed entry and its rows in one command; sent
twice it is one act.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from gate.domain.clock import format_instant
from gate.domain.errors import ConflictError
from gate.domain.people import Person, RoleGrant
from gate.signing.canonical import canonical
from gate.store.command import Command
from gate.workflow.parts import Parts
from gate.workflow.presence import prove_presence
from gate.workflow.shown import SignedIn
from gate.workflow.statement import text_digest

FORM_FORMAT: Final = "gate-act-form/v1"
VOUCHED: Final = "The gate vouches for my identity by directory password in a live session."
ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ActForm:
    """What a page shows before the act: the exact words, who says them, and ``seen``, which binds them.

    ``about`` are names and values of what it is about, ``afterwards`` a paragraph on what follows; neither is signed.
    """

    statement: str
    statement_digest: str
    printed_name: str
    seen: str
    about: tuple[tuple[str, str], ...] = ()
    afterwards: str = ""


class Prepared(Protocol):
    """An act as it would be recorded now."""

    @property
    def form(self) -> ActForm: ...


T = TypeVar("T", bound=Prepared)


def build_form(lines: list[str], printed_name: str) -> ActForm:
    """The form over a statement of these lines."""
    statement = "\n".join([*lines, VOUCHED]) + "\n"
    digest = text_digest(statement)
    seen = hashlib.sha256(canonical({"format": FORM_FORMAT, "statement": digest})).hexdigest()
    return ActForm(statement=statement, statement_digest=digest, printed_name=printed_name, seen=seen)


def perform(
    parts: Parts,
    who: SignedIn,
    *,
    prepare: Callable[[], T],
    build: Callable[[T], Command],
    seen: str,
    key: str,
    password: str,
    address: str,
    what: str,
) -> int:
    """The ceremony after the form came back. Returns the entry's index; whatever moved unseen is tried again."""
    already = parts.log.find_dedup(key)
    if already is not None:
        return already
    _refuse_changed(seen, prepare())
    prove_presence(parts, who.ref, password, what=what, address=address)
    for _ in range(ATTEMPTS):
        prepared = prepare()
        _refuse_changed(seen, prepared)
        try:
            return parts.ledger.append(build(prepared)).indexes[0]
        except ConflictError:
            already = parts.log.find_dedup(key)
            if already is not None:
                return already
    raise ConflictError("Others kept being faster. Nothing was signed.", code="busy", remedy="Sign again.")


def _refuse_changed(seen: str, prepared: Prepared) -> None:
    if prepared.form.seen != seen:
        raise ConflictError(
            "This changed while you were reading. Nothing was signed.",
            code="changed",
            remedy="Open the page again and read the statement as it is now.",
            changes=["The statement to be signed reads differently now."],
        )


def act_members(who: SignedIn, form: ActForm, at: datetime) -> dict[str, Any]:
    """How the person proved to be there and what they were shown, as every entry of such an act says it."""
    return {
        "auth": {
            "method": "ldap+session",
            "components": ["login", "password"],
            "at": format_instant(at),
            "session": who.session,
        },
        "statementText": form.statement,
        "seen": form.seen,
        "vouch": {"by": "gate", "on": "ldap+session"},
    }


def person_members(person: Person) -> dict[str, Any]:
    return {
        "id": person.key,
        "idAttr": person.ref.id_attr,
        "login": person.login,
        "dn": person.dn,
        "displayName": person.name,
    }


def grant_members(grant: RoleGrant) -> dict[str, Any]:
    """A role with the groups that give it."""
    return {
        "role": grant.role,
        "team": grant.team,
        "group": {"id": grant.group.id, "dn": grant.group.dn},
        "via": [{"id": group.id, "dn": group.dn} for group in grant.via],
    }


def say_role(role: str, team: str | None) -> str:
    return f"{role} of {team}" if team else role


def say_instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
