"""The population as CSV: one row a contribution, for an auditor's own spreadsheet and sample.

Safe in spreadsheets (AUD-04): no cell starts with ``= + - @``, tab or carriage return, after any
leading white space either; such a text gets a leading apostrophe. Every cell is quoted, lines end
in CRLF (RFC 4180), control characters are replaced by ``U+FFFD``. The file starts with a UTF-8
byte order mark: without it a common spreadsheet reads UTF-8 names as its own code page, and a
name wrongly written is worse than three bytes.
"""

from __future__ import annotations

import csv
import io
import unicodedata

from gate.evidence.twin import ContributionSheet, EvidencePack

BOM = "\ufeff"
COLUMNS = (
    "repository", "number", "title", "state", "target", "opened_at", "change_request", "revisions", "head",
    "answer", "decided_at", "signatures", "signers", "landed_commits", "first_index", "last_index",
)  # fmt: skip


def render_population(pack: EvidencePack) -> bytes:
    """The CSV of ``pack``'s contributions, touched and untouched ones, by repository and number."""
    landed: dict[tuple[str, int | None], list[str]] = {}
    for branch in pack.completeness:
        for landing in branch.landings:
            landed.setdefault((branch.repository, landing.number), []).extend(landing.commits)
    rows = [(sheet.repository, sheet.number, _row(sheet, landed)) for sheet in pack.contributions]
    for other in pack.untouched:
        cells = {"repository": other.repository, "number": str(other.number), "state": other.state}
        rows.append((other.repository, other.number, {**cells, "last_index": str(other.index)}))
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_safe(cells.get(column, "")) for column in COLUMNS] for _, _, cells in sorted(rows, key=_place))
    return (BOM + out.getvalue()).encode()


def _place(row: tuple[str, int, dict[str, str]]) -> tuple[str, int]:
    return row[0], row[1]


def _row(sheet: ContributionSheet, landed: dict[tuple[str, int | None], list[str]]) -> dict[str, str]:
    approvals = [row for row in sheet.signatures if row.result == "APPROVED"]
    return {
        "repository": sheet.repository,
        "number": str(sheet.number),
        "title": (sheet.title.value or "(erased)") if sheet.title else "",
        "state": sheet.state,
        "target": sheet.target,
        "opened_at": sheet.opened_at,
        "change_request": sheet.change_request or "",
        "revisions": str(len(sheet.revisions)),
        "head": sheet.revisions[-1].head if sheet.revisions else "",
        "answer": sheet.decision.answer if sheet.decision else "",
        "decided_at": sheet.decision.evaluated_at if sheet.decision else "",
        "signatures": str(len(approvals)),
        "signers": "; ".join(f"{row.name} ({row.role})" for row in approvals),
        "landed_commits": " ".join(landed.get((sheet.repository, sheet.number), ())),
        "first_index": str(sheet.entries[0]),
        "last_index": str(sheet.entries[-1]),
    }


def _safe(text: str) -> str:
    """A cell no spreadsheet takes for a formula. Full-width forms of the signs count too: some programs fold them."""
    clean = "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    start = unicodedata.normalize("NFKC", clean).lstrip()[:1]
    risky = text[:1] in ("\t", "\r", "\n") or start in ("=", "+", "-", "@")
    return f"'{clean}" if risky and start else clean
