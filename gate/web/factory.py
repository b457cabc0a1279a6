"""Builds the Flask application from bound parts. Every route is registered here, and none without a permission."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, send_from_directory
from jinja2 import StrictUndefined
from werkzeug.routing import BaseConverter, Map

from gate.web import present
from gate.web.api import API_BLUEPRINTS, health
from gate.web.context import reader
from gate.web.edge import Edge
from gate.web.errors import install_errors
from gate.web.pages import PAGE_BLUEPRINTS
from gate.web.permissions import Permission, build_permission_map, requires
from gate.web.security import BODY_LIMIT, form_token, install_guard
from gate.web.site import Site, build_site

if TYPE_CHECKING:
    from gate.workflow.parts import Parts

HERE = Path(__file__).parent
STATIC_CACHE = "public, max-age=31536000, immutable"


class RepositoryConverter(BaseConverter):
    """A repository id."""

    regex = r"[a-z0-9][a-z0-9._-]{0,62}"


class HashConverter(BaseConverter):
    """A git object id, SHA-1 or SHA-256."""

    regex = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"


class NameConverter(BaseConverter):
    """An id of ours in a path: terms, packs, forges."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def create_web(parts: Parts) -> Flask:
    """The application. Raises ``TypeError`` when an endpoint declares no permission."""
    app = Flask("gate.web", root_path=str(HERE), static_folder=None, template_folder=str(HERE / "templates"))
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, MAX_FORM_MEMORY_SIZE=BODY_LIMIT, MAX_FORM_PARTS=100)
    app.url_map.converters.update(repository=RepositoryConverter, hash=HashConverter, name=NameConverter)
    refuse_path_rewrites(app.url_map)
    site = build_site(parts.settings)
    app.extensions.update({"gate-parts": parts, "gate-site": site})
    for blueprint in (*API_BLUEPRINTS, *PAGE_BLUEPRINTS):
        app.register_blueprint(blueprint)
    app.add_url_rule("/health", "health", health.show_health)
    app.add_url_rule("/static/<name:filename>", "static", show_static)
    install_templates(app, site)
    install_errors(app)
    install_guard(app, site, build_permission_map(app.view_functions))
    app.wsgi_app = Edge(  # type: ignore[method-assign]
        app.wsgi_app, is_https=site.is_https, proxies=parts.settings.server.trusted_proxies
    )
    return app


def refuse_path_rewrites(url_map: Map) -> None:
    """A path is what it says: no merging of slashes, no redirect to one with a slash at the end."""
    url_map.merge_slashes = False
    url_map.strict_slashes = True


def install_templates(app: Flask, site: Site) -> None:
    """Undefined names are faults; a page knows its reader, its token and the digest of the style sheet."""
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.filters.update(present.FILTERS)
    env.globals.update(site=site, style=digest_static("gate.css"), icon_version=digest_static("icon.svg"))
    app.context_processor(lambda: {"reader": reader(), "form_token": form_token()})


def digest_static(name: str) -> str:
    return sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]


@requires(Permission.STATIC)
def show_static(filename: str) -> Response:
    response = send_from_directory(HERE / "static", filename)
    response.headers["Cache-Control"] = STATIC_CACHE
    return response
