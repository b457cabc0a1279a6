"""What the web room needs from the settings, worked out once.

Host rule: a request must name the host of ``base_url`` or this machine's loopback; anything else
is a rebinding attempt or a misconfigured proxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from gate.settings import Settings
from gate.workflow.notice import find_notice

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """``hosts`` are the allowed Host headers besides loopback; ``banner`` is None in production."""

    base_url: str
    origin: str
    is_https: bool
    hosts: frozenset[str]
    banner: str | None

    @property
    def session_cookie(self) -> str:
        return "__Host-gate" if self.is_https else "gate"

    @property
    def form_cookie(self) -> str:
        """Holds the token of the sign-in form, before there is a session."""
        return "__Host-gate-form" if self.is_https else "gate-form"

    def is_own_host(self, host: str) -> bool:
        if host in self.hosts:
            return True
        name = host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host else host
        return name in LOOPBACK

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether an ``Origin`` header is this site as the browser reached it."""
        return origin == self.base_url or origin in (f"http://{host}", f"https://{host}")


def build_site(settings: Settings) -> Site:
    base = urlsplit(str(settings.base_url).rstrip("/"))
    return Site(
        base_url=f"{base.scheme}://{base.netloc}",
        origin=settings.origin,
        is_https=base.scheme == "https",
        hosts=frozenset({base.netloc, base.hostname or base.netloc}),
        banner=find_notice(settings),
    )
