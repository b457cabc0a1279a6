"""An evidence pack as PDF: drawn from the bytes of the twin and from nothing else.

Same twin and same fonts, same bytes: dates are the twin's, and nothing here reads a clock. The
twin, the checkpoint and the policy texts are attached from the twin itself; what else goes in
(the verifier, a trust file) is handed in and is never trusted by itself. Sealing is ``seal.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gate.domain.clock import parse_instant
from gate.evidence.codec import parse_twin
from gate.evidence.limits import find_demo_notice
from gate.evidence.twin import EvidencePack
from gate.pdf.back import draw_limits, draw_log, draw_policies, draw_verify
from gate.pdf.conform import Attachment
from gate.pdf.engine import BOTTOM, FULL, HAIR, LEFT, RIGHT, Element, Paper, measure
from gate.pdf.front import (
    Contents,
    draw_completeness,
    draw_cover,
    draw_deviations,
    draw_register,
    draw_summary,
)  # fmt: skip
from gate.pdf.layout import FINE, Flow
from gate.pdf.scripts import visible
from gate.pdf.sheets import draw_sheets

TWIN = "evidence.json"


def render_pack(twin: bytes, attachments: Sequence[Attachment] = ()) -> bytes:
    """The unsealed PDF. ``InputError`` if ``twin`` is no canonical twin, ``UnavailableError`` without fonts."""
    pack = parse_twin(twin)
    paper = draw_pack(pack, twin)
    title = f"Evidence pack {pack.pack}, {pack.organisation}"
    subject = f"Contributions from {pack.scope.period_from} to {pack.scope.period_to}"
    return paper.finish(visible(title), subject, [*build_attachments(pack, twin), *attachments])


def build_supplements(verifier: bytes, trust: bytes) -> tuple[Attachment, ...]:
    """``verify.py`` and a trust file to show its form, for ``render_pack``."""
    return (
        Attachment(
            name="verify.py", data=verifier, mime="text/x-python", relationship="Supplement",
            description="Offline verifier. Better taken from another source.",
        ),
        Attachment(
            name="trust.json", data=trust, mime="application/json", relationship="Supplement",
            description="Trust file as the gate has it. Proves nothing: compare with one from another source.",
        ),
    )  # fmt: skip


def build_attachments(pack: EvidencePack, twin: bytes) -> tuple[Attachment, ...]:
    """What every pack carries, all of it from the twin."""
    policies = tuple(
        Attachment(
            name=f"policy-{policy.epoch}-{file.name.replace('/', '-')}", data=file.text.encode(), mime="text/plain",
            relationship="Data", description=f"Policy text of epoch {policy.epoch}: {file.name}",
        )
        for policy in pack.policies
        for file in policy.files
    )  # fmt: skip
    return (
        Attachment(
            name=TWIN, data=twin, mime="application/json", relationship="Source",
            description="The machine-readable twin this document is drawn from.",
        ),
        Attachment(
            name="checkpoint.txt", data=pack.as_of.checkpoint.encode(), mime="text/plain", relationship="Data",
            description="Signed checkpoint of the audit log. Keep it: it is what later packs are checked against.",
        ),
        *policies,
    )  # fmt: skip


def draw_pack(pack: EvidencePack, twin: bytes) -> Paper:
    """All pages, before page numbers and attachments are written."""
    paper = Paper(parse_instant(pack.scope.made_at))
    draw_cover(paper, pack, hashlib.sha256(twin).hexdigest())
    flow = Flow(paper, visible(f"Evidence pack {pack.pack}   {pack.organisation}"))
    contents = Contents()
    draw_summary(flow, contents, pack)
    draw_completeness(flow, contents, pack)
    draw_deviations(flow, contents, pack)
    draw_register(flow, contents, pack)
    draw_sheets(flow, contents, pack)
    draw_policies(flow, contents, pack)
    draw_log(flow, contents, pack)
    draw_limits(flow, contents, pack, twin.decode())
    draw_verify(flow, contents, pack)
    contents.fill(paper)
    _draw_footers(paper, pack)
    return paper


def _draw_footers(paper: Paper, pack: EvidencePack) -> None:
    """Page x of y on every page, with the log the page rests on."""
    demo = "DEMO, no evidence.  " if find_demo_notice(pack.limits) is not None else ""
    count, left = (
        len(paper.pages),
        f"{demo}Log {pack.gate.origin}, {pack.as_of.size} entries, root {pack.as_of.root[:16]}…",
    )
    for number, page in enumerate(paper.pages, 1):
        paper.page = page
        shown = f"Page {number} of {count}"
        paper.rule(LEFT, BOTTOM - 14, FULL, HAIR, Element.ARTIFACT, 0.4)
        paper.text(LEFT, BOTTOM - 25, left, FINE, Element.ARTIFACT)
        paper.text(RIGHT - measure(shown, FINE), BOTTOM - 25, shown, FINE, Element.ARTIFACT)
