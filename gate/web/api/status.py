"""What CI and git servers ask: may this exact revision land? One cached workflow call, one JSON answer.

The body is ``gate-answer/v1``; the status code follows the answer (`product.md`). ``ETag`` and
``If-None-Match`` make polling cheap (RFC 9110 §13.1.2).
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from gate.domain.errors import InputError
from gate.web.api.answers import build_json
from gate.web.context import holder, parts
from gate.web.permissions import Permission, requires
from gate.web.reading import read_query
from gate.workflow import status as status_step

status = Blueprint("status", __name__, url_prefix="/api/v1/repositories/<repository:repository>")

MOST_SHAS = 200
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REVALIDATE = "private, no-cache"


@status.get("/revisions/<hash:sha>")
@requires(Permission.READ_STATUS)
def show_answer(repository: str, sha: str) -> Response:
    """The answer for one head, against ``?target=refs/heads/…`` or the contribution's own target."""
    answer = status_step.answer(parts(), repository, sha, read_query("target", limit=255), holder().log_size)
    headers = [("ETag", answer.etag), ("Cache-Control", _REVALIDATE)]
    if answer.http == 200 and is_known(answer.etag):
        return Response(status=304, headers=headers)
    if answer.http == 503:
        headers.append(("Retry-After", "5"))
    return Response(answer.text, answer.http, headers, mimetype="application/json")


@status.get("/verdicts")
@requires(Permission.READ_STATUS)
def show_verdicts(repository: str) -> Response:
    """Answers and signed verdicts for up to 200 heads at once (the hook's batch)."""
    shas = tuple(dict.fromkeys(request.args.getlist("sha")))
    target = read_query("target", limit=255)
    if target is None:
        raise InputError("The target branch is missing.", field="target", remedy="Add ?target=refs/heads/main.")
    if not 1 <= len(shas) <= MOST_SHAS:
        raise InputError(f"Ask for 1 to {MOST_SHAS} revisions.", field="sha")
    if not all(_SHA.fullmatch(sha) for sha in shas):
        raise InputError("A revision is a full commit id in lower-case hex.", field="sha")
    return build_json(status_step.verdicts(parts(), repository, target, shas))


def is_known(etag: str) -> bool:
    given = request.headers.get("If-None-Match")
    if given is None:
        return False
    return given.strip() == "*" or any(part.strip().removeprefix("W/") == etag for part in given.split(","))
