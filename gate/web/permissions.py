"""Who may call what: one permission per endpoint, declared where the endpoint is written.

A permission reads ``scope:resource:action``. Scope ``page`` is for a person with a session, scope
``api`` for a bearer token (the rest is then the token's scope), ``open`` for nobody in
particular. What is open is written down twice, here and on the endpoint, so that neither a slip
in a decorator nor one in this list can open a route alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])
_MARK = "__gate_permission__"


class Permission(StrEnum):
    """Every permission there is. A person's come from ``SignedIn.permissions``."""

    SIGN_IN = "open:session:create"
    HEALTH = "open:health:read"
    STATIC = "open:static:read"
    DELIVER = "open:deliveries:write"
    SIGN_OUT = "page:session:end"
    READ_INBOX = "page:inbox:read"
    READ_CONTRIBUTIONS = "page:contributions:read"
    SIGN_CONTRIBUTION = "page:contribution:sign"
    ACCEPT_TERMS = "page:terms:accept"
    READ_REPOSITORIES = "page:repositories:read"
    READ_POLICIES = "page:policies:read"
    PROPOSE_POLICIES = "page:policies:propose"
    SIGN_POLICIES = "page:policies:sign"
    READ_DELEGATIONS = "page:delegations:read"
    DELEGATE = "page:delegations:sign"
    READ_LOG = "page:log:read"
    READ_EVIDENCE = "page:evidence:read"
    REQUEST_EVIDENCE = "page:evidence:request"
    READ_STATUS = "api:status:read"
    WRITE_HINTS = "api:hints:write"
    WRITE_CONTRIBUTIONS = "api:contributions:write"
    WRITE_CHECKS = "api:checks:write"

    @property
    def scope(self) -> str:
        return self.value.partition(":")[0]

    @property
    def token_scope(self) -> str:
        """``status:read`` of ``api:status:read``: what a token must carry."""
        return self.value.partition(":")[2]


WORDS: Mapping[Permission, str] = {
    Permission.READ_INBOX: "read the inbox",
    Permission.READ_CONTRIBUTIONS: "read contributions",
    Permission.SIGN_CONTRIBUTION: "sign contributions",
    Permission.ACCEPT_TERMS: "accept terms",
    Permission.READ_REPOSITORIES: "read about repositories",
    Permission.READ_POLICIES: "read the policy",
    Permission.PROPOSE_POLICIES: "propose a change of the policies",
    Permission.SIGN_POLICIES: "approve a change of the policies",
    Permission.READ_DELEGATIONS: "see delegations",
    Permission.DELEGATE: "hand a role over or end a delegation",
    Permission.READ_LOG: "read the audit log",
    Permission.READ_EVIDENCE: "read evidence packs and the population",
    Permission.REQUEST_EVIDENCE: "ask for an evidence pack",
}
"""What a person may do with a permission, after "You may not …"."""

OPEN_ENDPOINTS: frozenset[str] = frozenset(
    {"session.show_sign_in", "session.sign_in", "health", "static", "deliveries.receive_delivery"}
)
"""Every endpoint that answers without a session or token. Deliveries carry a signature of their own."""

EVERYBODY: frozenset[str] = frozenset({Permission.SIGN_OUT.value})
"""What any signed-in person may do, whatever their roles."""


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare the one permission of an endpoint."""

    def mark(view: View) -> View:
        setattr(view, _MARK, permission)
        return view

    return mark


def build_permission_map(view_functions: Mapping[str, Callable[..., Any]]) -> dict[str, Permission]:
    """Permission by endpoint. Raises ``TypeError`` for an endpoint that declares none, or is open unlisted."""
    found: dict[str, Permission] = {}
    for endpoint, view in view_functions.items():
        permission = getattr(view, _MARK, None)
        if not isinstance(permission, Permission):
            raise TypeError(f"endpoint {endpoint!r} declares no permission; add @requires(Permission…)")
        if (permission.scope == "open") != (endpoint in OPEN_ENDPOINTS):
            raise TypeError(f"endpoint {endpoint!r} and OPEN_ENDPOINTS disagree about being open")
        found[endpoint] = permission
    return found
