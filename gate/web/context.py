"""What a request carries: the parts, who is asking, its id. The one place that reads Flask's globals for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, g, request

from gate.domain.errors import NotSignedInError
from gate.web.edge import REQUEST_ID
from gate.workflow.shown import SignedIn

if TYPE_CHECKING:
    from gate.web.site import Site
    from gate.workflow.parts import Parts
    from gate.workflow.tokens import TokenHolder


def parts() -> Parts:
    return cast("Parts", current_app.extensions["gate-parts"])


def site() -> Site:
    return cast("Site", current_app.extensions["gate-site"])


def who() -> SignedIn:
    """The signed-in person. Raises ``NotSignedInError`` where the guard let nobody in."""
    person = reader()
    if person is None:
        raise NotSignedInError("You are not signed in.", remedy="Sign in and try again.")
    return person


def reader() -> SignedIn | None:
    """The signed-in person, if any: for the frame of a page, error pages too."""
    return cast("SignedIn | None", g.get("who"))


def holder() -> TokenHolder:
    """The bearer of the token of an API call."""
    return cast("TokenHolder", g.holder)


def request_id() -> str:
    return cast(str, request.environ.get(REQUEST_ID, "-"))
