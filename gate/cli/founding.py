"""``gate init`` and ``gate keys``: a gate is founded; its public keys are shown and written as a trust file."""

from __future__ import annotations

from pathlib import Path

import click

from gate.app import build_parts
from gate.auditlog.trust import build_trust_file
from gate.cli.instance import OPERATOR, instance_option, open_settings
from gate.domain.clock import SystemClock
from gate.domain.errors import ConflictError, InputError
from gate.keys.files import build_trust, fingerprints, generate_keys, load_keys
from gate.store.engine import migrate, open_engine
from gate.workflow.activate import load_proposals
from gate.workflow.found import found


@click.command()
@instance_option
def init(instance: Path) -> None:
    """Found a gate: make keys, create the database, write entries 0 and 1.

    Entry 0 holds the public keys and the digest of the settings, entry 1 the first policy, read from policy.dir.
    Nothing that exists is overwritten. Write the fingerprints down elsewhere: they are what auditors compare.
    """
    if not (instance / "gate.toml").is_file():
        raise InputError(
            "There is no gate.toml, and what is founded with its defaults cannot be renamed.",
            file=str(instance / "gate.toml"),
            remedy="Copy gate.example.toml there and set at least `origin`, `organisation` and the directory.",
        )
    settings = open_settings(instance)
    files = load_proposals(settings.policy.dir)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (settings.keys_dir / "log.pem").exists():
        generate_keys(settings.keys_dir, settings.origin, SystemClock().now())
    engine = open_engine(settings.database.url)
    migrate(engine)
    engine.dispose()
    parts = build_parts(settings)
    try:
        receipt = found(parts, files, by=OPERATOR)
    except ConflictError as problem:
        raise ConflictError(problem.message, remedy="Nothing was changed.") from problem
    finally:
        parts.ledger.close()
    (instance / "trust.json").write_bytes(build_trust_file(build_trust(parts.keys)))
    click.echo(f"Founded {settings.origin} with {receipt.size} audit entries.")
    _print_keys(instance)
    click.echo(f"Trust file for auditors and git servers: {instance / 'trust.json'}")


@click.command()
@instance_option
@click.option("--trust", type=click.Path(dir_okay=False, path_type=Path), help="Write the trust file here as well.")
def keys(instance: Path, trust: Path | None) -> None:
    """Show the fingerprints of the public keys, to be compared by another channel."""
    _print_keys(instance)
    if trust is not None:
        trust.write_bytes(build_trust_file(build_trust(load_keys(open_settings(instance).keys_dir))))
        click.echo(f"Trust file: {trust}")


def _print_keys(instance: Path) -> None:
    for name, value in fingerprints(load_keys(open_settings(instance).keys_dir)):
        click.echo(f"  {name}\n    {value}")
