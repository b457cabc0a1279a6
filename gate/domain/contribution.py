"""A contribution and its revisions, as git tells them.

Git object ids are lower-case hex strings (40 or 64 characters); branches are full refs
(``refs/heads/main``). Paths are UTF-8; bytes that are not are shown as ``\\xNN`` escapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ContributionState(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Mode(StrEnum):
    """How a repository is guarded: recorded only, warned, or blocked."""

    OBSERVE = "observe"
    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A name and address as somebody typed them into git: a claim, never proof."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit. ``patch_id`` is ``git patch-id --stable`` (None: merge or empty)."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    co_authors: tuple[Identity, ...] = ()
    subject: str = ""
    committed_at: datetime
    patch_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """One changed path between merge base and head. ``old_path`` is set for renames and copies.

    ``status`` is git's letter (A C D M R T). ``added``/``deleted`` are lines; None when binary.
    Modes are git's octal strings; ``120000`` is a symlink, ``160000`` a submodule.
    """

    path: str
    old_path: str | None = None
    status: str
    old_mode: str
    new_mode: str
    added: int | None = None
    deleted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRevision:
    """What git says of one head against one target branch, from our own mirror.

    ``commits`` are those in ``merge_base..head`` (all parents), oldest first. ``merge_tree`` is the
    tree of a clean ``git merge-tree --write-tree target_tip head``, or None when it conflicts.
    ``patch_id`` is that of the whole diff ``merge_base..head``; ``diff_sha256`` covers every byte of it but line
    numbers (None: too large to be looked at, or recorded by an older version).
    """

    head: str
    tree: str
    target: str
    target_tip: str
    merge_base: str
    merge_tree: str | None
    commits: tuple[Commit, ...]
    paths: tuple[PathChange, ...]
    patch_id: str | None = None
    diff_sha256: str | None = None


class StepKind(StrEnum):
    """How a landing step moved the branch."""

    FAST_FORWARD = "fast-forward"
    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingStep:
    """One cut of a protected branch's first-parent chain.

    ``commits`` are the first-parent commits it covers, oldest first; ``head`` is the approved
    head it lands, None when unexplained.
    """

    kind: StepKind
    before: str
    after: str
    commits: tuple[str, ...]
    head: str | None = None
    detail: str = ""
