"""The ``gate`` command and how errors leave it.

Exit codes: 0 yes, 1 checked and no, 2 usage or bad input, 3 could not check (``gate check`` has its
own list). An error says what is wrong, where, and how to mend it, on standard error.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from gate import __version__
from gate.domain.errors import (
    ConflictError,
    GateError,
    InputError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    UnavailableError,
    VerificationError,
)

EXIT = (
    (InputError, 2),
    (UnavailableError, 3),
    (VerificationError, 1),
    (ConflictError, 1),
    (NotFoundError, 1),
    (NotPermittedError, 1),
    (NotSignedInError, 1),
)


# Command -> module of this room and the name in it. A module is imported when its command is asked for: `gate check`
# in a pipeline does not wait for a web framework.
COMMANDS = {
    "init": "founding.init",
    "keys": "founding.keys",
    "serve": "serving.serve",
    "worker": "serving.worker",
    "policy": "policy.policy",
    "preview": "preview.preview",
    "token": "registers.token",
    "people": "registers.people",
    "trainings": "registers.trainings",
    "hook": "registers.hook",
    "directory": "registers.directory",
    "overrides": "overrides.overrides",
    "pack": "evidence.pack",
    "audit": "evidence.audit",
    "checkpoint": "evidence.checkpoint",
    "check": "standalone.check",
    "verify": "standalone.verify",
    "demo": "demo.demo",
    "demo-tamper": "demo.demo_tamper",
}


class GateGroup(click.Group):
    """Finds commands by ``COMMANDS``; turns ``GateError`` into a message and an exit code; nothing else is caught."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        found = getattr(import_module(f"gate.cli.{module}"), name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return found

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except GateError as problem:
            click.echo(f"gate: {problem}", err=True)
            sys.exit(exit_code(problem))


def exit_code(problem: GateError) -> int:
    return next((code for kind, code in EXIT if isinstance(problem, kind)), 3)


@click.group(cls=GateGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gate")
def main() -> None:
    """Contribution Gate: signed approvals of cross-team contributions, with proof.

    Start with `gate init`, which puts the first policies in force, then `gate hook install` and `gate serve`. The
    instance directory (settings, keys, database) is --instance, else $GATE_INSTANCE, else ./instance.
    """


if __name__ == "__main__":
    main()
