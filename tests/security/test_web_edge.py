"""Whose address it is: forwarded headers count only when they come from a proxy we named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gate.settings import ServerSettings
from tests.support.web import build_world, patched_app

pytestmark = pytest.mark.req("SEC-01", "SEC-02")
PROXIES = ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(
    ("peer", "chain", "seen"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    tmp_path: Path, peer: str, chain: str | None, seen: str
) -> None:
    """Else a guesser would escape the throttle, or lock out somebody else, with a header."""
    world = build_world(tmp_path)
    world.settings = replace(world.settings, server=ServerSettings(trusted_proxies=PROXIES))
    headers = {"X-Forwarded-For": chain} if chain is not None else {}
    with patched_app(world) as app:
        app.test_client().post(
            "/api/v1/deliveries/github", data=b"{}", headers=headers, environ_overrides={"REMOTE_ADDR": peer}
        )
    assert world.called("deliver.delivery")[0][3] == seen
