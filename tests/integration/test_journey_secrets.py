"""No secret in a log, a page, an argument list, an environment or the database (GND-06)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gate.domain.clock import SystemClock
from tests.support.directory_ldif import PASSWORD
from tests.support.journey import REPOSITORY, World, open_world
from tests.support.journey_server import Served, Signer, receipt_index, served

MISTYPED = "almost-the-passw0rd-8841"
WEBHOOK = b"webhook-secret-of-this-test"
FORGES = """\
[[forges]]
name = "hub"
kind = "github"
secret_files = ["hub.secret"]
"""


def key_secrets(world: World) -> dict[str, bytes]:
    """The private keys as they could leak: lines of their files, raw bytes, hex."""
    found: dict[str, bytes] = {}
    for path in (world.instance / "keys").glob("*.pem"):
        if path.name == "seal.pem":
            continue
        pem = path.read_bytes()
        found |= {f"{path.name} line {n}": line for n, line in enumerate(pem.splitlines()[1:-1]) if len(line) > 20}
        key = load_pem_private_key(pem, None)
        if isinstance(key, Ed25519PrivateKey):
            raw = key.private_bytes_raw()
            found |= {f"{path.name} raw": raw, f"{path.name} hex": raw.hex().encode()}
    assert len(found) >= 10
    return found


def use_it(server: Served, pages: list[str]) -> dict[str, bytes]:
    """Everything in which a secret passes through the gate, with right and wrong ones. Returns those secrets."""
    world = server.world
    Signer(server, "bob", MISTYPED).sign_in()
    bob = Signer(server, "bob")
    assert bob.sign_in().status_code == 303
    page = bob.open_form(1)
    fields = bob.hidden(page)
    bob.password = MISTYPED
    refused = bob.send_form(1, fields)
    assert refused.status_code == 422, refused.text
    bob.password = PASSWORD
    done = bob.send_form(1, fields)
    receipt = bob.browser.get(f"{server.url}/receipts/{receipt_index(done)}", timeout=30)
    assert receipt.status_code == 200
    pages += [page.text, refused.text, receipt.text]
    bearer = {"Authorization": f"Bearer {world.token}"}
    place = f"{server.url}/api/v1/repositories/{REPOSITORY}/revisions/{'1' * 40}"
    pages.append(requests.get(place, headers=bearer, timeout=30).text)
    pages.append(requests.get(place, headers={"Authorization": "Bearer gate_not-this-one-4711"}, timeout=30).text)
    raw = b'{"zen": "x"}'
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": "sha256=" + hmac.new(WEBHOOK, raw, hashlib.sha256).hexdigest(),
    }
    hook = requests.post(f"{server.url}/api/v1/deliveries/hub", data=raw, headers=headers, timeout=30)
    assert hook.status_code == 202
    cookies = [cookie.value for cookie in bob.browser.cookies if cookie.name == "gate" and cookie.value]
    assert len(cookies) == 1
    return {
        "password": PASSWORD.encode(),
        "mistyped password": MISTYPED.encode(),
        "project token": world.token.encode(),
        "wrong token": b"not-this-one-4711",
        "webhook secret": WEBHOOK,
        "session secret": cookies[0].encode(),
    }


@pytest.mark.req("GND-06", "INV-05", "SGN-01")
def test_no_secret_is_in_logs_pages_arguments_environments_or_the_database(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    log = tmp_path / "server.txt"
    with open_world(tmp_path / "world", clock=SystemClock(), more=FORGES) as world:
        (world.instance / "hub.secret").write_bytes(WEBHOOK)
        world.push("t", {"a": "1"})
        pages: list[str] = []
        with served(world, free_port(), log) as server:
            secrets = use_it(server, pages) | key_secrets(world)
            places = {"pages": "\n".join(pages).encode()}
            assert len(server.pids()) >= 4
            for pid in server.pids():
                for name in ("cmdline", "environ"):
                    places[f"{name} of {pid}"] = Path(f"/proc/{pid}/{name}").read_bytes()
            assert server.stop() == 0
        places["log"] = log.read_bytes()
        assert b'"event":"request"' in places["log"]
        mirrors = world.instance / "mirrors"
        for path in world.instance.rglob("*"):
            known = path.parent.name == "keys" or path.name in ("hub.secret", "people.ldif")
            if path.is_file() and not known and not path.is_relative_to(mirrors):
                places[str(path)] = path.read_bytes()
        assert any(path.endswith("gate.sqlite") for path in places)
        leaks = [f"{name} in {place}" for place, text in places.items() for name, raw in secrets.items() if raw in text]
        assert leaks == []
        assert b"bob" not in places["log"], "a request's line names people by id only"
