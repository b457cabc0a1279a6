"""``gate policy check``: the files of a directory, read together and looked over, without touching what is in force.

Exit 0: nothing, or warnings only; 1: errors; 2: a file cannot be read as a policy (it says where); 3: the directory of
people did not answer.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gate.cli.instance import instance_option, open_parts, open_settings
from gate.domain.words import count_words
from gate.policy.lint import check_policies
from gate.policy.lint_finding import Finding, Severity
from gate.policy.lint_groups import groups_of
from gate.policy.registry import PolicySet, build_policy_set
from gate.workflow.activate import load_proposals
from gate.workflow.group_check import read_groups


@click.command()
@instance_option
@click.option("--dir", "place", type=click.Path(file_okay=False, path_type=Path), help="Default: policy.dir.")
@click.option("--directory", "with_directory", is_flag=True, help="Also read the groups from the directory of people.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(instance: Path, place: Path | None, with_directory: bool, as_json: bool) -> None:
    """Check the files of a directory together, without touching what is in force.

    Errors (rules that never apply, entries that never match, groups that are missing, empty or too small) make exit 1;
    warnings do not.
    """
    files = load_proposals(place or open_settings(instance).policy.dir)
    found = build_policy_set(files)
    groups = read_groups(open_parts(instance), groups_of(found)) if with_directory else None
    findings = check_policies(found, files, groups)
    if as_json:
        click.echo(json.dumps({"findings": [asdict(one) for one in findings]}, indent=2, ensure_ascii=False))
    else:
        _print(found, findings)
    if any(one.severity is Severity.ERROR for one in findings):
        click.get_current_context().exit(1)


def _print(found: PolicySet, findings: tuple[Finding, ...]) -> None:
    for repository in found.registry.repositories:
        names = {effective.id for one in repository.protected if (effective := found.policy_for(repository.id, one))}
        click.echo(f"{repository.id}: {', '.join(repository.protected)} under {', '.join(sorted(names))}")
    for one in findings:
        click.echo(str(one))
    policies = count_words(len(found.policies), "policy", "policies")
    repositories = count_words(len(found.registry.repositories), "repository", "repositories")
    click.echo(f"{policies} and {repositories}: well-formed.")
    if findings:
        errors = sum(one.severity is Severity.ERROR for one in findings)
        warnings = count_words(len(findings) - errors, "warning", "warnings")
        click.echo(f"{count_words(errors, 'error', 'errors')}, {warnings}.")
