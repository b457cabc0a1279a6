"""``gate pack build``, ``gate audit`` and ``gate checkpoint``: what auditors ask for."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from gate.cli.instance import OPERATOR, instance_option, open_parts
from gate.domain.errors import InputError
from gate.domain.words import count_words
from gate.evidence.twin import PersonLabel
from gate.keys.files import build_trust
from gate.workflow import export
from gate.workflow.audit import audit as audit_step
from gate.workflow.shown import PackRequest

DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.group()
def pack() -> None:
    """Evidence packs for auditors."""


@pack.command()
@instance_option
@click.option("--repository", required=True)
@click.option("--from", "since", required=True, type=DAY, help="First day (UTC), or an instant.")
@click.option("--to", "until", required=True, type=DAY, help="First day after the period (UTC), or an instant.")
@click.option("--reason", default="asked for at the command line", show_default=True)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PDF to write.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def build(
    instance: Path, repository: str, since: datetime, until: datetime, reason: str, out: Path, as_json: bool
) -> None:
    """Make a sealed PDF evidence pack for one repository and period."""
    parts = open_parts(instance)
    wanted = PackRequest(
        repository=repository,
        period_from=since.replace(tzinfo=UTC),
        period_to=until.replace(tzinfo=UTC),
        reason=reason,
    )
    asked_by = PersonLabel(id=OPERATOR.id, name="the operator", login="")
    try:
        made = export.build(parts, wanted, asked_by, OPERATOR, progress=lambda step: click.echo(step, err=True))
    finally:
        parts.ledger.close()
    write_whole(out, made.sealed)
    if as_json:
        click.echo(json.dumps({"pack": made.id, "file": str(out), "sha256": made.sha256, "index": made.index}))
        return
    click.echo(f"{out}  sha256 {made.sha256}  (audit entry {made.index})")
    counts = (count_words(len(made.pack.contributions), "sheet"), count_words(len(made.pack.deviations), "deviation"))
    click.echo(f"{', '.join(counts)}.")


@click.command()
@instance_option
@click.option(
    "--since", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A checkpoint kept elsewhere."
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def audit(instance: Path, since: Path | None, as_json: bool) -> None:
    """Check the whole record: entries, signatures, tree, checkpoints, stored bytes, tables. Exit 1 names each index."""
    parts = open_parts(instance)
    note = _read(since) if since else None
    report = audit_step(parts.engine, build_trust(parts.keys), note, parts.settings.checkpoint_file)
    if as_json:
        findings = [{"index": one.index, "code": one.code, "sentence": one.sentence} for one in report.findings]
        click.echo(
            json.dumps(
                {"ok": report.ok, "witnessed": report.is_witnessed, "faults": report.faults, "findings": findings}
            )
        )
    else:
        for one in report.findings:
            where = f"entry {one.index}: " if one.index is not None else ""
            click.echo(f"{'WRONG' if one.is_fault else 'note '}  {where}{one.sentence} ({one.code})")
        click.echo("All entries hold." if report.ok else f"{count_words(report.faults, 'fault')}.")
        if not report.is_witnessed:
            click.echo("NOT WITNESSED: give --since with a checkpoint kept elsewhere.")
    sys.exit(0 if report.ok else 1)


@click.command()
@instance_option
def checkpoint(instance: Path) -> None:
    """Print the newest signed checkpoint. Keep it elsewhere: it is what `gate audit --since` compares with."""
    click.echo(open_parts(instance).log.checkpoint(), nl=False)


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none of it."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"The checkpoint cannot be read: {problem}.", file=str(path)) from problem
