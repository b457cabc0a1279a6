"""How fast packs are drawn: pages a second beside the floor of compressing the same page streams.

``reference`` is what zlib alone needs for the very bytes that were drawn, in the same run; the
ratio is what must not fall. Building and reading the twin is measured on its own.
"""

from __future__ import annotations

import json
import re
import statistics
import time
import zlib
from collections.abc import Callable
from typing import TypeVar

from gate.evidence.codec import parse_twin, twin_bytes
from gate.evidence.pack import build_pack
from gate.pdf.render import build_attachments, draw_pack
from gate.pdf.seal import seal
from gate.standalone import verify
from tests.support.pack_story import SEALED_AT, play
from tests.support.packs import seal_pair, trust_document

T = TypeVar("T")
ROUNDS = 5
CONTRIBUTIONS = 1000


def run() -> list[dict[str, object]]:
    """Rows of ``name, value, unit, reference, ratio``."""
    inputs = play(CONTRIBUTIONS, signers=2)
    built = build_pack(inputs)
    twin = twin_bytes(built)
    title = "Evidence pack"

    def draw() -> bytes:
        """Pages only: the attachments are measured by themselves."""
        return draw_pack(built, twin).finish(title, title, ())

    plain = draw()
    streams = _page_streams(plain)
    drawing, _ = _median(draw)
    floor, _ = _median(lambda: [zlib.compress(item) for item in streams])
    pages = len(streams)
    rows = [_row("pack pages drawn", pages / drawing, "pages/s", pages / floor)]

    def whole() -> bytes:
        pack = parse_twin(twin)
        pdf = draw_pack(pack, twin).finish(title, title, build_attachments(pack, twin))
        return seal(pdf, *seal_pair(), SEALED_AT)

    sealing, sealed = _median(whole)
    rows.append(
        _row(
            f"pack of {CONTRIBUTIONS} contributions, twin to seal",
            sealing,
            "s",
            _median(lambda: zlib.compress(twin))[0],
        )
    )
    rows.append(
        _row(f"pack of {CONTRIBUTIONS} contributions, size", len(sealed) / 1e6, "MB", len(zlib.compress(twin)) / 1e6)
    )
    building, _ = _median(lambda: twin_bytes(build_pack(inputs)))
    rows.append(_row(f"twin of {CONTRIBUTIONS} contributions, rows to bytes", building, "s", building))
    trust = verify.Trust(json.dumps(trust_document()).encode())
    checking, _ = _median(lambda: verify.check_pack(sealed, trust, verify.Crypto()))
    rows.append(_row(f"pack of {CONTRIBUTIONS} contributions, verified", checking, "s", checking))
    return rows


def _page_streams(pdf: bytes) -> list[bytes]:
    """What was compressed into the pages: every deflated stream that is page operators."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    inflated = [zlib.decompress(item) for item in found if item[:1] == b"\x78"]
    return [item for item in inflated if b"\nBT\n" in item]


def _median(work: Callable[[], T]) -> tuple[float, T]:
    results, times = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        results.append(work())
        times.append(time.perf_counter() - start)
    return statistics.median(times), results[-1]


def _row(name: str, value: float, unit: str, reference: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "reference": round(reference, 3),
        "ratio": round(value / reference, 3),
    }
