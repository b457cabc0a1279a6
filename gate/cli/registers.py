"""``gate token``, ``people``, ``trainings``, ``hook``, ``directory``: who and what the gate knows."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from gate.cli.instance import OPERATOR, instance_option, open_parts
from gate.domain.errors import InputError
from gate.domain.words import count_words
from gate.workflow import delegation_pages, git_server, registers, tokens, unattributed


@click.group()
def token() -> None:
    """Project tokens for CI and git servers. No token can sign."""


@token.command("issue")
@instance_option
@click.argument("name")
@click.option("--repository", help="Only for this repository.")
@click.option("--scope", "scopes", multiple=True, required=True, help="; ".join(sorted(tokens.SCOPES)))
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires.")
@click.option("--person", help="Login of the person it belongs to, so that their own checks never count.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it here (0600), not to the screen.")
def token_issue(
    instance: Path,
    name: str,
    repository: str | None,
    scopes: tuple[str, ...],
    days: int | None,
    person: str | None,
    out: Path | None,
) -> None:
    """Issue the token NAME; it is shown once and stored hashed."""
    parts = open_parts(instance)
    try:
        owner = parts.directory.person_by_login(person) if person else None
        if person and owner is None:
            raise InputError(f"The directory has nobody with the login {person!r}.", field="person")
        expires = datetime.now(UTC) + timedelta(days=days) if days else None
        secret = tokens.issue(
            parts,
            name,
            repository=repository,
            scopes=scopes,
            by=OPERATOR,
            person=owner.key if owner else None,
            expires_at=expires,
        )
    finally:
        parts.ledger.close()
    if out is None:
        click.echo(secret)
        return
    out.touch(mode=0o600)
    out.chmod(0o600)
    out.write_text(secret + "\n", encoding="ascii")
    click.echo(f"Token {name} written to {out}.")


@token.command("revoke")
@instance_option
@click.argument("name")
def token_revoke(instance: Path, name: str) -> None:
    """Revoke the token NAME."""
    parts = open_parts(instance)
    try:
        tokens.revoke(parts, name, by=OPERATOR)
    finally:
        parts.ledger.close()
    click.echo(f"Token {name} is revoked.")


@click.group()
def people() -> None:
    """People behind commits and pushes."""


@people.command("unattributed")
@instance_option
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def people_unattributed(instance: Path, as_json: bool) -> None:
    """List addresses and logins on open contributions that are nobody's, and how to mend each. Exit 1 if any."""
    found = unattributed.unattributed(open_parts(instance))
    if as_json:
        click.echo(json.dumps([one.as_json() for one in found]))
    for one in () if as_json else found:
        click.echo(f"{one.address or '(empty)'}: {one.why}\n  on {', '.join(one.where)}\n  mend: {one.mend}")
    if not found and not as_json:
        click.echo("Everybody on open contributions is attributed.")
    sys.exit(1 if found else 0)


@people.command("delegations")
@instance_option
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON (gate-delegations/v1).")
def people_delegations(instance: Path, as_json: bool) -> None:
    """List who handed which role over to whom, newest first, those that are over included."""
    parts = open_parts(instance)
    try:
        if as_json:
            click.echo(json.dumps(delegation_pages.list_delegations(parts)))
            return
        lines = delegation_pages.tell_delegations(parts)
    finally:
        parts.ledger.close()
    for line in lines or ("Nobody has handed a role over.",):
        click.echo(line)


@click.group()
def trainings() -> None:
    """The register of completed trainings."""


@trainings.command("import")
@instance_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as-of", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The date the list was true.")
def trainings_import(instance: Path, file: Path, as_of: datetime) -> None:
    """Import FILE (CSV: login,code,valid_until). All of it, or nothing and the line that is wrong."""
    parts = open_parts(instance)
    try:
        day = date(as_of.year, as_of.month, as_of.day)
        count = registers.import_trainings(parts, file.name, file.read_text(encoding="utf-8"), day, by=OPERATOR)
    except UnicodeDecodeError as problem:
        raise InputError("The file is not UTF-8.", file=file.name) from problem
    finally:
        parts.ledger.close()
    click.echo(f"Imported {count_words(count, 'training')} as of {day}.")


@click.group()
def hook() -> None:
    """The hook that keeps a git server's protected branches."""


@hook.command("install")
@instance_option
@click.argument("repository")
@click.argument("bare", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--token-file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="hints:write, status:read"
)
def hook_install(instance: Path, repository: str, bare: Path, token_file: Path) -> None:
    """Install the hook for REPOSITORY into the bare repository BARE on this machine."""
    parts = open_parts(instance)
    mode = git_server.install(parts, repository, bare, token_file)
    click.echo(f"The hook of {repository} is installed in {bare} ({mode.value}).")


@click.group()
def directory() -> None:
    """The directory of people."""


@directory.command("health")
@instance_option
def directory_health(instance: Path) -> None:
    """Say of each stage whether it works, and its own cause. Exit 3 if one does not."""
    found = open_parts(instance).directory.health()
    for name, ok, detail in found.stages:
        click.echo(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}")
    sys.exit(0 if found.ok else 3)
