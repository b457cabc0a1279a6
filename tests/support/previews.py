"""Repositories to preview and the preview itself, as the tests of ``gate preview`` ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from gate.cli.preview import open_people
from gate.git.mirror import open_clone
from gate.workflow.preview import MergePreview, Preview, build_preview, find_branch
from gate.workflow.preview_scope import build_scope
from tests.support.journey import POLICY, REGISTRY, Staff, identity
from tests.support.repos import Repo
from tests.support.slapd import quick_hash

NOW = datetime(2026, 1, 20, tzinfo=UTC)
MAIN = "refs/heads/main"
REGISTERED = REGISTRY.format(url="https://git.example/ledger-core.git", mode="observe")


def quiet(_: str) -> None:
    """No progress wanted."""


def land(repo: Repo, files: Mapping[str, str | bytes | None], who: str | tuple[str, str], subject: str) -> str:
    """A branch with one commit, merged by Bob."""
    tip = repo.tip(MAIN)
    assert tip is not None
    author = identity(who)
    head = repo.commit(files, f"Work: {subject}", parents=[tip], author=author)
    tree = repo.git("rev-parse", f"{head}^{{tree}}")
    merged = repo.raw_commit(tree, (tip, head), subject, identity("bob"), identity("bob"))
    repo.git("update-ref", MAIN, merged)
    return merged


def look(
    repo: Repo,
    *,
    staff: Staff | None = None,
    policy: str = POLICY,
    layers: Sequence[str] = (),
    registry: str | None = REGISTERED,
    teams: Sequence[str] = (),
    days: int | None = 90,
    newest: int | None = None,
) -> Preview:
    """A preview with the people of ``staff``; None: no directory."""
    clone = open_clone(repo.path, "ledger-core")
    people = None
    if staff is not None:
        ldif = repo.path.parent / "people.ldif"
        ldif.write_text(staff.ldif(quick_hash), encoding="utf-8")
        people = open_people(ldif)
    branch = find_branch(clone, None)
    scope = build_scope(
        ("base.yaml", policy.encode()),
        ("repositories.yaml", registry.encode()) if registry is not None else None,
        layers=[(f"layer-{number}.yaml", text.encode()) for number, text in enumerate(layers)],
        id=None,
        folder="ledger-core",
        branch=branch[0],
        teams=teams,
        has_directory=people is not None,
    )
    return build_preview(clone, scope, branch, days=days, newest=newest, now=NOW, directory=people, progress=quiet)


def merge_of(done: Preview, sha: str) -> MergePreview:
    return next(one for one in done.merges if one.sha == sha)


def codes(merge: MergePreview) -> list[str]:
    return [cause.code for cause in merge.causes]


def import_merges(repo: Repo, count: int) -> None:
    """``count`` branches of one commit each, merged one after the other, by ``git fast-import``."""
    out = [f"reset refs/heads/main\nfrom {repo.tip(MAIN)}\n\n"]
    first = repo.tip(MAIN)
    for number in range(1, count + 1):
        at = f"{1_767_300_000 + number} +0000"
        before = f":{2 * number - 2}" if number > 1 else first
        anna, bob = (f"{name} <{address}> {at}" for name, address in (identity("anna"), identity("bob")))
        change = f"M 100644 inline src/{number}.py\ndata 2\n1\n\n"
        out.append(
            f"commit refs/heads/topic\nmark :{2 * number - 1}\nauthor {anna}\ncommitter {anna}\n"
            f"data 4\nWork\nfrom {before}\n{change}"
        )
        out.append(
            f"commit refs/heads/main\nmark :{2 * number}\ncommitter {bob}\ndata 5\nMerge\n"
            f"from {before}\nmerge :{2 * number - 1}\n{change}"
        )
    repo.git("fast-import", "--quiet", "--force", stdin="".join(out).encode())
