"""Our hook, put into a bare repository with the configuration that ties it to this gate."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gate.auditlog.trust import build_trust_file
from gate.domain.contribution import Mode
from gate.git.install import install_hook
from gate.keys.files import build_trust
from gate.workflow.parts import Parts

HOOK: Final = Path(__file__).resolve().parents[1] / "standalone" / "hook.py"
PUSHER_ENV: Final = ("GATE_PUSHER", "GL_USERNAME", "REMOTE_USER")


def install(parts: Parts, repository: str, bare: Path, token_file: Path) -> Mode:
    """Install or update it; returns the mode. ``NotFoundError``, ``InputError``, ``ConflictError`` (another hook)."""
    entry = parts.in_force().repository(repository)
    bare = bare.resolve()
    trust = bare / "gate-trust.json"
    config = {
        "format": "gate-hook/v1",
        "repository": repository,
        "server": parts.settings.base_url,
        "token_file": str(token_file.resolve()),
        "trust_file": str(trust),
        "origin": parts.settings.origin,
        "protected": [f"refs/heads/{branch}" for branch in entry.protected],
        "mode": entry.mode.value,
        "verdict_dir": None,
        "spool": str(bare / "gate-spool"),
        "pusher_env": list(PUSHER_ENV),
        "clock_skew_seconds": 0,
    }
    trust.write_bytes(build_trust_file(build_trust(parts.keys)))
    install_hook(bare, config, HOOK)
    return entry.mode
