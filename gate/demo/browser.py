"""A person at the pages, as a browser without JavaScript: cookies, forms as they stand, nothing else.

Forms are read from the page and sent with all their hidden fields, so that the play proves what a
person could do. Also the one JSON client the play needs.
"""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from gate.demo.organisation import Member
from gate.domain.errors import GateError

TIMEOUT = 60.0
PROXIES = urllib.request.ProxyHandler({})  # loopback only: no proxy of the environment is asked


class RefusedError(GateError):
    """The gate said no where the story expects a yes."""

    default_code = "story-refused"


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


def _is_sent(attributes: dict[str, str | None]) -> bool:
    return attributes.get("type") not in ("radio", "checkbox") or "checked" in attributes


class _Forms(HTMLParser):
    """The forms of a page: action, method, and what each would send untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "form":
            self.found.append(Form(action=has.get("action") or "", method=has.get("method") or "get"))
        elif self.found and tag == "textarea":
            self._area = has.get("name")
            self.found[-1].fields[self._area or ""] = ""
        elif self.found and tag == "input" and (name := has.get("name")) and _is_sent(has):
            self.found[-1].fields[name] = has.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area and self.found:
            self.found[-1].fields[self._area] += data


class Browser:
    """One person's browser, signed in. Raises ``RefusedError`` with what the page said."""

    def __init__(self, url: str, who: Member) -> None:
        self.url = url
        self.who = who
        self._opener = urllib.request.build_opener(
            PROXIES, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self.send("/sign-in", {"login": who.login, "password": who.password})

    def sign(self, repository: str, number: int, act: str, reason: str) -> None:
        path = f"/contributions/{repository}/{number}/{act}"
        self.send(path, {"reason": reason, "password": self.who.password})

    def accept_terms(self, terms: str) -> None:
        self.send(f"/terms/{terms}", {"password": self.who.password})

    def request_pack(self, repository: str, first: str, last: str, reason: str) -> str:
        """The path of the pack's page."""
        filled = {"repository": repository, "from": first, "to": last, "reason": reason}
        where, _ = self.send("/evidence", filled, needs="reason")
        return urllib.parse.urlsplit(where).path

    def send(self, path: str, filled: dict[str, str], needs: str = "password") -> tuple[str, bytes]:
        """Open a page and send its form that has the field ``needs``, with ``filled``. Where it led, and the page."""
        _, page = self.get(path)
        forms = _Forms()
        forms.feed(page.decode())
        form = next((one for one in forms.found if needs in one.fields and one.method == "post"), None)
        if form is None:
            raise RefusedError(f"{self.who.login} finds nothing to send on {path}.")
        body = urllib.parse.urlencode({**form.fields, **filled}).encode()
        return self._open(form.action or path, body)

    def get(self, path: str) -> tuple[str, bytes]:
        return self._open(path, None)

    def _open(self, path: str, body: bytes | None) -> tuple[str, bytes]:
        try:
            with self._opener.open(self.url + path, data=body, timeout=TIMEOUT) as answer:
                return answer.url, answer.read()
        except urllib.error.HTTPError as problem:
            with problem:
                raise RefusedError(f"{self.who.login} at {path}: {problem.code}. {_told(problem.read())}") from problem


def ask(url: str, token: str, path: str) -> dict[str, Any]:
    """GET of the API. An answer other than 200 is still an answer: stale and unknown have bodies."""
    opener = urllib.request.build_opener(PROXIES)
    request = urllib.request.Request(  # noqa: S310 -- loopback, by the play
        url + path, headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as problem:
        with problem:
            return dict(json.load(problem))


def _told(page: bytes) -> str:
    """The words of a page, short."""

    class Words(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.text: list[str] = []

        def handle_data(self, data: str) -> None:
            self.text.append(data.strip())

    words = Words()
    words.feed(page.decode(errors="replace").partition("<main")[2])
    return " ".join(word for word in words.text if word)[:400]
