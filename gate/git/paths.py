"""Which paths differ between two commits, with modes, renames and line counts.

One ``git diff-tree -z --raw --numstat -M``; names are read as bytes, so quotes, newlines and bytes that
are not UTF-8 cannot confuse it. Submodules count whatever ``.gitmodules`` says about ignoring them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gate.domain.contribution import PathChange
from gate.domain.errors import UnavailableError
from gate.git.commits import shown
from gate.git.process import GitProcess, truncated

PATH_LIMIT = 100_000
_OPTIONS = (
    "-r",
    "-z",
    "--raw",
    "--numstat",
    "-M",
    "-l1000",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--ignore-submodules=none",
    "--full-index",
    "--no-abbrev",
    "-O/dev/null",
)

_Key = tuple[bytes | None, bytes]
_Lines = tuple[int | None, int | None]


def fetch_paths(git: GitProcess, base: str, head: str, *, limit: int = PATH_LIMIT) -> tuple[PathChange, ...]:
    """The changed paths between two commits in git's order. Too many: ``truncated``."""
    paths = parse_paths(git.run("diff-tree", *_OPTIONS, base, head).out)
    if len(paths) > limit:
        raise truncated(f"more than {limit} changed paths")
    return paths


def parse_paths(raw: bytes) -> tuple[PathChange, ...]:
    """Reads ``--raw --numstat -z``: first all raw records, then all counts."""
    changes: dict[_Key, PathChange] = {}
    counts: dict[_Key, _Lines] = {}
    words = iter(raw.split(b"\x00"))
    for word in words:
        if word.startswith(b":"):
            key, change = _raw_record(word, words)
            changes[key] = change
        elif word:
            key, lines = _count_record(word, words)
            counts[key] = lines
    if changes.keys() != counts.keys():
        raise UnavailableError("git's list of paths and its line counts disagree", code="ambiguous")
    return tuple(replace(change, added=counts[key][0], deleted=counts[key][1]) for key, change in changes.items())


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
