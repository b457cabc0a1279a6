"""Delegations for programs: who handed which role over to whom, from when until when. Reading only."""

from __future__ import annotations

from flask import Blueprint, Response

from gate.web.api.answers import build_json
from gate.web.api.scope import read_repository
from gate.web.context import parts
from gate.web.permissions import Permission, requires
from gate.workflow import delegation_pages

delegations = Blueprint("delegations_api", __name__, url_prefix="/api/v1/delegations")


@delegations.get("")
@requires(Permission.READ_STATUS)
def list_delegations() -> Response:
    """``gate-delegations/v1``, newest first, those that are over included.

    Of the roles that the policies of the token's repository, or of ``?repository=``, know; of all for a token of all.
    """
    return build_json(delegation_pages.list_delegations(parts(), read_repository()))
