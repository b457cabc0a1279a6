"""``gate preview``: what a policy would have stopped, on anybody's own clone. Reads; no server, no record.

Exit codes: 0 the preview was made (whatever it says), 2 bad files or options, 3 git or the directory could not
be asked. Progress goes to standard error.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from gate.app import build_directory
from gate.cli.instance import open_settings
from gate.cli.preview_text import Listed, build_document, render_lines
from gate.directory.api import Directory, Layout, LdifSettings
from gate.directory.ldif import LdifDirectory
from gate.directory.ldif_reader import parse_ldif
from gate.domain.clock import SystemClock
from gate.domain.errors import InputError
from gate.git.mirror import open_clone
from gate.workflow.preview import build_preview, find_branch
from gate.workflow.preview_scope import File, build_scope

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAYS = 90


@click.command()
@click.option("--repo", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Any clone.")
@click.option("--policy", required=True, type=_FILE, help="The policy file to try.")
@click.option("--layer", "layers", multiple=True, type=_FILE, help="A layer on that policy. May be repeated.")
@click.option("--repositories", type=_FILE, help="repositories.yaml: owning teams, robots, change requests.")
@click.option("--id", help="Which repository of --repositories. Default: the only one, or named like the clone.")
@click.option("--team", "teams", multiple=True, help="Owning team, without --repositories. May be repeated.")
@click.option("--branch", help="Default: main, master or what HEAD names.")
@click.option("--as", "as_branch", help="Judge it as if it were this branch, such as release/1.0.")
@click.option("--days", type=click.IntRange(1, 7300), help=f"How far to look back. Default: {DAYS}.")
@click.option("--merges", type=click.IntRange(1, 20_000), help="At most so many, the last ones.")
@click.option("--people", type=_FILE, help="An LDIF file of people and groups.")
@click.option(
    "--instance",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Ask the directory configured there, instead of --people.",
)
@click.option("--stops", "listed", flag_value=Listed.STOPS.value, help="List each merge that would stop.")
@click.option("--all", "listed", flag_value=Listed.ALL.value, help="List every merge.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole preview as JSON, with every merge.")
def preview(
    repo: Path,
    policy: Path,
    layers: tuple[Path, ...],
    repositories: Path | None,
    id: str | None,
    teams: tuple[str, ...],
    branch: str | None,
    as_branch: str | None,
    days: int | None,
    merges: int | None,
    people: Path | None,
    instance: Path | None,
    listed: str | None,
    as_json: bool,
) -> None:
    """Show what a policy would have done to what landed. Read-only: no server, nothing is written.

    Without --people or --instance every address counts as one person, and the report says what then cannot
    be known.
    """
    folder = repo.resolve().name
    clone = open_clone(repo, folder)
    directory = _directory(people, instance)
    name, ref = find_branch(clone, branch)
    target = as_branch or name
    scope = build_scope(
        _read(policy),
        _read(repositories) if repositories is not None else None,
        layers=[_read(layer) for layer in layers],
        id=id,
        folder=folder,
        branch=target,
        teams=teams,
        has_directory=directory is not None,
    )
    done = build_preview(
        clone,
        scope,
        (target, ref),
        days=days if days is not None or merges is not None else DAYS,
        newest=merges,
        now=SystemClock().now(),
        directory=directory,
        progress=_progress,
    )
    if as_json:
        click.echo(json.dumps(build_document(done), indent=2, sort_keys=True))
        return
    for line in render_lines(done, Listed(listed or Listed.NONE)):
        click.echo(line)


def _read(path: Path) -> File:
    return str(path), path.read_bytes()


def _progress(text: str) -> None:
    click.echo(f"gate preview: {text}", err=True)


def _directory(people: Path | None, instance: Path | None) -> Directory | None:
    if people is not None and instance is not None:
        raise InputError("--people and --instance both name a directory.", remedy="Give one of them.")
    if instance is not None:
        return build_directory(open_settings(instance))
    return open_people(people) if people is not None else None


def open_people(path: Path) -> Directory:
    """An LDIF file in the usual layout; its first entry is taken for the base of people and groups."""
    entries = parse_ldif(path.read_bytes(), str(path))
    if not entries:
        raise InputError("There is no entry in the file.", file=str(path), line=1)
    base = entries[0].dn
    return LdifDirectory(LdifSettings(name="people", path=path, layout=Layout(people_base=base, group_bases=(base,))))
