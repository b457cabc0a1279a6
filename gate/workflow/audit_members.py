"""Rows that decisions rest on, compared with their entries member by member: what the row must hold, as signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from gate.auditlog.entry import Statement
from gate.domain.clock import format_instant
from gate.store.auditing import Projected
from gate.workflow.forge_words import write_role

_ACTS: Final = {"APPROVED": "approve", "REJECTED": "reject", "WITHDRAWN": "withdraw"}


def check_members(row: Projected, signed: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on columns that hold something else than what was signed."""
    for name, value in signed.items():
        found = row.values[name]
        stored = found.hex() if isinstance(found, bytes) else found
        if isinstance(stored, datetime):
            stored = format_instant(stored)
        if stored != value and {stored, value} != {"", None}:  # a column that is never NULL spells "none" as ""
            what = row.table.replace("_", " ")
            yield f"The row of {what} {row.index} has {name} {stored!r}; what was signed is {value!r}."


def _approval(statement: Statement) -> dict[str, Any]:
    predicate = statement.predicate
    reviewer = _object(predicate.get("reviewer"))
    return {
        "act": _ACTS.get(str(predicate.get("result"))),
        "person": reviewer.get("id"),
        "name": reviewer.get("displayName"),
        "role": reviewer.get("role"),
        "team": reviewer.get("team"),
        "meaning": predicate.get("meaning"),
        "repository": predicate.get("repository"),
        "number": predicate.get("number"),
        "revision": predicate.get("revision"),
        "head": predicate.get("head"),
        "target": predicate.get("targetRef"),
        "policy_digest": _object(_object(predicate.get("policy")).get("digest")).get("sha256"),
        "signed_at": format_instant(statement.at),
        "expires_at": predicate.get("expiresAt"),
        "supersedes": predicate.get("supersedes"),
        "kind": predicate.get("kind"),
        "on_behalf_of": _object(predicate.get("onBehalfOf")).get("id"),
        "freeze": predicate.get("freeze"),
    }


def _forge_review(statement: Statement) -> dict[str, Any]:
    predicate = statement.predicate
    reviewer = _object(predicate.get("reviewer"))
    return {
        "act": _ACTS.get(str(predicate.get("result"))),
        "forge": predicate.get("forge"),
        "review": predicate.get("review"),
        "account": predicate.get("account"),
        "login": predicate.get("login"),
        "person": reviewer.get("id"),
        "how": predicate.get("how"),
        "name": reviewer.get("displayName", predicate.get("login")),
        "roles": _roles(reviewer.get("roles")),
        "repository": predicate.get("repository"),
        "number": predicate.get("number"),
        "revision": predicate.get("revision"),
        "head": predicate.get("head"),
        "target": predicate.get("targetRef"),
        "policy_digest": _object(_object(predicate.get("policy")).get("digest")).get("sha256"),
        "submitted_at": predicate.get("submittedAt"),
        "recorded_at": format_instant(statement.at),
        "expires_at": predicate.get("expiresAt"),
    }


def _roles(held: object) -> tuple[str, ...]:
    """As the row keeps them."""
    listed = [_object(one) for one in held] if isinstance(held, list) else []
    return tuple(sorted(write_role(str(one.get("role")), one.get("team")) for one in listed))


def _delegation(statement: Statement) -> dict[str, Any]:
    predicate = statement.predicate
    giver, receiver = _object(predicate.get("giver")), _object(predicate.get("receiver"))
    return {
        "giver": giver.get("id"),
        "giver_name": giver.get("displayName"),
        "receiver": receiver.get("id"),
        "receiver_name": receiver.get("displayName"),
        "role": predicate.get("role"),
        "team": predicate.get("team"),
        "starts_at": predicate.get("startsAt"),
        "ends_at": predicate.get("endsAt"),
    }


def _clearance(statement: Statement) -> dict[str, Any]:
    predicate = statement.predicate
    reviewer = _object(predicate.get("reviewer"))
    return {
        "repository": predicate.get("repository"),
        "number": predicate.get("number"),
        "veto": predicate.get("veto"),
        "person": reviewer.get("id"),
        "name": reviewer.get("displayName"),
        "role": reviewer.get("role"),
        "team": reviewer.get("team"),
        "signed_at": format_instant(statement.at),
    }


def _token(statement: Statement) -> dict[str, Any]:
    predicate = statement.predicate
    scopes = predicate.get("scopes")
    return {
        "id": predicate.get("token"),
        "name": predicate.get("name"),
        "repository": predicate.get("repository"),
        "scopes": " ".join(scopes) if isinstance(scopes, list) else None,
        "person": predicate.get("person"),
    }


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


MEMBERS: Final[Mapping[str, Callable[[Statement], dict[str, Any]]]] = {
    "approval": _approval,
    "forge_review": _forge_review,
    "delegation": _delegation,
    "veto_clearance": _clearance,
    "api_token": _token,
}
