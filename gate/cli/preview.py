"""``gate preview``: what a policy would have stopped, on anybody's own clone. Reads; no server, no record.

Exit codes: 0 the preview was made (whatever it says), 2 bad files or options, 3 git or the directory could not
be asked. Progress goes to standard error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gate.app import build_directory
from gate.cli.instance import open_settings
from gate.directory.api import Directory, Layout, LdifSettings
from gate.directory.ldif import LdifDirectory
from gate.directory.ldif_reader import parse_ldif
from gate.domain.clock import SystemClock, format_instant
from gate.domain.errors import InputError
from gate.domain.words import count_words
from gate.git.mirror import open_clone
from gate.workflow.preview import FORMAT, MergePreview, Preview, build_preview, find_branch
from gate.workflow.preview_scope import build_scope

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TITLES = {
    "unattributed": "addresses that are nobody's",
    "change_request": "no change request",
    "nobody-can": "nobody could sign",
    "group-empty": "a role that nobody holds",
    "group-unreadable": "a group that cannot be read",
    "no-owner": "paths that nobody owns",
    "no-rule": "no rule applies",
    "no-changes": "nothing changed",
    "missing-facts": "facts are missing",
    "robot-without-sponsor": "a robot without a sponsor",
}


@click.command()
@click.option("--repo", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Any clone.")
@click.option("--policy", required=True, type=_FILE, help="The policy file to try.")
@click.option("--repositories", type=_FILE, help="repositories.yaml: owning teams, robots, change requests.")
@click.option("--id", help="Which repository of --repositories. Default: the only one, or named like the clone.")
@click.option("--team", "teams", multiple=True, help="Owning team, without --repositories. May be repeated.")
@click.option("--branch", help="Default: main, master or what HEAD names.")
@click.option("--days", type=click.IntRange(1, 7300), default=90, show_default=True, help="How far to look back.")
@click.option("--people", type=_FILE, help="An LDIF file of people and groups.")
@click.option(
    "--instance",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Ask the directory configured there, instead of --people.",
)
@click.option("--all", "is_all", is_flag=True, help="List every merge, not only those that would stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole preview as JSON, with every merge.")
def preview(
    repo: Path,
    policy: Path,
    repositories: Path | None,
    id: str | None,
    teams: tuple[str, ...],
    branch: str | None,
    days: int,
    people: Path | None,
    instance: Path | None,
    is_all: bool,
    as_json: bool,
) -> None:
    """Show what a policy would have done to what landed. Read-only: no server, nothing is written.

    Without --people or --instance every address counts as one person, and the report says what then cannot
    be known.
    """
    folder = repo.resolve().name
    clone = open_clone(repo, folder)
    directory = _directory(people, instance)
    found = find_branch(clone, branch)
    scope = build_scope(
        (str(policy), policy.read_bytes()),
        (str(repositories), repositories.read_bytes()) if repositories is not None else None,
        id=id,
        folder=folder,
        branch=found[0],
        teams=teams,
        has_directory=directory is not None,
    )
    done = build_preview(
        clone, scope, found, days=days, now=SystemClock().now(), directory=directory, progress=_progress
    )
    if as_json:
        click.echo(json.dumps(build_document(done), indent=2, sort_keys=True))
        return
    for line in render_lines(done, is_all=is_all):
        click.echo(line)


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


def render_lines(done: Preview, *, is_all: bool = False) -> Iterator[str]:
    """The report as text: headline, stops by cause, signatures, out of scope, the merges that would stop (or all of
    them), what was assumed."""
    merged = sum(1 for one in done.merges if one.is_merge)
    yield f"{done.headline}."
    yield (
        f"{done.repository}, branch {done.branch}, policy {done.policy}: {count_words(merged, 'merge commit')}, "
        f"{count_words(len(done.merges) - merged, 'single commit')} on the branch."
    )
    if done.stops:
        yield ""
        yield "Would stop, by cause (a merge with two causes is under both):"
        for group in done.stops:
            yield f"  {group.count:5} {TITLES.get(group.code, group.code)}, such as: {show(group.sentence)}"
            for address, count in group.addresses:
                yield f"          {count:5} {show(address)}"
    yield ""
    yield f"Would need signatures: {done.count('signatures')}"
    for need, count in done.needs:
        yield f"  {count:5} {need}"
    yield f"Out of scope by rule: {done.count('out-of-scope')}"
    for rule, count in done.out_of_scope:
        yield f"  {count:5} {rule}"
    yield from _listed(done, is_all=is_all)
    yield ""
    yield "What this preview assumes:"
    for text in done.assumptions:
        yield f"  - {text}"


def _listed(done: Preview, *, is_all: bool) -> Iterator[str]:
    """Merges, newest first."""
    shown = [merge for merge in reversed(done.merges) if is_all or merge.outcome == "stop"]
    if shown:
        yield ""
        yield "Each merge, newest first:" if is_all else "Each merge that would stop, newest first:"
        for merge in shown:
            yield from _merge_lines(merge)
    hidden = len(done.merges) - len(shown)
    if hidden:
        yield ""
        yield f"{count_words(hidden, 'merge')} that would not stop {'is' if hidden == 1 else 'are'} listed with --all."


def _merge_lines(merge: MergePreview) -> Iterator[str]:
    size = f"{count_words(merge.commits, 'commit')}, {count_words(merge.paths, 'path')}"
    yield f"{merge.sha[:12]} {merge.at:%Y-%m-%d} {merge.outcome:12} {show(merge.subject)} ({size})"
    for cause in merge.causes:
        yield f"    stops: {show(cause.sentence)}"
    if merge.out_of_scope is not None:
        yield f"    left out by rule {merge.out_of_scope}"
    elif not merge.causes:
        yield f"    needs: {', '.join(merge.needs)}"
    for text in merge.because:
        yield f"    because {show(text)}"


def show(text: str) -> str:
    """Text of strangers' commits: nothing of it may steer the reader's terminal."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def build_document(done: Preview) -> dict[str, Any]:
    """``gate-preview/v1``."""
    body = asdict(done)
    body["merges"] = [{**asdict(one), "at": format_instant(one.at), "outcome": one.outcome} for one in done.merges]
    counts = {name: done.count(name) for name in ("stop", "signatures", "out-of-scope")}
    return {"format": FORMAT, "headline": done.headline, "counts": counts, **body}
