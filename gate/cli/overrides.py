"""``gate overrides``: every break-glass with the review it owes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from gate.cli.instance import instance_option, open_parts
from gate.domain.clock import format_instant
from gate.workflow import override_list
from gate.workflow.override_shown import OverrideShown


@click.command("overrides")
@instance_option
@click.option("--repository", help="Only of this repository.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def overrides(instance: Path, repository: str | None, as_json: bool) -> None:
    """List every break-glass and the review it owes. Exit 1 while one is overdue."""
    parts = open_parts(instance)
    try:
        found = override_list.overrides_json(parts, repository)
        shown = override_list.overrides(parts, repository)
    finally:
        parts.ledger.close()
    if as_json:
        click.echo(json.dumps(found))
    for one in () if as_json else shown:
        cosigners = ", ".join(one.cosigners) or "nobody"
        click.echo(f"{one.id}  {one.name} ({one.code}, {one.incident}), co-signed by {cosigners}\n  {say_review(one)}")
    if not shown and not as_json:
        click.echo("Nobody has broken the glass.")
    sys.exit(1 if found["overdue"] else 0)


def say_review(one: OverrideShown) -> str:
    if one.is_owed:
        state = "OVERDUE" if one.is_overdue else "owed"
        return f"review {state}: by {one.review_role}, due {format_instant(one.review_due_at)}"
    if one.outcome is not None:
        return f"reviewed by {one.reviewer}: {one.outcome.value.replace('-', ' ')}"
    return "no review is owed: nothing was let through"
