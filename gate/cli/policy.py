"""``gate policy``: check proposals, put them in force, show what is in force."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gate.cli.instance import OPERATOR, instance_option, open_parts
from gate.cli.policy_check import check
from gate.cli.policy_proposals import proposals
from gate.cli.policy_suite import mutate, schema, test
from gate.cli.policy_trial import diff, simulate
from gate.policy.explain import explain_policy
from gate.workflow.activate import activate as activate_step
from gate.workflow.activate import load_proposals
from gate.workflow.redecide import redecide_open


@click.group()
def policy() -> None:
    """Policies: files are proposals; what is in force was activated and is on record."""


policy.add_command(check)


@policy.command()
@instance_option
@click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="Default: policy.dir.")
def activate(instance: Path, directory: Path | None) -> None:
    """Put the files of a directory in force, and decide open contributions anew.

    All files are checked together first, as by `gate policy check --directory`, and their tests are run; if anything is
    wrong, nothing changes and the error names file and line. Warnings are printed.
    """
    parts = open_parts(instance)
    try:
        done = activate_step(parts, load_proposals(directory or parts.settings.policy.dir), by=OPERATOR)
        for finding in done.findings:
            click.echo(str(finding))
        click.echo(f"Policy epoch {done.epoch} is in force (audit entry {done.index}): {', '.join(done.files)}")
        click.echo(f"Decided anew: {redecide_open(parts)} open contributions.")
    finally:
        parts.ledger.close()


@policy.command()
@instance_option
@click.argument("repository")
@click.option("--json", "as_json", is_flag=True, help="Print sections as JSON.")
def explain(instance: Path, repository: str, as_json: bool) -> None:
    """Print the rules in force for REPOSITORY in plain words."""
    parts = open_parts(instance)
    force = parts.in_force()
    entry = force.repository(repository)
    for branch in entry.protected:
        sections = explain_policy(force.policy_for(repository, branch))
        if as_json:
            click.echo(json.dumps({"branch": branch, "sections": {one.title: list(one.lines) for one in sections}}))
            continue
        click.echo(f"{repository}, {branch}")
        for section in sections:
            click.echo(f"\n{section.title}")
            for line in section.lines:
                click.echo(f"  - {line}")


policy.add_command(simulate)
policy.add_command(diff)
policy.add_command(test)
policy.add_command(mutate)
policy.add_command(schema)
policy.add_command(proposals)
