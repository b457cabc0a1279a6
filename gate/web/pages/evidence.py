"""For auditors: scope, population, pack. Progress by reloading, so it works without JavaScript."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from gate.domain.errors import ConflictError, InputError
from gate.web.context import parts, who
from gate.web.permissions import Permission, requires
from gate.web.present import is_pack_running
from gate.web.reading import read_day, read_field, read_query
from gate.workflow import export as export_step
from gate.workflow import pages as pages_step
from gate.workflow.shown import PackRequest, PackShown

evidence = Blueprint("evidence", __name__, url_prefix="/evidence")
LOOK_AGAIN_SECONDS = "3"
DEFAULT_PERIOD = timedelta(days=90)
ONE_DAY = timedelta(days=1)
A_YEAR = timedelta(days=366)


@evidence.get("")
@requires(Permission.READ_EVIDENCE)
def show_evidence() -> str:
    today = parts().clock.now()
    return render_template(
        "evidence.html",
        packs=export_step.packs(parts()),
        repositories=pages_step.repositories(parts(), who()),
        repository=read_query("repository", limit=63),
        first_day=read_query("from", limit=10) or (today - DEFAULT_PERIOD).date().isoformat(),
        last_day=read_query("to", limit=10) or today.date().isoformat(),
    )


@evidence.post("")
@requires(Permission.REQUEST_EVIDENCE)
def request_pack() -> WerkzeugResponse:
    """One form, one choice: the pack, or (``want=population``) the table of the same scope."""
    wanted = build_request(
        read_field("repository", limit=63), read_field("from"), read_field("to"), read_field("reason", limit=500)
    )
    if read_field("want") == "population":
        scope = urlencode({"repository": wanted.repository, "from": read_field("from"), "to": read_field("to")})
        return redirect(f"{url_for('evidence.download_population')}?{scope}", 303)
    pack_id = export_step.request(parts(), who(), wanted)
    return redirect(url_for("evidence.show_pack", pack_id=pack_id, watch=1), 303)


@evidence.get("/<name:pack_id>")
@requires(Permission.READ_EVIDENCE)
def show_pack(pack_id: str) -> WerkzeugResponse:
    """Progress; ``?watch=1`` reloads by itself, and can be stopped (WCAG 2.2.1)."""
    pack = load_pack(pack_id)
    is_running = is_pack_running(pack)
    is_watched = is_running and request.args.get("watch") == "1"
    html = render_template("pack.html", pack=pack, is_running=is_running, is_watched=is_watched)
    response = make_response(html)
    if is_watched:
        response.headers["Refresh"] = LOOK_AGAIN_SECONDS
    return response


@evidence.get("/<name:pack_id>/pack.pdf")
@requires(Permission.READ_EVIDENCE)
def download_pack(pack_id: str) -> Response:
    pack = load_pack(pack_id)
    if pack.state != "ready":
        raise ConflictError("This pack is not ready.", code="not-ready", remedy="Open its page to see its progress.")
    name = f"evidence-{pack.repository}-{pack.period_from:%Y%m%d}-{pack.period_to:%Y%m%d}.pdf"
    sealed = BytesIO(export_step.pack_file(parts(), pack_id))
    response = send_file(sealed, mimetype="application/pdf", as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "no-store"
    return response


@evidence.get("/population.csv")
@requires(Permission.READ_EVIDENCE)
def download_population() -> Response:
    query = request.args
    wanted = build_request(
        read_query("repository", limit=63) or "", query.get("from", ""), query.get("to", ""), "population"
    )
    response = Response(export_step.population_csv(parts(), who(), wanted), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="population-{wanted.repository}.csv"'
    return response


def build_request(repository: str, first: str, last: str, reason: str) -> PackRequest:
    """The period holds both days given: it ends at the midnight after the last."""
    since, until = read_day(first, "from"), read_day(last, "to")
    if not repository:
        raise InputError("Choose a repository.", field="repository")
    if since is None or until is None or until < since:
        raise InputError("Give a first day and a last day, the first not after the last.", field="from")
    if until > latest() + A_YEAR:
        # Also the end of the calendar, which has no midnight after it.
        raise InputError(
            "The last day lies more than a year ahead.", field="to", remedy="Give today or an earlier day."
        )
    return PackRequest(
        repository=repository, period_from=since, period_to=min(until + ONE_DAY, latest()), reason=reason
    )


def latest() -> datetime:
    """A pack cannot cover what has not happened."""
    return parts().clock.now()


def load_pack(pack_id: str) -> PackShown:
    """Raises ``NotFoundError`` for an id that is none."""
    return export_step.pack(parts(), pack_id)
