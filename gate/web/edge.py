"""The outermost shell, plain WSGI (PEP 3333): request id, the client's address, answer headers, one log line.

It stands outside Flask so that no answer leaves without its headers, a fault in Flask included, and
because it costs a few microseconds where hooks and proxies cost fifty. Forwarded headers count
only when the peer is one of ``server.trusted_proxies``.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gate.web.request_log import write_line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID = "gate.request_id"
CSP_PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
CSP_DATA = "default-src 'none'; frame-ancestors 'none'"
COMMON_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)
HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
NO_STORE = ("Cache-Control", "no-store")


class Edge:
    """Wraps the application. ``is_https`` adds HSTS; ``proxies`` are addresses we believe."""

    def __init__(self, inner: WSGIApplication, *, is_https: bool, proxies: Iterable[str]) -> None:
        common = (*COMMON_HEADERS, HSTS) if is_https else COMMON_HEADERS
        self._inner = inner
        self._page = (*common, ("Content-Security-Policy", CSP_PAGE))
        self._data = (*common, ("Content-Security-Policy", CSP_DATA))
        self._proxies = frozenset(proxies)
        self._process, self._requests = secrets.token_hex(4), itertools.count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        request_id = environ[REQUEST_ID] = f"{self._process}{next(self._requests):08x}"
        if environ.get("REMOTE_ADDR") in self._proxies:
            environ["REMOTE_ADDR"] = self._read_client(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info=None):  # type: ignore[no-untyped-def]
            self._add_headers(headers, request_id)
            write_line(environ, request_id, int(status[:3]), time.perf_counter() - started)
            return start_response(status, headers, exc_info)

        return self._inner(environ, start)

    def _add_headers(self, headers: list[tuple[str, str]], request_id: str) -> None:
        """By content type; a Cache-Control that the view chose stands."""
        is_page = False
        is_kept = False
        for name, value in headers:
            if name == "Content-Type":
                is_page = value.startswith("text/html")
            elif name == "Cache-Control":
                is_kept = True
        headers.extend(self._page if is_page else self._data)
        headers.append(("X-Request-Id", request_id))
        if not is_kept:
            headers.append(NO_STORE)

    def _read_client(self, environ: WSGIEnvironment) -> str:
        """The last address in the chain that is not one of our proxies: everything left of it is a claim."""
        chain = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        found = next((address for address in reversed(chain) if address not in self._proxies), "")
        return found or str(environ["REMOTE_ADDR"])
