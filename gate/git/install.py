"""Puts our hook into a bare repository: one copied file, one configuration, two small wrappers.

Rules: nothing that is not ours is ever overwritten; running it again brings the files up to date; the
configuration is readable by its owner only. ``receive.denyNonFastForwards`` and every other setting of the
repository stay as they are. What the hook does is in ``gate/standalone/hook.py``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gate.domain.errors import ConflictError, InputError
from gate.git.process import GitProcess

CONFIG_NAME = "gate-hook.json"
PROGRAM_NAME = "gate-hook.py"
_HOOKS = ("pre-receive", "post-receive")
_MARK = "# contribution-gate hook"
_WRAPPER = """#!/bin/sh
{mark}: {hook}
gate_dir=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
if ! command -v python3 >/dev/null; then
    echo "Contribution Gate: python3 is missing on this git server; its administrator must install it." >&2
    grep -Eq '"mode": "(observe|warn)"' "$gate_dir/{config}" && exit 0
    exit 1
fi
# -I: no module from the working directory or from the pusher's environment.
exec python3 -I "$gate_dir/{program}" {hook} --config "$gate_dir/{config}"
"""


def install_hook(bare_repo: Path, config: Mapping[str, Any], hook_source: Path) -> None:
    """Install or update the hook. ``ConflictError`` when another hook stands there; then nothing is changed."""
    _require_bare(bare_repo)
    bare_repo = bare_repo.resolve()
    hooks = bare_repo / "hooks"
    for hook in _HOOKS:
        _refuse_foreign(hooks / hook)
    program = hook_source.read_bytes()
    # What may fail for reasons of git's comes before any file of ours.
    GitProcess(git_dir=bare_repo).run("config", "receive.advertisePushOptions", "true")
    _write(bare_repo / PROGRAM_NAME, program, 0o644)
    _write(bare_repo / CONFIG_NAME, json.dumps(dict(config), indent=2, sort_keys=True).encode() + b"\n", 0o600)
    hooks.mkdir(exist_ok=True)
    # The guard comes last of all: until it stands, nothing of this is in use.
    for hook in reversed(_HOOKS):
        text = _WRAPPER.format(mark=_MARK, hook=hook, program=PROGRAM_NAME, config=CONFIG_NAME)
        _write(hooks / hook, text.encode(), 0o755)


def _require_bare(path: Path) -> None:
    if not ((path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()):
        raise InputError(
            f"{path} is not a bare git repository.",
            code="not-a-repository",
            field="bare_repo",
            remedy="Give the directory the git server serves; it holds HEAD, objects and refs.",
        )


def _refuse_foreign(hook: Path) -> None:
    if os.path.lexists(hook) and (hook.is_symlink() or _MARK.encode() not in hook.read_bytes()):
        raise ConflictError(
            f"{hook} is another hook; it was left as it is.",
            code="foreign-hook",
            remedy=(
                f"Chain them: move it to {hook.name}.d/ or rename it, install again, and call it from a hook of your "
                f"own that hands the same standard input to both and fails when either fails."
            ),
        )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all: a push that runs meanwhile sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".gate-")
    with os.fdopen(handle, "wb") as opened:
        os.fchmod(handle, mode)
        opened.write(content)
        opened.flush()
        os.fsync(handle)
    Path(name).replace(path)
