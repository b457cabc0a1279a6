"""Writes the examples of ``docs/formats.md`` from fixed keys: ``python -m tests.vectors.make_examples``.

An example stands in a fenced block under the line ``<!-- example: <name> -->``; a test compares.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from gate.auditlog.checkpoint import Checkpoint, build_checkpoint
from gate.auditlog.entry import commitment
from gate.auditlog.merkle import Peaks, build_inclusion
from gate.auditlog.proof import build_receipt
from gate.auditlog.trust import build_trust_file
from gate.signing.canonical import canonical
from gate.signing.envelope import build_envelope, pae, parse_envelope
from tests.support.logs import LOG, ORIGIN, VERDICT, fixed_trust, sample_entries
from tests.vectors.make_vectors import build_verdict_statement

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"

_BLOCK = re.compile(r"(<!-- example: ([a-z-]+) -->\n```[a-z]*\n)(.*?)(```\n)", re.DOTALL)


def build_examples() -> dict[str, str]:
    """Text by name."""
    entries = sample_entries(5)
    leaves = [entry.leaf_hash for entry in entries]
    statement = parse_envelope(entries[0].envelope).payload
    note = build_checkpoint(Checkpoint(origin=ORIGIN, size=5, root=Peaks().extend(leaves)[0].root), LOG)
    path = build_inclusion(lambda height, n: Peaks().extend(leaves[n << height : (n + 1) << height])[0].root, 2, 5)
    verdict = build_envelope(canonical(build_verdict_statement()), VERDICT)
    return {
        "canonical": canonical({"b": [True, None], "a": "é", "n": 12}).decode(),
        "pae": pae("text/plain", "é".encode()).decode(),
        "statement": json.dumps(json.loads(statement), indent=2),
        "envelope": entries[0].envelope.decode(),
        "leaf": entries[0].leaf_hash.hex(),
        "commitment": commitment(bytes(range(32)), "looks good to me").hex(),
        "checkpoint": note.decode().removesuffix("\n"),
        "receipt": build_receipt(2, path, note).decode().removesuffix("\n"),
        "trust": json.dumps(json.loads(build_trust_file(fixed_trust())), indent=2),
        "verdict-statement": json.dumps(build_verdict_statement(), indent=2),
        "verdict": verdict.decode(),
    }


def render_page(page: str) -> str:
    """``page`` with every example as it is now. ``KeyError`` for one that nobody makes."""
    examples = build_examples()
    return _BLOCK.sub(lambda found: f"{found[1]}{examples[found[2]]}\n{found[4]}", page)


def list_examples(page: str) -> list[str]:
    """The names of the examples on the page."""
    return [found[2] for found in _BLOCK.finditer(page)]


if __name__ == "__main__":
    PAGE.write_text(render_page(PAGE.read_text("utf-8")), encoding="utf-8")
