"""Which paths differ between two commits, with modes, renames and line counts.

One ``git diff-tree -z --raw --numstat -M``; names are read as bytes, so quotes, newlines and bytes that
are not UTF-8 cannot confuse it. Submodules count whatever ``.gitmodules`` says about ignoring them. For many pairs
of commits at once (``fetch_path_lists``) contents can be left alone: then no line is counted and no rename found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from gate.domain.contribution import PathChange
from gate.domain.errors import UnavailableError
from gate.git.commits import shown
from gate.git.process import GitProcess, truncated

PATH_LIMIT = 100_000
_OPTIONS = (
    "-r",
    "-z",
    "--raw",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--ignore-submodules=none",
    "--full-index",
    "--no-abbrev",
    "-O/dev/null",
)
_CONTENTS = ("--numstat", "-M", "-l1000")

_Key = tuple[bytes | None, bytes]
_Lines = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class _Listing:
    """What git printed of one pair: all raw records, then all counts."""

    changes: dict[_Key, PathChange] = field(default_factory=dict)
    counts: dict[_Key, _Lines] = field(default_factory=dict)

    def paths(self) -> tuple[PathChange, ...]:
        if self.changes.keys() != self.counts.keys():
            raise UnavailableError("git's list of paths and its line counts disagree", code="ambiguous")
        return tuple(
            replace(change, added=self.counts[key][0], deleted=self.counts[key][1])
            for key, change in self.changes.items()
        )


def fetch_paths(git: GitProcess, base: str, head: str, *, limit: int = PATH_LIMIT) -> tuple[PathChange, ...]:
    """The changed paths between two commits in git's order. Too many: ``truncated``."""
    paths = parse_paths(git.run("diff-tree", *_OPTIONS, *_CONTENTS, base, head).out)
    if len(paths) > limit:
        raise truncated(f"more than {limit} changed paths")
    return paths


def fetch_path_lists(
    git: GitProcess, pairs: Iterable[tuple[str | None, str]], *, with_contents: bool
) -> dict[str, tuple[PathChange, ...]]:
    """By commit, what changed against the other of its pair (None: against nothing). What changed nothing is left out.

    Without contents trees alone are compared: a rename is both its names, and lines are not counted.
    """
    lines = "".join(f"{head} {base}\n" if base is not None else f"{head}\n" for base, head in pairs)
    options = (*_OPTIONS, *(_CONTENTS if with_contents else ("--no-renames",)))
    raw = git.run("diff-tree", "--stdin", "--root", *options, stdin=lines.encode("ascii")).out
    found = _parse_listings(raw)
    if None in found:
        raise UnavailableError("git's list of changed paths cannot be read", code="ambiguous")
    return {
        shown(commit): one.paths() if with_contents else tuple(one.changes.values())
        for commit, one in found.items()
        if commit is not None
    }


def parse_paths(raw: bytes) -> tuple[PathChange, ...]:
    """Reads ``--raw --numstat -z`` of one pair of commits."""
    found = _parse_listings(raw)
    if not found.keys() <= {None}:
        raise UnavailableError("git's list of changed paths cannot be read", code="ambiguous")
    return found[None].paths() if found else ()


def _parse_listings(raw: bytes) -> dict[bytes | None, _Listing]:
    """By the commit that git names in front, None where it names none. A word without a tab is such a name."""
    found: dict[bytes | None, _Listing] = {}
    commit: bytes | None = None
    words = iter(raw.split(b"\x00"))
    for word in words:
        if not word:
            continue
        if not word.startswith(b":") and b"\t" not in word:
            commit = word
            found.setdefault(commit, _Listing())
            continue
        listing = found.setdefault(commit, _Listing())
        if word.startswith(b":"):
            key, change = _raw_record(word, words)
            listing.changes[key] = change
        else:
            key, lines = _count_record(word, words)
            listing.counts[key] = lines
    return found


def _raw_record(word: bytes, words: Iterator[bytes]) -> tuple[_Key, PathChange]:
    fields = word[1:].decode("ascii").split(" ")
    if len(fields) != 5:
        raise UnavailableError("git listed a changed path that cannot be read", code="ambiguous")
    status = fields[4][:1]
    old = next(words) if status in "RC" else None
    path = next(words)
    change = PathChange(
        path=shown(path),
        old_path=None if old is None else shown(old),
        status=status,
        old_mode=fields[0],
        new_mode=fields[1],
    )
    return (old, path), change


def _count_record(word: bytes, words: Iterator[bytes]) -> tuple[_Key, _Lines]:
    added, deleted, path = word.split(b"\t", 2)
    key: _Key = (None, path) if path else (next(words), next(words))
    return key, (_lines(added), _lines(deleted))


def _lines(word: bytes) -> int | None:
    """``-`` stands for a binary file."""
    return None if word == b"-" else int(word)
