"""What came into a branch, many landings at a time: their commits and the names of the paths they changed.

For looking at a long stretch of history (``gate preview``): three kinds of git process for any number of
landings, where ``History.revision_at`` takes a dozen for each. Unless sizes are asked for, trees alone are compared,
so a clone without file contents will do; renames come out as both names, which is all that ownership asks. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gate.domain.contribution import Commit, PathChange
from gate.domain.errors import UnavailableError
from gate.domain.words import count_words
from gate.git.commits import list_commits, shown
from gate.git.history import History
from gate.git.landing import Landed
from gate.git.mirror import Mirror
from gate.git.paths import fetch_path_lists
from gate.git.process import GitProcess

CHUNK = 100
COMMIT_LIMIT = 200_000
TIMEOUT_S = 120.0
OUTPUT_LIMIT = 512 * 1024 * 1024
NO_FETCH = {"GIT_ALLOW_PROTOCOL": ""}
"""Git would fetch what a partial clone lacks, and this only reads."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedChange:
    """One landing: the ``commits`` it brought (oldest first; not the merge commit itself) and the ``paths`` it changed.

    ``paths`` are between the branch before and after: what really landed, an extra line in a merge commit included.
    Unless ``is_sized`` their lines are not counted and a rename is two of them. ``parents`` is how many the landed
    commit has.
    """

    landed: Landed
    parents: int
    commits: tuple[Commit, ...]
    paths: tuple[PathChange, ...]
    is_sized: bool = False


def survey(
    mirror: Mirror,
    ref: str,
    since: datetime | None,
    progress: Progress,
    *,
    newest: int | None = None,
    with_sizes: bool = False,
) -> tuple[LandedChange, ...]:
    """What landed on ``ref`` since then (None: ever; at most the ``newest`` so many), oldest first.

    ``with_sizes`` needs file contents; where a partial clone lacks them the change is not sized, and nothing is
    fetched. Raises ``UnavailableError`` when git cannot tell.
    """
    chain = mirror.merges(ref, since, newest)
    if not chain:
        return ()
    git = replace(mirror.git, timeout_s=TIMEOUT_S, limit=OUTPUT_LIMIT, environment=NO_FETCH)
    progress(f"{count_words(len(chain), 'merge')}; reading their commits")
    known = {commit.sha: commit for commit in _fetch_range(git, chain)}
    brought = dict(_share_out(chain, known))
    paths: dict[str, tuple[PathChange, ...]] = {}
    sized: set[str] = set()
    for start in range(0, len(chain), CHUNK):
        pairs = [(one.before, one.sha) for one in chain[start : start + CHUNK]]
        if with_sizes:
            found = _fetch_sized(git, pairs, is_partial=_is_partial(mirror))
            sized |= found.keys()
            paths |= found
            pairs = [pair for pair in pairs if pair[1] not in found]
        if pairs:
            paths |= fetch_path_lists(git, pairs, with_contents=False)
        progress(f"{min(start + CHUNK, len(chain))} of {count_words(len(chain), 'merge')} compared")
    return tuple(
        LandedChange(
            landed=one,
            parents=len(known[one.sha].parents),
            commits=brought[one.sha],
            paths=paths.get(one.sha, ()),
            is_sized=one.sha in sized,
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


def _is_partial(history: History) -> bool:
    """Whether git may lack contents that it names."""
    return any((history.path / "objects" / "pack").glob("*.promisor"))


def _fetch_sized(
    git: GitProcess, pairs: Sequence[tuple[str | None, str]], *, is_partial: bool
) -> dict[str, tuple[PathChange, ...]]:
    """With lines and renames, all ``pairs`` but those whose contents are missing: these are found by halving."""
    try:
        found = fetch_path_lists(git, pairs, with_contents=True)
    except UnavailableError:
        if not is_partial:
            raise
        if len(pairs) == 1:
            return {}
        half = len(pairs) // 2
        first, last = pairs[:half], pairs[half:]
        return {one: paths for part in (first, last) for one, paths in _fetch_sized(git, part, is_partial=True).items()}
    return {sha: found.get(sha, ()) for _, sha in pairs}
