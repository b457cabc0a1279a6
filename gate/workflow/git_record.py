"""A revision as git told it, as stored bytes (``gate-git/v1``) and back.

Commit subjects are personal free text and stay in git: they are emptied before anything is stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from gate.domain.contribution import GitRevision
from gate.domain.errors import VerificationError
from gate.signing.canonical import canonical, parse_canonical

FORMAT: Final = "gate-git/v1"
_ADAPTER: Final = TypeAdapter(GitRevision)


def git_bytes(git: GitRevision) -> bytes:
    """Canonical bytes of ``git`` without commit subjects."""
    bare = replace(git, commits=tuple(replace(commit, subject="") for commit in git.commits))
    document: dict[str, Any] = _ADAPTER.dump_python(bare, mode="json")
    return canonical({"format": FORMAT, "revision": document})


def parse_git(raw: bytes) -> GitRevision:
    """The reverse of ``git_bytes``. Raises ``VerificationError`` for anything it did not write."""
    document = parse_canonical(raw)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise VerificationError("A stored git record is not in the format gate-git/v1.", code="bad-record")
    try:
        return _ADAPTER.validate_python(document["revision"], strict=False)
    except (ValidationError, KeyError) as problem:
        raise VerificationError("A stored git record cannot be read back.", code="bad-record") from problem
