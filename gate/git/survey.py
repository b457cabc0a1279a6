"""What came into a branch, many landings at a time: their commits and the names of the paths they changed.

For looking at a long stretch of history (``gate preview``): three kinds of git process for any number of
landings, where ``History.revision_at`` takes a dozen for each. Compares trees only, so a clone without file
contents will do; renames come out as both names, which is all that ownership asks. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gate.domain.contribution import Commit
from gate.domain.errors import UnavailableError
from gate.domain.words import count_words
from gate.git.commits import list_commits, shown
from gate.git.history import History
from gate.git.landing import Landed
from gate.git.mirror import Mirror
from gate.git.process import GitProcess

CHUNK = 100
COMMIT_LIMIT = 200_000
TIMEOUT_S = 120.0
OUTPUT_LIMIT = 512 * 1024 * 1024
_OPTIONS = (
    "-r", "-z", "--raw", "--root", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-relative",
    "--ignore-submodules=none", "--no-abbrev", "-O/dev/null",
)  # fmt: skip

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedChange:
    """One landing: the ``commits`` it brought (oldest first; not the merge commit itself) and the ``paths`` it changed.

    ``paths`` are (git's letter, name) between the branch before and after: what really landed, an extra line in
    a merge commit included. ``parents`` is how many the landed commit has.
    """

    landed: Landed
    parents: int
    commits: tuple[Commit, ...]
    paths: tuple[tuple[str, str], ...]


def survey(mirror: Mirror, ref: str, since: datetime, progress: Progress) -> tuple[LandedChange, ...]:
    """What landed on ``ref`` since then, oldest first. ``UnavailableError`` when git cannot tell."""
    chain = mirror.merges(ref, since)
    if not chain:
        return ()
    git = replace(mirror.git, timeout_s=TIMEOUT_S, limit=OUTPUT_LIMIT)
    progress(f"{count_words(len(chain), 'merge')}; reading their commits")
    known = {commit.sha: commit for commit in _fetch_range(git, chain)}
    brought = dict(_share_out(chain, known))
    paths: dict[str, tuple[tuple[str, str], ...]] = {}
    for start in range(0, len(chain), CHUNK):
        paths.update(_fetch_paths(git, chain[start : start + CHUNK]))
        progress(f"{min(start + CHUNK, len(chain))} of {count_words(len(chain), 'merge')} compared")
    return tuple(
        LandedChange(
            landed=one,
            parents=len(known[one.sha].parents),
            commits=brought[one.sha],
            paths=paths.get(one.sha, ()),
        )
        for one in chain
    )


def is_shallow(history: History) -> bool:
    """A shallow clone: its oldest commits look as if they had no parents."""
    return (history.path / "shallow").exists()


def default_branch(history: History) -> str | None:
    """The branch that HEAD names, as a full ref; None when HEAD is detached."""
    answer = history.git.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
    return shown(answer.out).strip() or None


def _fetch_range(git: GitProcess, chain: Sequence[Landed]) -> tuple[Commit, ...]:
    """Everything reachable from the newest landing that was not there before the oldest."""
    before = chain[0].before
    exclude = () if before is None else (f"^{before}",)
    return list_commits(git, "--end-of-options", chain[-1].sha, *exclude, limit=COMMIT_LIMIT)


def _share_out(chain: Sequence[Landed], known: Mapping[str, Commit]) -> Iterator[tuple[str, tuple[Commit, ...]]]:
    """Each commit belongs to the first landing from which it can be reached. ``known`` is in topological order."""
    place = {sha: at for at, sha in enumerate(known)}
    taken: set[str] = set()
    for landed in chain:
        commit = known[landed.sha]
        taken.add(landed.sha)
        mine = set() if len(commit.parents) > 1 else {landed.sha}
        todo = list(commit.parents[1:])
        while todo:
            sha = todo.pop()
            if sha in taken or sha not in known:
                continue
            taken.add(sha)
            mine.add(sha)
            todo.extend(known[sha].parents)
        yield landed.sha, tuple(known[sha] for sha in sorted(mine, key=place.__getitem__))


def _fetch_paths(git: GitProcess, chain: Sequence[Landed]) -> dict[str, tuple[tuple[str, str], ...]]:
    """One ``diff-tree --stdin``: each landed commit against the branch before it (a root against nothing)."""
    lines = "".join(f"{one.sha} {one.before}\n" if one.before else f"{one.sha}\n" for one in chain)
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] | None = None
    words = iter(git.run("diff-tree", "--stdin", *_OPTIONS, stdin=lines.encode("ascii")).out.split(b"\x00"))
    for word in words:
        if word.startswith(b":") and current is not None:
            current.append((shown(word[-1:]), shown(next(words))))
        elif word:
            current = found.setdefault(shown(word), [])
    if not found.keys() <= {one.sha for one in chain}:
        raise UnavailableError("git's list of changed paths cannot be read", code="ambiguous")
    return {sha: tuple(paths) for sha, paths in found.items()}
