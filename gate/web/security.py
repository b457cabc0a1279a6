"""Deny by default: host, permission, session or token, cross-site and CSRF checks, cookies.

Order on every request: host, (unknown route), permission, identity, cross-site, CSRF.
A person comes by cookie and never by token; a token comes by ``Authorization`` and never reaches
a page, so no token can sign. Follows WHATWG Fetch metadata (``Sec-Fetch-Site``), RFC 6265bis
(``__Host-``). Answer headers are ``edge``'s. What a person may do is the workflow's answer (``SignedIn.permissions``).
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from flask import Flask, Request, Response, g, request
from flask.globals import request_ctx

from gate.domain.errors import InputError, NotPermittedError, NotSignedInError
from gate.web.context import parts, reader
from gate.web.context import site as own_site
from gate.web.permissions import EVERYBODY, WORDS, Permission
from gate.web.request_log import PERSON, ROUTE, TOKEN
from gate.web.site import Site
from gate.workflow import session as session_step
from gate.workflow import tokens as tokens_step
from gate.workflow.session import BY_GROUP
from gate.workflow.shown import SignedIn

if TYPE_CHECKING:
    from gate.workflow.tokens import TokenHolder

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_LIMIT = 1024 * 1024
DELIVERY_LIMIT = 4 * 1024 * 1024
FORM_FIELD = "csrf"


def install_guard(app: Flask, site: Site, permissions: dict[str, Permission]) -> None:
    """Put the checks before every request. An unknown route needs none: it answers 404 or 405."""

    def guard() -> None:
        asked = request_ctx.request
        if not site.is_own_host(asked.host):
            raise InputError("This host name is not this gate's.", code="wrong-host", remedy=f"Use {site.base_url}.")
        rule = asked.url_rule
        if rule is None:
            return
        asked.environ[ROUTE] = rule.rule
        permission = permissions[rule.endpoint]
        match permission.scope:
            case "api":
                g.holder = admit_token(asked, permission)
            case "page":
                admit_person(site, permission)
            case _:
                admit_anybody(permission)

    app.before_request(guard)


def admit_anybody(permission: Permission) -> None:
    """Open routes: the sign-in form still wants its token, deliveries only a larger body."""
    if permission is Permission.DELIVER:
        request.max_content_length = DELIVERY_LIMIT
    elif request.method not in SAFE_METHODS:
        refuse_cross_site()


def admit_token(asked: Request, permission: Permission) -> TokenHolder:
    """The token's holder, if it carries the scope and is for the repository in the path."""
    token = tokens_step.bearer(parts(), asked.environ.get("HTTP_AUTHORIZATION", ""))
    asked.environ[TOKEN] = token.id
    if permission.token_scope not in token.scopes:
        raise NotPermittedError(
            f"This token lacks the scope {permission.token_scope}.",
            code="scope-missing",
            remedy="Ask an administrator of the gate for a token with this scope.",
            scope=permission.token_scope,
        )
    repository = (asked.view_args or {}).get("repository")
    if repository is not None and token.repository not in (None, repository):
        raise NotPermittedError(
            "This token is for another repository.", code="other-repository", remedy="Use a token of this repository."
        )
    return token


def admit_person(site: Site, permission: Permission) -> SignedIn:
    """The signed-in person, if they hold the permission and the request is from our own page."""
    if request.headers.get("Authorization", "").lower().startswith("bearer"):
        raise NotPermittedError(
            "A token cannot use the pages, and nothing can be signed with one.",
            code="token-on-page",
            remedy="Sign in as a person.",
        )
    token = request.cookies.get(site.session_cookie, "")
    person = session_step.current(parts(), token) if token else None
    if person is None:
        raise NotSignedInError("You are not signed in, or your session has ended.", remedy="Sign in and try again.")
    g.who = person
    request.environ[PERSON] = person.key
    if permission.value not in person.permissions and permission.value not in EVERYBODY:
        raise build_refusal(permission)
    if request.method not in SAFE_METHODS:
        refuse_cross_site()
        verify_form_token(person.csrf)
    return person


def build_refusal(permission: Permission) -> NotPermittedError:
    """What the person may not do, in words, and who could let them: the roles of the gate that hold it."""
    roles = [role for role, held in BY_GROUP.items() if permission.value in held]
    groups = [group for role in roles for group in getattr(parts().settings.permissions, role)]
    named = " or ".join(role.replace("_", " ") for role in roles)
    return NotPermittedError(
        f"You may not {WORDS[permission]}.",
        code="permission-missing",
        remedy=(
            f"People with the gate's role {named} may: the members of {' and of '.join(groups) or 'no group yet'}. "
            "Whoever keeps that group in the directory can add you; an administrator of the gate chooses the group."
            if roles
            else "No role of the gate gives this; ask an administrator of the gate."
        ),
    )


def refuse_cross_site() -> None:
    """Raises ``NotPermittedError`` for a state change that another site's page sent."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = own_site().is_own_origin(origin, request.host) if origin else True
    if (fetch_site is not None and fetch_site != "same-origin") or not own:
        raise NotPermittedError(
            "This request came from another site, so nothing was done.",
            code="cross-site",
            remedy="Open the page of the gate itself and try again.",
        )


def verify_form_token(expected: str) -> None:
    """Raises ``NotPermittedError`` unless the form carries the expected token (constant time)."""
    given = request.form.get(FORM_FIELD, "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise NotPermittedError(
            "The form's token is missing or old, so nothing was done.",
            code="form-token",
            remedy="Open the page again and send the form from there.",
        )


def set_session_cookie(response: Response, site: Site, token: str) -> None:
    """Lax, not Strict: links from forges and mails must find the reader signed in. The CSRF token guards writes."""
    response.set_cookie(site.session_cookie, token, path="/", httponly=True, secure=site.is_https, samesite="Lax")
    response.delete_cookie(site.form_cookie, path="/", httponly=True, secure=site.is_https, samesite="Strict")


def clear_session_cookie(response: Response, site: Site) -> None:
    response.delete_cookie(site.session_cookie, path="/", httponly=True, secure=site.is_https, samesite="Lax")


def set_form_cookie(response: Response, site: Site, token: str) -> None:
    response.set_cookie(site.form_cookie, token, path="/", httponly=True, secure=site.is_https, samesite="Strict")


def is_local_path(target: str) -> bool:
    """Whether ``next`` may be followed: an absolute path of this site, nothing a browser reads as another."""
    return (
        target.startswith("/")
        and not target.startswith("//")
        and "\\" not in target
        and target.isprintable()
        and target.isascii()
    )


def form_token() -> str:
    """The CSRF token for forms of this page; empty when nobody is signed in."""
    person = reader()
    return person.csrf if person else ""
