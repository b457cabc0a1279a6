"""Reads commits out of git's own listing: people, trees, parents, trailers, patch ids.

One ``git rev-list`` and one ``diff-tree | patch-id`` for any number of commits. Names and addresses are
taken as typed (no mailmap); trailers are found by git's own rules. Bytes that are not UTF-8 are shown
as ``\\xNN``. Follows ``gate/domain/contribution.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from gate.domain.contribution import Commit, Identity
from gate.domain.errors import UnavailableError
from gate.git.process import GitProcess, truncated

COMMIT_LIMIT = 20_000
# %x00 between fields, %x01%x00 behind each record: no field may hold a NUL, so records cannot be forged.
_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%cn", "%ce", "%ct", "%s")
_TRAILERS = "%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)"
FORMAT = "tformat:" + "%x00".join(_FIELDS) + "%x00" + _TRAILERS + "%x00%x01%x00"
_END = b"\x00\x01\x00\n"
_IDENTITY = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>\s*")
_MAX_TIME = 253402300799  # 9999-12-31T23:59:59Z, the last instant datetime can hold
_PATCH_OPTIONS = (
    "-r",
    "-p",
    "--no-ext-diff",
    "--no-textconv",
    "--full-index",
    "--no-renames",
    "--no-relative",
    "--ignore-submodules=none",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "-U3",
    "-O/dev/null",
)


def fetch_commits(git: GitProcess, *selection: str, limit: int = COMMIT_LIMIT) -> tuple[Commit, ...]:
    """The commits ``git rev-list`` selects, oldest first, with patch ids. Too many: ``truncated``."""
    commits = list_commits(git, *selection, limit=limit)
    ids = fetch_patch_ids(git, [commit.sha for commit in commits if len(commit.parents) < 2])
    return tuple(_with_patch(commit, ids.get(commit.sha)) for commit in commits)


def list_commits(git: GitProcess, *selection: str, limit: int = COMMIT_LIMIT) -> tuple[Commit, ...]:
    """The same without patch ids, which cost a diff each."""
    answer = git.run(
        "rev-list",
        "--topo-order",
        "--reverse",
        "--no-commit-header",
        "--encoding=UTF-8",
        f"--max-count={limit + 1}",
        f"--format={FORMAT}",
        *selection,
    )
    commits = tuple(_parse_commit(record) for record in answer.out.split(_END)[:-1])
    if len(commits) > limit:
        raise truncated(f"more than {limit} commits to look at")
    return commits


def fetch_patch_ids(git: GitProcess, shas: Sequence[str]) -> dict[str, str]:
    """``git patch-id --stable`` of each commit; merges and empty commits have none."""
    if not shas:
        return {}
    listed = "".join(f"{sha}\n" for sha in shas).encode("ascii")
    answer = git.pipe((("diff-tree", "--stdin", "--root", *_PATCH_OPTIONS), ("patch-id", "--stable")), stdin=listed)
    pairs = (line.split() for line in answer.out.decode("ascii").splitlines())
    return {sha: patch_id for patch_id, sha in pairs}


def fetch_patch_id(git: GitProcess, base: str, head: str) -> str | None:
    """``git patch-id --stable`` of the whole difference, None when there is none."""
    answer = git.pipe((("diff-tree", *_PATCH_OPTIONS, base, head), ("patch-id", "--stable")))
    words = answer.out.decode("ascii").split()
    return words[0] if words else None


def parse_identity(text: str) -> Identity:
    """``Anna Ek <anna@example>``; anything else keeps its text as a name with an empty address."""
    found = _IDENTITY.fullmatch(text)
    if found is None:
        return Identity(name=text.strip(), address="")
    return Identity(name=found["name"], address=found["address"].strip())


def _parse_commit(record: bytes) -> Commit:
    fields = [shown(part) for part in record.split(b"\x00")]
    if len(fields) < len(_FIELDS):
        raise UnavailableError("git listed a commit that cannot be read", code="ambiguous")
    sha, tree, parents, author, author_address, committer, committer_address, seconds, subject = fields[:9]
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Identity(name=author, address=author_address),
        committer=Identity(name=committer, address=committer_address),
        co_authors=_unique(parse_identity(value) for value in fields[9:] if value.strip()),
        subject=subject,
        committed_at=_instant(seconds),
    )


def _instant(seconds: str) -> datetime:
    """A committer may write any number; one that is no date reads as the epoch, as in git itself."""
    value = int(seconds) if re.fullmatch(r"-?\d{1,15}", seconds) else 0
    return datetime.fromtimestamp(value if 0 <= value <= _MAX_TIME else 0, UTC)


def _unique(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    return tuple(dict.fromkeys(identities))


def _with_patch(commit: Commit, patch_id: str | None) -> Commit:
    return Commit(
        sha=commit.sha,
        tree=commit.tree,
        parents=commit.parents,
        author=commit.author,
        committer=commit.committer,
        co_authors=commit.co_authors,
        subject=commit.subject,
        committed_at=commit.committed_at,
        patch_id=patch_id,
    )


def shown(raw: bytes) -> str:
    """UTF-8, with every byte that is not shown as ``\\xNN``."""
    return raw.decode("utf-8", "backslashreplace")
