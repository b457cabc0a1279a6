"""Whether two revisions change the same: a digest of a whole difference that only an equal difference has.

``git patch-id`` is made to recognise a patch and so looks past white space and inside no binary file; an approval
that is carried over needs more. Here every byte of every hunk counts, context included, with modes, names and both
sides of a rename; only line numbers, and the object ids of text files, which say where and not what, are left out.
"""

from __future__ import annotations

import hashlib
from typing import Final

from gate.domain.errors import UnavailableError
from gate.git.process import GitProcess

_OPTIONS: Final = (
    *("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index", "--binary"),
    *("--unified=3", "--diff-algorithm=myers", "--no-indent-heuristic", "--ignore-submodules=none"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--inter-hunk-context=0"),
)


def fetch_diff_sha256(git: GitProcess, base: str, head: str) -> str | None:
    """The digest (lower-case hex) of the difference ``base..head``; None when it is too large to be looked at."""
    try:
        raw = git.run("diff-tree", "-p", "-r", *_OPTIONS, base, head).out
    except UnavailableError as problem:
        if problem.code == "truncated":
            return None
        raise
    return digest_diff(raw)


def digest_diff(raw: bytes) -> str:
    """SHA-256 over the lines of a difference without positions, and without object ids where there is text."""
    digest = hashlib.sha256(b"gate-diff/v1\n")
    index = b""
    for line in raw.split(b"\n"):
        if line.startswith(b"index "):
            index = line
            digest.update(b"index" + line[line.rfind(b" ") :] if line.count(b" ") == 2 else b"index")
        elif line.startswith(b"@@ "):
            digest.update(b"@@")
        elif line.startswith((b"GIT binary patch", b"Binary files ")):
            digest.update(index)  # what a binary file was and is: its object ids
        else:
            digest.update(line)
        digest.update(b"\n")
    return digest.hexdigest()
