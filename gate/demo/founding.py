"""Founding the demo's gate: keys, entries 0 and 1, tokens, trainings, hooks.

The same steps as ``gate init``, ``gate token issue``, ``gate trainings import`` and ``gate hook install``,
but under the demo's clock, so that the record begins when the story does.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from gate.app import build_parts
from gate.auditlog.entry import Recorder, RecorderKind
from gate.auditlog.trust import build_trust_file
from gate.demo.clock import DemoClock
from gate.demo.organisation import build_trainings
from gate.demo.place import CI, Place
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
