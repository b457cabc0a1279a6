"""The ``gate`` command and how errors leave it.

Exit codes: 0 yes, 1 checked and no, 2 usage or bad input, 3 could not check (``gate check`` has its
own list). An error says what is wrong, where, and how to mend it, on standard error.
"""

from __future__ import annotations

import sys

import click

from gate import __version__
from gate.cli import demo, evidence, founding, policy, preview, registers, serving, standalone
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


class GateGroup(click.Group):
    """Turns ``GateError`` into a message and an exit code; nothing else is caught."""

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

    Start with `gate init`, then `gate policy activate`, `gate hook install` and `gate serve`. The instance
    directory (settings, keys, database) is --instance, else $GATE_INSTANCE, else ./instance.
    """


for command in (
    founding.init,
    founding.keys,
    serving.serve,
    serving.worker,
    policy.policy,
    preview.preview,
    registers.token,
    registers.people,
    registers.trainings,
    registers.hook,
    registers.directory,
    evidence.pack,
    evidence.audit,
    evidence.checkpoint,
    standalone.check,
    standalone.verify,
    demo.demo,
    demo.demo_tamper,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
