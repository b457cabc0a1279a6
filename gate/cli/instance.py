"""Which instance a command works on, and opening its parts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.auditlog.entry import Recorder, RecorderKind
from gate.domain.errors import InputError
from gate.settings import Settings, load_settings

if TYPE_CHECKING:
    from gate.workflow.parts import Parts

OPERATOR = Recorder(kind=RecorderKind.SYSTEM, id="operator")
"""Who acts at the command line: whoever runs the gate's machine. Never a signer."""


def instance_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--instance``: the directory with gate.toml, keys and database."""
    return click.option(
        "--instance",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="GATE_INSTANCE",
        default=Path("instance"),
        show_default=True,
        help="Directory with gate.toml, keys and database.",
    )(command)


def open_settings(instance: Path) -> Settings:
    """``InputError`` where there is no such directory: nothing is ever made by looking at it."""
    if not instance.is_dir():
        raise InputError(
            f"There is no instance directory {instance}.",
            code="no-instance",
            remedy="Name it with --instance or GATE_INSTANCE; docs/operations.md says how to begin one.",
        )
    return load_settings(instance, os.environ)


def open_parts(instance: Path) -> Parts:
    """The instance's parts; its database connections are closed when the command ends."""
    from gate.app import build_parts  # not for commands that only start or ask others

    parts = build_parts(open_settings(instance))
    click.get_current_context().call_on_close(parts.engine.dispose)
    return parts
