"""``gate policy simulate`` and ``gate policy diff``: what proposals would change, before anything is in force."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from gate.cli.instance import instance_option, open_parts
from gate.domain.clock import format_instant
from gate.policy.activation import diff_activation
from gate.policy.difference import Difference, diff_policies
from gate.policy.registry import build_policy_set
from gate.policy.simulate import Replayed
from gate.workflow.activate import load_proposals
from gate.workflow.simulate import simulate as simulate_step

_DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="Default: policy.dir."
)
_EXIT = click.option("--exit-code", is_flag=True, help="Exit with 1 when something would change.")


@click.command()
@instance_option
@_DIRECTORY
@click.option("--repository", help="Only this one.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was decided on this day (UTC) or later.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a flip.")
@_EXIT
def simulate(
    instance: Path,
    directory: Path | None,
    repository: str | None,
    since: datetime | None,
    as_json: bool,
    exit_code: bool,
) -> None:
    """Replay the recorded decisions under the proposed files and print every one that flips.

    The last decision of each contribution is evaluated again on the very facts it rested on: people, groups, checks
    and the hour are those of then. Approvals are read as if given under the proposed policy. Nothing is written.
    """
    parts = open_parts(instance)
    flips, untold, total = 0, 0, 0
    for one in simulate_step(
        parts, load_proposals(directory or parts.settings.policy.dir), repository=repository, since=_utc(since)
    ):
        total += 1
        if one.flips:
            flips, untold = flips + one.is_told, untold + (not one.is_told)
            click.echo(json.dumps(_flip_document(one), sort_keys=True) if as_json else "\n".join(_flip_lines(one)))
    if not as_json:
        click.echo(f"{flips} of {total} recorded decisions flip.")
        if untold:
            click.echo(f"{untold} cannot be told: the proposal asks for roles whose members were not recorded then.")
    if exit_code and flips + untold:
        raise SystemExit(1)


def _utc(day: datetime | None) -> datetime | None:
    return day.replace(tzinfo=UTC) if day is not None else None


def _flip_lines(one: Replayed) -> list[str]:
    name = f"{one.repository}#{one.number}, revision {one.revision}"
    if not one.is_told:
        return [f"{name}: {one.before.answer} -> cannot be told: members of {', '.join(one.unread)} not recorded"]
    day = f"{one.before.evaluated_at:%Y-%m-%d}"
    return [f"{name} ({day}): {one.before.answer} -> {one.after.answer}", *(f"  {line}" for line in one.reasons)]


def _flip_document(one: Replayed) -> dict[str, object]:
    return {
        "repository": one.repository,
        "number": one.number,
        "revision": one.revision,
        "decided_at": format_instant(one.before.evaluated_at),
        "before": one.before.answer.value,
        "after": one.after.answer.value if one.is_told else None,
        "unread": list(one.unread),
        "reasons": list(one.reasons),
    }


@click.command()
@instance_option
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="One JSON object a branch.")
@_EXIT
def diff(instance: Path, directory: Path | None, as_json: bool, exit_code: bool) -> None:
    """Print what the proposed files would change against what is in force, in plain sentences.

    Comments, layout and tests change nothing and are not shown. Where the effective policy of a branch changes,
    approvals given under the old one lapse, and this says so.
    """
    parts = open_parts(instance)
    proposed = build_policy_set(load_proposals(directory or parts.settings.policy.dir))
    current = parts.in_force().policies
    found = diff_policies(current, proposed)
    removed, added = diff_activation(current.registry.activation, proposed.registry.activation)
    for one in found:
        click.echo(json.dumps(_difference_document(one), sort_keys=True) if as_json else "\n".join(_lines(one)))
    if removed or added:
        document = {"activation": {"removed": list(removed), "added": list(added)}}
        lines = [*(f"  - {line}" for line in removed), *(f"  + {line}" for line in added)]
        click.echo(json.dumps(document, sort_keys=True) if as_json else "\n".join(["Who changes the policies", *lines]))
    elif not found and not as_json:
        click.echo("Nothing changes.")
    if exit_code and (found or removed or added):
        raise SystemExit(1)


def _lines(one: Difference) -> list[str]:
    lapse = ": approvals given under the policy in force lapse" if one.is_effective and one.before else ""
    lines = [f"{one.repository}, {one.branch}{lapse}"]
    if one.before is None or one.after is None:
        lines.append("  It is new." if one.before is None else "  It is no longer protected, or has no policy.")
    if one.modes is not None:
        lines.append(f"  Mode: {one.modes[0]} -> {one.modes[1]}")
    lines += [f"  - {line}" for line in one.removed]
    return lines + [f"  + {line}" for line in one.added]


def _difference_document(one: Difference) -> dict[str, object]:
    return {
        "repository": one.repository,
        "branch": one.branch,
        "before": one.before,
        "after": one.after,
        "mode": list(one.modes) if one.modes else None,
        "removed": list(one.removed),
        "added": list(one.added),
    }
