"""``gate check`` and ``gate verify``: the files that travel alone, run as they are.

They are started as files of their own, so that what we test is what CI and auditors run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

PLACE = Path(__file__).resolve().parents[1] / "standalone"
AS_IS = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.command(context_settings=AS_IS, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check(arguments: tuple[str, ...]) -> None:
    """Ask the gate whether a revision may merge (see `gate check --help`)."""
    _run("check.py", arguments)


@click.command(context_settings=AS_IS, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> None:
    """Verify an evidence pack offline (see `gate verify --help`)."""
    _run("verify.py", arguments)


def _run(name: str, arguments: tuple[str, ...]) -> None:
    environment = {**os.environ, "GATE_PROGRAM": f"gate {name.removesuffix('.py')}"}
    sys.exit(subprocess.run([sys.executable, str(PLACE / name), *arguments], env=environment, check=False).returncode)
