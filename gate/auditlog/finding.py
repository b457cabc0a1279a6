"""What the checker says: findings, one sentence each, and a report that counts them.

A *fault* means the record is not what was signed. A *remark* (``is_fault`` false) is what a reader must know to judge
the result, such as that nothing outside the gate has confirmed it. A report with no fault is never a bare "OK".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_LISTED = 1000
"""Faults kept with their sentences in a report; all are counted."""


class FindingCode(StrEnum):
    """Stable names of findings, for machines."""

    BAD_ENTRY = "bad-entry"  # not an envelope around a statement of ours, or too large
    BAD_SIGNATURE = "bad-signature"  # the envelope is not signed by an act key
    LEAF_MISMATCH = "leaf-mismatch"  # the bytes do not hash to the recorded leaf hash
    TILE_MISMATCH = "tile-mismatch"  # a stored tile holds another hash
    TILE_MISSING = "tile-missing"
    COLUMN_MISMATCH = "column-mismatch"  # kind, stream or version stored beside the entry differ from it
    STREAM_GAP = "stream-gap"  # a stream's versions skip or repeat
    MISSING = "missing"  # an index has no entry
    OUT_OF_ORDER = "out-of-order"  # an index comes twice or too late
    ROOT_MISMATCH = "root-mismatch"  # the entries do not give the root that was signed
    ROOTS_UNCHECKED = "roots-unchecked"  # later roots cannot be compared once something is lost
    FORKED = "forked"  # a signed checkpoint is of another history
    REWRITTEN = "rewritten"  # the checkpoint held outside has another root
    BAD_CHECKPOINT = "bad-checkpoint"
    TRUNCATED = "truncated"  # a signed checkpoint covers more entries than there are
    UNCOVERED = "uncovered"  # entries after the newest checkpoint
    HEAD_MISMATCH = "head-mismatch"
    BAD_SINCE = "bad-since"  # the checkpoint held outside is not one of this log
    SETTLED = "settled"  # remark: which of several stored hashes the signed root confirms
    WITNESSED = "witnessed"  # remark: the checkpoint held outside is a prefix
    NOT_WITNESSED = "not-witnessed"  # remark: none was given
    SUMMARY = "summary"  # remark: what was read


_REMARKS = frozenset(
    {FindingCode.SETTLED, FindingCode.WITNESSED, FindingCode.NOT_WITNESSED, FindingCode.SUMMARY},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. It is about entries ``index`` to ``last`` (None: only ``index``; both None: no entry)."""

    code: FindingCode
    sentence: str
    index: int | None = None
    last: int | None = None

    @property
    def is_fault(self) -> bool:
        return self.code not in _REMARKS


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All findings of one run: faults counted by code and listed up to a bound, and the remarks."""

    counts: dict[FindingCode, int]
    faults: tuple[Finding, ...]
    remarks: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found false. Says nothing of witnesses: read ``is_witnessed`` too."""
        return not self.counts

    @property
    def is_witnessed(self) -> bool:
        """Whether a checkpoint held outside the gate was confirmed."""
        return any(remark.code is FindingCode.WITNESSED for remark in self.remarks)


def build_report(findings: Iterable[Finding], *, max_listed: int = MAX_LISTED) -> AuditReport:
    """Runs a checker to its end in bounded memory."""
    counts: Counter[FindingCode] = Counter()
    faults: list[Finding] = []
    remarks: list[Finding] = []
    for finding in findings:
        kept = faults if finding.is_fault else remarks
        if finding.is_fault:
            counts[finding.code] += 1
        if len(kept) < max_listed:
            kept.append(finding)
        elif not finding.is_fault:  # The remarks that close a run must stay.
            kept[-1:] = [finding]
    return AuditReport(counts=dict(counts), faults=tuple(faults), remarks=tuple(remarks))
