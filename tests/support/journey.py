"""A small world for journeys: instance directory, keys, policies, people, a bare git repository, real parts.

Everything is real but the clock, which stands still until a test moves it: git made by git, the directory an LDIF
file or a private slapd, the database SQLite or PostgreSQL. News of pushes come as the hook would tell them.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gate.app import build_parts
from gate.auditlog.entry import Recorder, RecorderKind
from gate.auditlog.trust import build_trust_file
from gate.demo.slapd import PrivateSlapd, hash_password_for_slapd
from gate.domain.approval import Act
from gate.domain.clock import Clock
from gate.evidence.twin import PersonLabel
from gate.keys.files import build_trust, generate_keys
from gate.settings import load_settings
from gate.store.engine import migrate, open_engine
from gate.workflow import export, receive, session, sign, status, tokens
from gate.workflow.activate import Activation, activate, load_proposals
from gate.workflow.audit import AuditReport, audit
from gate.workflow.found import found
from gate.workflow.parts import Parts
from gate.workflow.shown import AnswerShown, HintOutcome, PackRequest, SignedIn
from gate.workflow.sign_shown import ReceiptShown, SignForm, SignRequest
from tests.support.directory_ldif import GROUPS, PASSWORD, PEOPLE, SUFFIX, Hash, entry, group, person, uid_dn
from tests.support.repos import Files, Repo, make_repo
from tests.support.slapd import quick_hash, running_slapd
from tests.support.suites import with_tests

REPOSITORY = "ledger-core"
MAIN = "refs/heads/main"
RELEASE = "refs/heads/release"
NOTHING = "0" * 40
OPERATOR = Recorder(kind=RecorderKind.SYSTEM, id="operator")
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ADDRESS = "127.0.0.1"
VERIFIER = Path(__file__).resolve().parents[2] / "gate" / "standalone" / "verify.py"
SCOPES = ("hints:write", "contributions:write", "checks:write", "status:read")

# login: (name, team, further attributes)
STAFF: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "anna": ("Anna Berg", "payments", (("mailLocalAddress", "anna@old.example"),)),
    "gil": ("Gil Maro", "payments", ()),
    "bob": ("Bob Lind", "ledger", (("mailLocalAddress", "bob@private.example"),)),
    "carl": ("Carl Ohm", "ledger", ()),
    "erin": ("Erin Vale", "ledger", ()),
    "dana": ("Dana Roy", "quality", ()),
    "fay": ("Fay Ito", "quality", ()),
    "iris": ("Iris Noor", "audit", ()),
    "robo": ("Dependency Robot", "payments", ()),
}
MAINTAINERS = ("bob", "carl", "erin")
QA = ("dana", "fay")

REGISTRY = """\
apiVersion: gate/v1
kind: Repositories
repositories:
  - id: ledger-core
    url: {url}
    title: Ledger core
    description: Postings and balances.
    protected: [main, release]
    owning_teams: [ledger]
    mode: {mode}
robots:
  - {{name: Dependency updates, login: robo, address: robo@example.org, sponsor: gil, repositories: ["*"]}}
  - {{name: Licence notes, login: notes, address: notes@robots.example, sponsor: gil, repositories: ["*"]}}
"""
POLICY = f"""\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {{id: base, title: Base rules, owners: [change-board]}}
applies_to: {{repositories: ["*"], branches: ["*"]}}
identity:
  roles:
    maintainer: {{group: "cn={{team}}-maintainers,{GROUPS}"}}
    qa: {{group: "cn=qa-approvers,{GROUPS}"}}
ownership:
  - {{paths: ["**"], team: "{{repository}}"}}
meanings:
  technical-review: {{text: I reviewed this change and it is right., kind: review}}
  verification: {{text: I verified this change independently., kind: approval}}
approval: {{valid_for: 14d}}
veto: {{roles: [maintainer, qa], survives_push: true}}
out_of_scope:
  - {{id: same-team, when: {{cross_team: false}}, because: Owners review their own changes.}}
  - {{id: robots, when: {{robots: true}}, because: Dependency updates are covered by the build.}}
rules:
  - id: owner-review
    description: A maintainer of every team whose files change.
    when: {{cross_team: true}}
    require: [{{role: maintainer, of: each_owning_team, count: 1, meaning: technical-review}}]
  - id: qa
    description: Quality verifies.
    when: {{cross_team: true}}
    require: [{{role: qa, count: 1, meaning: verification}}]
"""
SETTINGS = f"""\
origin = "gate.test"
organisation = "Aster Medical"
{{top}}
[database]
url = "{{database}}"
[policy]
dir = "../policies"
max_age_seconds = {{max_age}}
[directory]
people_base = "{PEOPLE}"
groups_base = ["{GROUPS}"]
{{directory}}
[permissions]
auditor = ["cn=auditors,{GROUPS}"]
[git]
mirrors = "mirrors"
{{more}}
"""


@dataclass
class StillClock:
    """Stands still until it is moved."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Staff:
    """Who is in the directory, to be changed by a test: ``left`` are inactive, ``roles`` the groups by name."""

    roles: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"ledger-maintainers": MAINTAINERS, "qa-approvers": QA, "auditors": ("iris",)}
    )
    left: tuple[str, ...] = ()

    def ldif(self, hash_password: Hash) -> str:
        text = entry(
            SUFFIX,
            "suffix",
            [("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "Example"), ("dc", "example")],
        )
        for name in ("people", "groups"):
            text += entry(f"ou={name},{SUFFIX}", f"ou-{name}", [("objectClass", "organizationalUnit"), ("ou", name)])
        for login, (name, team, more) in STAFF.items():
            gone = (("employeeType", "terminated"),) if login in self.left else ()
            of_person = (
                ("displayName", name),
                ("mail", f"{login}@example.org"),
                ("departmentNumber", team),
                ("o", "Aster AG"),
                *more,
                *gone,
            )
            text += person(login, hash_password, *of_person, cn=name)
        return text + "".join(group(cn, [uid_dn(login) for login in who]) for cn, who in self.roles.items())


@dataclass
class World:
    """A founded gate with one repository that has one commit on ``main``, and a token for hook and CI."""

    root: Path
    parts: Parts
    clock: StillClock
    repo: Repo
    token: str
    staff: Staff
    slapd: PrivateSlapd | None = None
    hints: int = 0
    sessions: dict[str, SignedIn] = field(default_factory=dict)

    @property
    def instance(self) -> Path:
        return self.root / "instance"

    @property
    def policies(self) -> Path:
        return self.root / "policies"

    @property
    def holder(self) -> tokens.TokenHolder:
        return tokens.bearer(self.parts, f"Bearer {self.token}")

    def tell(self, ref: str, old: str | None, new: str | None, pusher: str | None) -> HintOutcome:
        """The hook's hint of one moved ref."""
        self.hints += 1
        updates = [{"ref": ref, "old": old or NOTHING, "new": new or NOTHING}]
        return receive.hint(
            self.parts, REPOSITORY, self.holder, hint_body(f"hint-{self.hints:08}", updates, pusher=pusher)
        )

    def push(
        self,
        topic: str,
        files: Files,
        *,
        author: str | tuple[str, str] = "anna",
        committer: str | tuple[str, str] | None = None,
        pusher: str | None = "anna",
        message: str = "A change",
        base: str | None = None,
        target: str = "main",
    ) -> str:
        """A commit on ``contrib/<target>/<topic>``, and the hook's hint. Returns the head."""
        ref = f"refs/heads/contrib/{target}/{topic}"
        old = self.repo.tip(ref)
        parent = base or old or self.repo.tip(f"refs/heads/{target}") or ""
        head = self.repo.commit(
            files,
            message,
            parents=[parent],
            author=identity(author),
            committer=identity(committer) if committer else None,
            branch=ref,
        )
        self.tell(ref, old, head, pusher)
        return head

    def land(self, new: str, *, branch: str = MAIN, pusher: str = "bob") -> None:
        """Move a protected branch, and tell the gate."""
        old = self.repo.tip(branch)
        self.repo.git("update-ref", branch, new)
        self.tell(branch, old, new, pusher)

    def who(self, login: str) -> SignedIn:
        if login not in self.sessions:
            self.sessions[login] = session.sign_in(self.parts, login, PASSWORD, ADDRESS)[0]
        return self.sessions[login]

    def form(self, login: str, act: Act = Act.APPROVE, number: int = 1) -> SignForm:
        return sign.prepare(self.parts, self.who(login), REPOSITORY, number, act)

    def send(
        self, login: str, form: SignForm, *, password: str = PASSWORD, request_id: str = "", reason: str = "As agreed."
    ) -> ReceiptShown:
        """The form comes back."""
        wanted = SignRequest(
            repository=form.repository,
            number=form.number,
            act=form.act,
            role=form.role,
            team=form.team,
            meaning=form.meaning,
            reason=reason,
            seen=form.seen,
            request_id=request_id or secrets.token_hex(8),
            under=form.under,
        )
        return sign.sign(self.parts, self.who(login), wanted, password, ADDRESS)

    def sign(self, login: str, act: Act = Act.APPROVE, number: int = 1) -> ReceiptShown:
        return self.send(login, self.form(login, act, number))

    def answer(self, sha: str, target: str | None = None) -> AnswerShown:
        return status.answer(self.parts, REPOSITORY, sha, target)

    def word(self, sha: str, target: str | None = None) -> str:
        return self.answer(sha, target).answer

    def activate(self, policy: str | None = None, *, mode: str | None = None) -> Activation:
        """Write proposals and put them in force; nobody decides anew yet."""
        if policy is not None:
            (self.policies / "base.yaml").write_text(with_tests(policy), encoding="utf-8")
        if mode is not None:
            registry = REGISTRY.format(url=self.repo.path, mode=mode)
            (self.policies / "repositories.yaml").write_text(registry, encoding="utf-8")
        return activate(self.parts, load_proposals(self.policies), by=OPERATOR)

    def reload_staff(self) -> None:
        """The directory says what ``staff`` says now."""
        if self.slapd is not None:
            self.slapd.load(self.staff.ldif(hash_password_for_slapd))
        else:
            (self.instance / "people.ldif").write_text(self.staff.ldif(quick_hash), encoding="utf-8")

    def entries(self) -> list[tuple[int, str]]:
        """Index and kind of every audit entry."""
        size = self.parts.log.head().size
        return [(index, self.parts.log.entry(index).kind) for index in range(size)]

    def kinds(self) -> list[str]:
        return [kind for _, kind in self.entries()]

    def audit(self, since: str | None = None) -> AuditReport:
        settings = self.parts.settings
        return audit(self.parts.engine, build_trust(self.parts.keys), since, settings.checkpoint_file)


def build_pack(world: World, first: int = -1, last: int = 1) -> export.Built:
    """A pack of the world's repository from ``first`` to ``last``, in days from its start."""
    since, until = START + timedelta(days=first), START + timedelta(days=last)
    wanted = PackRequest(repository=REPOSITORY, period_from=since, period_to=until, reason="Test")
    return export.build(world.parts, wanted, PersonLabel(id="operator", name="the operator", login=""), OPERATOR)


def check_pack(world: World, made: export.Built, folder: Path) -> int:
    """The exit code of the auditor's verifier over the pack, with a clone of the repository beside it."""
    (folder / "pack.pdf").write_bytes(made.sealed)
    (folder / "trust.json").write_bytes(build_trust_file(build_trust(world.parts.keys)))
    place = ["pack.pdf", "--trust", "trust.json", "--git", str(world.repo.path)]
    done = subprocess.run(
        [sys.executable, str(VERIFIER), *place], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in (0, 1, 3), done.stderr
    return done.returncode


def identity(who: str | tuple[str, str]) -> tuple[str, str]:
    """Name and address for a commit: of a login, or as given."""
    return (STAFF[who][0], f"{who}@example.org") if isinstance(who, str) else who


def hint_body(id: str, updates: Sequence[Mapping[str, str]], *, pusher: str | None = "anna") -> dict[str, Any]:
    return {
        "format": "gate-hint/v1",
        "id": id,
        "pusher": pusher,
        "at": "2026-11-22T09:00:00Z",
        "updates": [dict(one) for one in updates],
    }


def write_instance(
    root: Path,
    *,
    database: str = "sqlite:///gate.sqlite",
    slapd: PrivateSlapd | None = None,
    policy: str = POLICY,
    mode: str = "enforce",
    max_age: int = 300,
    more: str = "",
    top: str = "",
    staff: Staff | None = None,
) -> Repo:
    """The files a gate starts from, and a bare repository beside them. No keys and no database yet."""
    instance, policies = root / "instance", root / "policies"
    for folder in (instance, policies):
        folder.mkdir(parents=True)
    repo = make_repo(root / f"{REPOSITORY}.git", bare=True)
    repo.commit(
        {"README.md": "Ledger\n", "src/post.py": "def post(): ...\n"}, "First", author=identity("bob"), branch=MAIN
    )
    (policies / "repositories.yaml").write_text(REGISTRY.format(url=repo.path, mode=mode), encoding="utf-8")
    (policies / "base.yaml").write_text(with_tests(policy), encoding="utf-8")
    if slapd is None:
        (instance / "people.ldif").write_text((staff or Staff()).ldif(quick_hash), encoding="utf-8")
        directory = 'kind = "ldif"\nldif_file = "people.ldif"'
    else:
        directory = (
            f'kind = "ldap"\nservers = ["{slapd.starttls_uri}"]\nca_file = "{slapd.ca_file}"\n'
            f'bind_dn = "{slapd.bind_dn}"\nbind_password_file = "{slapd.password_file}"\n'
            "connect_timeout = 1.0\noperation_timeout = 1.0\ntotal_timeout = 3.0\ndown_seconds = 0.2"
        )
    text = SETTINGS.format(database=database, max_age=max_age, directory=directory, more=more, top=top)
    (instance / "gate.toml").write_text(text, encoding="utf-8")
    return repo


@contextmanager
def open_world(
    root: Path, *, slapd: PrivateSlapd | None = None, clock: Clock | None = None, **options: Any
) -> Iterator[World]:
    """A founded world; its ledger and database are closed at the end."""
    staff = options.pop("staff", None) or Staff()
    repo = write_instance(root, slapd=slapd, staff=staff, **options)
    settings = load_settings(root / "instance", {})
    still = StillClock()
    generate_keys(settings.keys_dir, settings.origin, START)
    engine = open_engine(settings.database.url)
    migrate(engine)
    engine.dispose()
    parts = build_parts(settings, clock=clock or still)
    try:
        found(parts, load_proposals(root / "policies"), by=OPERATOR)
        token = tokens.issue(parts, "ci", repository=REPOSITORY, scopes=SCOPES, by=OPERATOR)
        world = World(root=root, parts=parts, clock=still, repo=repo, token=token, staff=staff, slapd=slapd)
        world.tell(MAIN, None, repo.tip(MAIN), "bob")
        yield world
    finally:
        parts.ledger.close()
        parts.engine.dispose()
        close_directory(parts)


@contextmanager
def open_slapd(root: Path, staff: Staff | None = None) -> Iterator[PrivateSlapd]:
    """A private slapd with the world's people; skips where slapd is missing."""
    with running_slapd(root, (staff or Staff()).ldif(hash_password_for_slapd)) as server:
        yield server


def close_directory(parts: Parts) -> None:
    """Let go of pooled connections, where a directory has any."""
    with suppress(AttributeError):
        parts.directory.close()  # type: ignore[attr-defined]
