"""The report of ``gate preview`` as text (short, or with every merge) and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any, Final

from gate.domain.clock import format_instant
from gate.domain.words import count_words
from gate.workflow.preview import FORMAT, MergePreview, Preview
from gate.workflow.preview_causes import CauseGroup, Kind

MOST: Final = 10
_SECTIONS: Final = (
    (Kind.FALSE, "Would stop falsely, as nothing is wrong with the change, by cause:"),
    (Kind.REAL, "Would stop by the policy, by cause:"),
)


class Listed(StrEnum):
    """Which merges are listed one by one."""

    NONE = "none"
    STOPS = "stops"
    ALL = "all"


def render_lines(done: Preview, listed: Listed = Listed.NONE) -> Iterator[str]:
    """Headline, stops by cause with their mends, signatures, out of scope, merges if listed, what was assumed."""
    merged = sum(1 for one in done.merges if one.is_merge)
    yield f"{done.headline}."
    yield (
        f"{done.repository}, branch {done.branch}, policy {done.policy}: {count_words(merged, 'merge commit')}, "
        f"{count_words(len(done.merges) - merged, 'single commit')} on the branch."
    )
    yield from _stops(done)
    yield ""
    yield f"Would need signatures: {done.count('signatures')}"
    yield from _counts(done.needs, "  ")
    yield f"Out of scope by rule: {done.count('out-of-scope')}"
    yield from _counts(done.out_of_scope, "  ")
    yield from _merges(done, listed)
    yield ""
    yield "What this preview assumes:"
    for text in done.assumptions:
        yield f"  - {text}"


def _stops(done: Preview) -> Iterator[str]:
    merges = {one.sha: one for one in done.merges}
    for kind, title in _SECTIONS:
        groups = [one for one in done.stops if one.kind is kind]
        if groups:
            yield ""
            yield title
            for group in groups:
                yield from _group(group, merges)


def _group(group: CauseGroup, merges: dict[str, MergePreview]) -> Iterator[str]:
    yield f"  {group.count:5} {group.title}"
    yield f"        To mend: {group.mend}"
    if group.addresses:
        yield from _counts(group.addresses, "        ")
        yield f"        such as {_name(merges[group.examples[0].sha])}"
        return
    for one in group.examples:
        yield f"        {one.count:5} {show(one.sentence)}"
        yield f"              such as {_name(merges[one.sha])}"


def _counts(pairs: Sequence[tuple[str, int]], indent: str) -> Iterator[str]:
    for text, count in pairs[:MOST]:
        yield f"{indent}{count:5} {show(text)}"
    if len(pairs) > MOST:
        yield f"{indent}      and {len(pairs) - MOST} more, with --json"


def _merges(done: Preview, listed: Listed) -> Iterator[str]:
    """Newest first."""
    stops = [one for one in done.merges if one.outcome == "stop"]
    if listed is Listed.NONE:
        yield ""
        yield "Merges one by one: --stops lists those that would stop, --all lists every one, --json gives everything."
        return
    shown: Iterable[MergePreview] = done.merges if listed is Listed.ALL else stops
    yield ""
    yield "Each merge, newest first:" if listed is Listed.ALL else "Each merge that would stop, newest first:"
    for merge in reversed(tuple(shown)):
        yield from _merge_lines(merge)


def _name(merge: MergePreview) -> str:
    return f"{merge.sha[:12]} {merge.at:%Y-%m-%d} {show(merge.subject)}"


def _merge_lines(merge: MergePreview) -> Iterator[str]:
    size = f"{count_words(merge.commits, 'commit')}, {count_words(merge.paths, 'path')}"
    outcome = "false stop" if merge.is_false_stop else merge.outcome
    yield f"{merge.sha[:12]} {merge.at:%Y-%m-%d} {outcome:12} {show(merge.subject)} ({size})"
    for cause in merge.causes:
        yield f"    stops: {show(cause.sentence)}"
    if merge.out_of_scope is not None:
        yield f"    left out by rule {merge.out_of_scope}"
    elif not merge.causes:
        yield f"    needs: {', '.join(merge.needs)}"
    for text in merge.because:
        yield f"    because {show(text)}"


def show(text: str) -> str:
    """Text of strangers' commits: nothing of it may steer the reader's terminal."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def build_document(done: Preview) -> dict[str, Any]:
    """``gate-preview/v1``."""
    body = asdict(done)
    body["merges"] = [
        {
            **asdict(one),
            "at": format_instant(one.at),
            "outcome": one.outcome,
            "is_false_stop": one.is_false_stop,
        }
        for one in done.merges
    ]
    counts = {name: done.count(name) for name in ("stop", "signatures", "out-of-scope")}
    return {
        "format": FORMAT,
        "headline": done.headline,
        "counts": {**counts, "false-stop": done.false_stops},
        **body,
    }
