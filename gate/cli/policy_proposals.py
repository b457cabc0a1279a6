"""``gate policy proposals``: what people proposed, and what each proposal waits for."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gate.cli.instance import instance_option, open_parts
from gate.domain.clock import format_instant
from gate.workflow.proposal_list import list_proposals
from gate.workflow.proposal_shown import ProposalItem


@click.command()
@instance_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a proposal.")
def proposals(instance: Path, as_json: bool) -> None:
    """List the proposals of policies, newest first.

    Proposing and approving is done by people on the page of policies; no command signs for anybody.
    """
    found = list_proposals(open_parts(instance))
    for one in found:
        click.echo(json.dumps(_document(one), sort_keys=True) if as_json else _line(one))
    if not found and not as_json:
        click.echo("Nothing was proposed yet.")


def _line(one: ProposalItem) -> str:
    return f"{one.number}  {one.state}  {one.proposer}, {one.proposed_at:%Y-%m-%d}: {one.said}"


def _document(one: ProposalItem) -> dict[str, object]:
    return {
        "number": one.number,
        "state": one.state,
        "proposer": one.proposer,
        "proposed_at": format_instant(one.proposed_at),
        "effective_at": format_instant(one.effective_at) if one.effective_at is not None else None,
        "base_epoch": one.base_epoch,
        "approvals": one.approvals,
        "needed": one.needed,
        "index": one.index,
        "sentence": one.said,
    }
