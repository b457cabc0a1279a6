"""A whole gate on loopback: LDIF directory, SQLite, a git repository, the real workflow and web room.

``build_gate`` founds it in a folder; ``running`` serves it in threads of this process. Contributions come
the public way: a commit on ``contrib/main/<topic>``, then the hook's hint over HTTP.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from gate.app import build_parts
from gate.auditlog.entry import Recorder, RecorderKind
from gate.directory.passwords import hash_password
from gate.domain.clock import SystemClock
from gate.keys.files import generate_keys
from gate.settings import load_settings
from gate.store.engine import migrate, open_engine
from gate.web import create_web
from gate.workflow import tokens
from gate.workflow.found import found
from gate.workflow.parts import Parts
from tests.support.directory_ldif import GROUPS, PEOPLE, entry, group, person, uid_dn
from tests.support.directory_ldif import PASSWORD as PASSWORD
from tests.support.directory_ldif import SUFFIX as SUFFIX
from tests.support.repos import Repo, make_repo
from tests.support.suites import with_tests

REPOSITORY = "ledger-core"
MAIN = "refs/heads/main"
OPERATOR = Recorder(kind=RecorderKind.SYSTEM, id="tests")
PEOPLE_OF = {
    "anna": ("Anna Berg", "ledger"),
    "chen": ("Chen Li", "ledger"),
    "dora": ("Dora Nagy", "ledger"),
    "boris": ("Boris Klein", "payments"),
    "erik": ("Erik Holm", "audit"),
}
BORIS, ANNA = ("Boris Klein", "boris@aster.example"), ("Anna Berg", "anna@aster.example")

REGISTRY = """\
apiVersion: gate/v1
kind: Repositories
repositories:
  - id: ledger-core
    url: {url}
    title: Ledger core
    description: Postings and balances of all subsidiaries.
    protected: [main]
    owning_teams: [ledger]
    mode: enforce
    contact: ledger@aster.example
"""
POLICY = f"""\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {{id: bank, title: Bank rules, owners: [change-board]}}
applies_to: {{repositories: ["*"], branches: ["*"]}}
identity:
  roles:
    maintainer: {{group: "cn={{team}}-maintainers,{GROUPS}"}}
    security: {{group: "cn=security,{GROUPS}"}}
ownership:
  - {{paths: ["**"], team: "{{repository}}"}}
approval: {{valid_for: 14d}}
meanings:
  technical-review: {{text: I reviewed this change and take it into the code my team owns., kind: review}}
  verification: {{text: I verified this change independently of its authors., kind: approval}}
veto: {{roles: [maintainer], survives_push: true}}
terms:
  inner-source: {{title: InnerSource terms, text: "What I contribute is mine to give, and I help for thirty days."}}
rules:
  - id: owner-review
    description: Two maintainers of every team whose files change.
    when: {{cross_team: true}}
    require:
      - {{role: maintainer, of: each_owning_team, count: 2, meaning: technical-review}}
    controls: ["SOC2:CC8.1"]
  - id: peer-review
    description: A maintainer of the owning team who did not take part.
    when: {{cross_team: false}}
    require: [{{role: maintainer, of: any_owning_team, count: 1, meaning: technical-review}}]
  - id: crypto
    description: Security verifies changes of cryptography.
    when: {{paths: ["crypto/**"]}}
    require: [{{role: security, count: 1, meaning: verification}}]
"""
SETTINGS = f"""\
origin = "gate.test"
organisation = "Aster Medical"
[directory]
kind = "ldif"
people_base = "{PEOPLE}"
groups_base = ["{GROUPS}"]
[permissions]
auditor = ["cn=auditors,{GROUPS}"]
[git]
mirrors = "mirrors"
"""


@dataclass
class Gate:
    """A founded gate. ``url`` is set while it is served."""

    instance: Path
    parts: Parts
    repo: Repo
    token: str
    url: str = ""
    hints: int = 0

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def propose(
        self,
        topic: str,
        files: Mapping[str, str | bytes | None],
        message: str = "Retry uploads",
        *,
        author: tuple[str, str] = BORIS,
        pusher: str = "boris",
    ) -> str:
        """Push a commit to ``contrib/main/<topic>`` and tell the gate. Returns the head."""
        ref = f"refs/heads/contrib/main/{topic}"
        old = self.repo.tip(ref)
        head = self.repo.commit(files, message, parents=[old or self.repo.tip(MAIN) or ""], author=author, branch=ref)
        self.hint(ref, old or "0" * 40, head, pusher)
        return head

    def hint(self, ref: str, old: str, new: str, pusher: str) -> None:
        self.hints += 1
        body: dict[str, Any] = {
            "format": "gate-hint/v1",
            "id": f"test-hint-{self.hints:04}",
            "pusher": pusher,
            "at": "2026-11-22T16:00:00Z",
            "updates": [{"ref": ref, "old": old, "new": new}],
        }
        answer = requests.post(
            f"{self.url}/api/v1/repositories/{REPOSITORY}/hints", json=body, headers=self.bearer, timeout=30
        )
        assert answer.status_code == 202, answer.text

    def ask(self, sha: str) -> requests.Response:
        """What CI is told."""
        return requests.get(
            f"{self.url}/api/v1/repositories/{REPOSITORY}/revisions/{sha}?target={MAIN}",
            headers=self.bearer,
            timeout=30,
        )


def build_gate(root: Path, *, policy: str = POLICY, settings: str = SETTINGS) -> Gate:
    """Found a gate in ``root``: keys, database, entries 0 and 1, one repository with one commit, one token."""
    instance = root / "instance"
    instance.mkdir(parents=True)
    repo = make_repo(root / f"{REPOSITORY}.git", bare=True)
    repo.commit({"README.md": "Ledger\n", "src/post.py": "def post(): ...\n"}, "First", author=ANNA, branch=MAIN)
    (instance / "gate.toml").write_text(settings)
    (instance / "people.ldif").write_text(build_people())
    loaded = load_settings(instance, {})
    engine = open_engine(loaded.database.url)
    migrate(engine)
    engine.dispose()
    generate_keys(loaded.keys_dir, loaded.origin, SystemClock().now())
    parts = build_parts(loaded)
    files = {"repositories.yaml": REGISTRY.format(url=repo.path).encode(), "bank.yaml": with_tests(policy).encode()}
    found(parts, files, by=OPERATOR)
    scopes = ("hints:write", "contributions:write", "checks:write", "status:read")
    token = tokens.issue(parts, "ci", repository=REPOSITORY, scopes=scopes, by=OPERATOR)
    return Gate(instance=instance, parts=parts, repo=repo, token=token)


def build_people() -> str:
    """Five people and four groups as LDIF."""

    def hashed(password: str) -> str:
        return hash_password(password, log_n=4)

    units = [(f"ou={name},{SUFFIX}", name) for name in ("people", "groups")]
    text = entry(SUFFIX, "suffix", [("objectClass", "organization"), ("o", "Aster")])
    text += "".join(
        entry(dn, f"ou-{name}", [("objectClass", "organizationalUnit"), ("ou", name)]) for dn, name in units
    )
    for login, (name, team) in PEOPLE_OF.items():
        text += person(
            login,
            hashed,
            ("displayName", name),
            ("mail", f"{login}@aster.example"),
            ("departmentNumber", team),
            ("o", "Aster AG"),
        )
    text += group("ledger-maintainers", [uid_dn(login) for login in ("anna", "chen", "dora")])
    text += group("payments-maintainers", [uid_dn("boris")])
    text += group("security", [uid_dn("anna")])
    return text + group("auditors", [uid_dn("erik")])


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """The gate writes its own line."""


@contextlib.contextmanager
def running(gate: Gate) -> Iterator[Gate]:
    """Serve ``gate`` on a free port of loopback until the end of the block."""
    server = make_server("127.0.0.1", 0, create_web(gate.parts), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="gate", daemon=True)
    thread.start()
    gate.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield gate
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
