"""Patterns: gitignore-style for paths (pathspec), plain globs for branches and repositories.

Paths may hold anything git allows, newlines and ``\\xNN`` escapes included, so the compiled expressions treat a
newline as any other character: no spelling of a path slips past its pattern. In globs ``*`` is the only wildcard and
also crosses ``/``, which protects more rather than less.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from pathspec import GitIgnoreSpec

Matcher = Callable[[str], bool]


def check_path_pattern(pattern: str) -> str | None:
    """What is wrong with a path pattern and what to write instead, or None."""
    if pattern != pattern.strip():
        return "it starts or ends with a space; remove it"
    if pattern.startswith(("!", "#")):
        return "it starts with ! or #; list what belongs here instead, the last entry that matches wins"
    if "\\" in pattern or "\n" in pattern:
        return "it holds a backslash or a line break; write ? for an unusual character"
    if pattern.startswith("./") or ".." in pattern.split("/"):
        return "it holds ./ or ../; write the path from the top of the repository, as ledger/**"
    try:
        _compile_one(pattern)
    except (ValueError, re.error, IndexError):
        return "it cannot be read; write it like ledger/** or *.md"
    return None


@lru_cache(maxsize=4096)
def _compile_one(pattern: str) -> str:
    compiled = GitIgnoreSpec.from_lines([pattern]).patterns[0].regex
    if compiled is None:
        raise ValueError(pattern)
    found: str = compiled.pattern.replace("|$)", r"|\Z)").replace("(?P<ps_d>", "(?:")
    return found


@lru_cache(maxsize=1024)
def path_matcher(patterns: tuple[str, ...]) -> Matcher:
    """Whether a path matches any of ``patterns`` (checked before).

    A path is also tried as a folder: a submodule, symlink or file put where ``ledger/`` was is still the ledger's.
    """
    search = re.compile("|".join(f"(?:{_compile_one(pattern)})" for pattern in patterns), re.DOTALL).match
    return lambda path: search(path + "/") is not None


def check_glob(glob: str) -> str | None:
    """What is wrong with a branch or repository glob, or None."""
    if re.fullmatch(r"[A-Za-z0-9._/*+@#=-]+", glob) is None:
        return "only letters, digits, ._/+@#=- and the wildcard * are understood; write it like main or release/*"
    if glob.startswith("refs/"):
        return "it is a full ref; write the branch name, as main or release/*"
    return None


@lru_cache(maxsize=4096)
def _compile_glob(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in glob.split("*")), re.DOTALL)


def glob_matches(glob: str, text: str) -> bool:
    """``*`` stands for anything. With a glob as ``text`` this asks whether ``glob`` covers all it can match."""
    return _compile_glob(glob).fullmatch(text) is not None


def matches_any(globs: tuple[str, ...], text: str) -> bool:
    return any(glob_matches(glob, text) for glob in globs)


def globs_overlap(left: str, right: str) -> bool:
    """Whether some text matches both."""
    reached = {(0, 0)}
    queue = [(0, 0)]
    while queue:
        i, j = queue.pop()
        if i == len(left) and j == len(right):
            return True
        for step in _overlap_steps(left, right, i, j):
            if step not in reached:
                reached.add(step)
                queue.append(step)
    return False


def _overlap_steps(left: str, right: str, i: int, j: int) -> list[tuple[int, int]]:
    steps = []
    a, b = left[i : i + 1], right[j : j + 1]
    if a == "*":
        steps += [(i + 1, j)] + ([(i, j + 1)] if b else [])
    if b == "*":
        steps += [(i, j + 1)] + ([(i + 1, j)] if a else [])
    if a and a == b:
        steps.append((i + 1, j + 1))
    return steps


def branch_name(ref: str) -> str:
    """``refs/heads/main`` and ``main`` are both the branch ``main``."""
    return ref.removeprefix("refs/heads/")
