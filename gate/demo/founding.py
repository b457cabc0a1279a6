"""Founding the demo's gate: settings, keys, entries 0 and 1, tokens, trainings, hooks.

The same steps as ``gate init``, ``gate token issue``, ``gate trainings import`` and ``gate hook install``,
but under the demo's clock, so that the record begins when the story does. Settings are written at
every start, as ports may change.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from gate.app import build_parts
from gate.auditlog.entry import Recorder, RecorderKind
from gate.auditlog.trust import build_trust_file
from gate.demo.clock import DemoClock
from gate.demo.organisation import GROUPS, PEOPLE, build_ldif, build_trainings
from gate.demo.place import Place
from gate.demo.slapd import PrivateSlapd
from gate.directory.passwords import hash_password
from gate.keys.files import build_trust, generate_keys
from gate.settings import load_settings
from gate.store.engine import migrate, open_engine
from gate.workflow import git_server, registers, tokens
from gate.workflow.activate import load_proposals
from gate.workflow.found import found
from gate.workflow.parts import Parts

OPERATOR = Recorder(kind=RecorderKind.SYSTEM, id="operator")
POLICIES = Path(__file__).with_name("policies")
HOOK_SCOPES = ("hints:write", "status:read")
CI_SCOPES = ("status:read", "contributions:write", "checks:write")
CI = "ci"


def write_settings(place: Place, port: int, slapd: PrivateSlapd | None) -> None:
    """``gate.toml``, and the people file where there is no slapd."""
    place.instance.mkdir(mode=0o700, exist_ok=True)
    people = place.instance / "people.ldif"
    if slapd is None and not people.exists():
        people.write_text(build_ldif(hash_password), encoding="utf-8")
    text = (
        'organisation = "Aster Medical (fiction)"\n'
        'origin = "gate.aster.example"\n'
        f'base_url = "http://127.0.0.1:{port}"\n\n'
        '[policy]\ndir = "../policies"\n\n'
        f"[server]\nport = {port}\n\n"
        f'[permissions]\nauditor = ["cn=auditors,{GROUPS}"]\n'
        f'administrator = ["cn=gate-administrators,{GROUPS}"]\n'
        f'change_board = ["cn=change-board,{GROUPS}"]\n\n'
        f'[directory]\nname = "aster"\npeople_base = "{PEOPLE}"\ngroups_base = ["{GROUPS}"]\n'
    )
    (place.instance / "gate.toml").write_text(text + _directory(slapd), encoding="utf-8")


def found_gate(place: Place, clock: DemoClock) -> Parts:
    """Keys, database, entries 0 and 1, tokens, the register of trainings. The parts run on ``clock``."""
    shutil.copytree(POLICIES, place.policies)
    settings = load_settings(place.instance, {})
    generate_keys(settings.keys_dir, settings.origin, clock.now())
    engine = open_engine(settings.database.url)
    migrate(engine)
    engine.dispose()
    parts = build_parts(settings, clock=clock)
    found(parts, load_proposals(place.policies), by=OPERATOR)
    place.trust.write_bytes(build_trust_file(build_trust(parts.keys)))
    _issue_tokens(place, parts)
    _import_trainings(parts, clock.now())
    return parts


def install_hooks(place: Place, parts: Parts) -> None:
    """Into every registered repository."""
    for one in parts.in_force().policies.registry.repositories:
        git_server.install(parts, one.id, place.bare(one.id), place.token(one.id))


def configure_hooks(place: Place, repositories: tuple[str, ...], url: str, skew: timedelta = timedelta()) -> None:
    """Where the gate is, and by how much the hook's clock may be off.

    During the play verdicts are dated in the past, so the hook is told of the difference; when the
    story has reached the present it is told of none.
    """
    for one in repositories:
        path = place.bare(one) / "gate-hook.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config |= {"server": url, "clock_skew_seconds": int(skew.total_seconds())}
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _directory(slapd: PrivateSlapd | None) -> str:
    if slapd is None:
        return 'kind = "ldif"\nldif_file = "people.ldif"\n'
    return (
        f'kind = "ldap"\nservers = ["{slapd.ldaps_uri}"]\nstart_tls = false\nca_file = "{slapd.ca_file}"\n'
        f'bind_dn = "{slapd.bind_dn}"\nbind_password_file = "{slapd.password_file}"\n'
    )


def _issue_tokens(place: Place, parts: Parts) -> None:
    place.token(CI).parent.mkdir(mode=0o700)
    for one in parts.in_force().policies.registry.repositories:
        secret = tokens.issue(parts, f"git-{one.id}", repository=one.id, scopes=HOOK_SCOPES, by=OPERATOR)
        _write_private(place.token(one.id), secret)
    _write_private(place.token(CI), tokens.issue(parts, CI, repository=None, scopes=CI_SCOPES, by=OPERATOR))


def _import_trainings(parts: Parts, now: datetime) -> None:
    """As training was at the beginning of the story; one of them has run out since."""
    end = now + timedelta(days=91)
    text = build_trainings(lambda days: (end + timedelta(days=days)).date().isoformat())
    registers.import_trainings(parts, "trainings.csv", text, now.date(), by=OPERATOR)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n", encoding="ascii")
