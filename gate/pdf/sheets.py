"""One sheet a contribution, with the signature manifestations that 21 CFR 11.50 asks for."""

from __future__ import annotations

from collections import defaultdict

from gate.evidence.envelopes import OpenedEntry, parse_entry
from gate.evidence.exceptions import (
    Cleared,
    ReviewOnForge,
    Under,
    read_cleared,
    read_reviews,
    read_under,
    tells_exception,
)
from gate.evidence.overrides import OverrideRecord, read_overrides
from gate.evidence.twin import ContributionSheet, ErasableText, EvidencePack, Landing, SignatureRow
from gate.pdf.engine import (
    BAD,
    BOTTOM,
    CAUTION,
    FULL,
    GOOD,
    HAIR,
    LEFT,
    MUTED,
    PALE,
    RIGHT,
    Element,
    Style,
    measure,
)  # fmt: skip
from gate.pdf.front import Contents, begin_section, sheet_key, title_of, when
from gate.pdf.layout import MONO, SMALL, SMALL_BOLD, Column, Flow, wrap

SUBTITLE = Style("bold", 10.5, 14)
MARK = Style("bold", 8, 10.6, CAUTION)
RESULTS = {
    "APPROVED": ("Approved", Style("bold", 9, 12, GOOD)),
    "REJECTED": ("Rejected", Style("bold", 9, 12, BAD)),
    "WITHDRAWN": ("Withdrawn", Style("bold", 9, 12, CAUTION)),
}
OTHER = Style("bold", 9, 12, MUTED)
GROUP = 100
"""Bookmarks of one level: a hundred sheets a group, so that no viewer meets thousands of siblings."""


def draw_sheets(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    landed: dict[tuple[str, int | None], list[tuple[str, Landing]]] = defaultdict(list)
    for branch in pack.completeness:
        for landing in branch.landings:
            landed[branch.repository, landing.number].append((branch.branch, landing))
    entries = {row.index: row for row in pack.entries}
    if not pack.contributions:
        begin_section(flow, contents, "sheets")
        flow.paragraph("Nothing happened to any contribution in the period.")
    for place, sheet in enumerate(pack.contributions):
        flow.start_page()
        if place == 0:
            contents.pages["sheets"] = flow.paper.anchor("sheets", title="Contributions and their signatures")
        _anchor(flow, sheet, place, len(pack.contributions))
        telling = (entries[index] for index in sheet.entries if tells_exception(entries[index]))
        opened = tuple(parse_entry(row) for row in telling)
        _draw_sheet(flow, sheet, landed[sheet.repository, sheet.number], opened)


def _anchor(flow: Flow, sheet: ContributionSheet, place: int, count: int) -> None:
    if place % GROUP == 0:
        last = min(place + GROUP, count)
        flow.paper.anchor(f"sheets-{place}", title=f"Sheets {place + 1} to {last}", level=1)
    name = f"{sheet.repository}#{sheet.number}"
    flow.paper.anchor(sheet_key(sheet.repository, sheet.number), title=f"{name}  {title_of(sheet)[:80]}", level=2)


def _draw_override(flow: Flow, row: OverrideRecord) -> None:
    """Who let it through, why, how far and how long, and what became of the review it owes."""
    flow.pairs(
        [
            ("Invoked", f"{row.name} as {row.role}, {when(row.at)}, entry {row.index}", SMALL_BOLD),
            ("Why", f"{row.code}, {row.incident}", SMALL),
            ("Co-signed by", ", ".join(f"{name}, entry {index}" for name, index in row.cosigned) or "nobody", SMALL),
            ("Waives", f"{', '.join(row.waives)}, until {when(row.expires_at)}", SMALL),
            ("Head", row.head, MONO),
            ("Review", f"{row.review_state[:1].upper()}{row.review_state[1:]}.", SMALL),
        ]
    )


def _draw_sheet(
    flow: Flow,
    sheet: ContributionSheet,
    landings: list[tuple[str, Landing]],
    opened: tuple[OpenedEntry, ...],
) -> None:
    flow.heading(f"{sheet.repository}#{sheet.number}")
    flow.paragraph(title_of(sheet), SUBTITLE, element=Element.H2, after=6)
    decision = sheet.decision
    flow.pairs(
        [
            ("State", sheet.state, SMALL_BOLD),
            ("Target branch", sheet.target, SMALL),
            ("Change request", sheet.change_request or "none given", SMALL),
            ("Opened", when(sheet.opened_at), SMALL),
            ("Contributors", _contributors(sheet), SMALL),
            ("Audit entries", f"{_ranges(sheet.entries)} (versions 1 to {sheet.versions} of its stream)", SMALL),
        ]
    )
    if decision is not None:
        flow.heading("Decision as recorded", element=Element.H2)
        flow.pairs(
            [
                ("Answer", f"{decision.answer}: {decision.summary}", SMALL_BOLD),
                ("Decided at", f"{when(decision.evaluated_at)}, audit entry {decision.index}", SMALL),
                *(("Because", sentence, SMALL) for sentence in _reasons(decision.document)),
                ("Decision SHA-256", decision.sha256, MONO),
                ("Facts SHA-256", decision.facts_sha256, MONO),
            ]
        )
    _draw_revisions(flow, sheet)
    if landings:
        flow.heading("Landed", element=Element.H2, keep=60)
        flow.table(
            [Column("At", 100), Column("Branch", 96), Column("How", 70), Column("Commits", FULL - 266, MONO)],
            [(when(row.at), branch, f"{row.outcome}, {row.kind}", "\n".join(row.commits)) for branch, row in landings],
        )  # fmt: skip
    overrides, cleared, under = read_overrides(opened), read_cleared(opened), read_under(opened)
    if overrides:
        flow.heading(f"Break-glass ({len(overrides)})", element=Element.H2, keep=90)
    for override in overrides:
        _draw_override(flow, override)
    if cleared:
        flow.heading(f"Vetoes cleared ({len(cleared)})", element=Element.H2, keep=60)
        flow.pairs([(f"Entry {one.index}", _say_cleared(one), SMALL) for one in cleared])
    reviews = read_reviews(opened)
    if reviews:
        flow.heading(f"Reviews on the forge, not signatures ({len(reviews)})", element=Element.H2, keep=60)
        flow.pairs([(f"Entry {one.index}", _say_review(one), SMALL) for one in reviews])
    flow.heading(f"Signatures ({len(sheet.signatures)})", element=Element.H2, keep=60)
    if not sheet.signatures:
        flow.paragraph("None.", SMALL)
    for signature in sheet.signatures:
        _draw_signature(flow, signature, under.get(signature.index))


_REVIEWED = {
    "APPROVED": "approved",
    "REJECTED": "requested changes of",
    "WITHDRAWN": "(review dismissed there) reviewed",
}


def _say_review(one: ReviewOnForge) -> str:
    """What was said where, and in which roles it could count: nobody signed anything."""
    who = f"{one.name} ({one.person})" if one.person is not None else f"the login {one.name}, which is nobody's,"
    roles = f" Roles then: {', '.join(one.roles) or 'none that was asked for'}." if one.person is not None else ""
    did = _REVIEWED.get(one.result, one.result)
    what = f"{who} {did} revision {one.revision} ({one.head}) on {one.forge}, review {one.review}"
    return f"{what}, {when(one.submitted_at)}: a review on the forge, not a signature.{roles}"


def _say_cleared(one: Cleared) -> str:
    return f"{one.name} as {one.role}, {when(one.at)}: the rejection by {one.veto_by}, entry {one.veto}"


def _contributors(sheet: ContributionSheet) -> str:
    return "; ".join(
        f"{row.name} ({row.part}" + (", nobody's address)" if row.person is None else ")") for row in sheet.contributors
    )


def _ranges(numbers: tuple[int, ...]) -> str:
    """``2–7, 12``: runs of consecutive numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _reasons(document: object) -> list[str]:
    """The reasons of the recorded decision, as sentences; what is not one is left to the twin."""
    reasons = document.get("reasons") if isinstance(document, dict) else None
    return [str(item["sentence"]) for item in reasons or () if isinstance(item, dict) and "sentence" in item]


def _draw_revisions(flow: Flow, sheet: ContributionSheet) -> None:
    flow.heading("Revisions", element=Element.H2, keep=60)
    flow.table(
        [Column("No", 24), Column("Recorded", 100), Column("Head", 178, MONO), Column("Tree", FULL - 302, MONO)],
        [(str(row.number), when(row.recorded_at), row.head, row.tree) for row in sheet.revisions],
    )  # fmt: skip


def _draw_signature(flow: Flow, row: SignatureRow, under: Under | None) -> None:
    """One block, kept on one page: who, what it means, when, how, and what it is bound to."""
    rows = [*_under_rows(under), *_signature_rows(row)]
    width = FULL - 118
    height = 22 + sum(look.leading * len(wrap(value, look, width)) for _, value, look in rows)
    flow.need(min(height, 640))
    top = flow.y
    word, style = RESULTS.get(row.result, (row.result, OTHER))
    flow.paper.fill(LEFT, top - 15, FULL, 15, PALE, Element.ARTIFACT)
    flow.paper.fill(LEFT, top - 15, 3, 15, style.colour, Element.ARTIFACT)
    if under is not None and under.freeze is not None:
        word = f"{word}, only through the freeze {under.freeze}"
    signer = f"{row.name} for {under.giver}" if under is not None and under.giver is not None else row.name
    head = wrap(f"{word}: {signer}", style, FULL - 150)[0]
    flow.paper.text(LEFT + 10, top - 10.5, head, style, Element.H2)
    shown = when(row.signed_at)
    flow.paper.text(RIGHT - 6 - measure(shown, SMALL), top - 10.5, shown, SMALL, Element.P)
    flow.y -= 17
    flow.pairs(rows, label_width=104, indent=14)
    flow.y -= 5
    if flow.y > BOTTOM + 10:
        flow.paper.rule(LEFT, flow.y + 2, FULL, HAIR, Element.ARTIFACT, 0.3)


def _under_rows(under: Under | None) -> list[tuple[str, str, Style]]:
    """For whom, and through which freeze: what a reader must not take for an approval of the signer's own."""
    rows = []
    if under is not None and under.giver is not None:
        rows.append(("Signed for", f"{under.giver}, delegation of audit entry {under.delegation}", SMALL_BOLD))
    if under is not None and under.freeze is not None:
        rows.append(("Exempts from", f"the freeze {under.freeze}; it fills no other requirement", SMALL_BOLD))
    return rows


def _signature_rows(row: SignatureRow) -> list[tuple[str, str, Style]]:
    team = f" of team {row.team}" if row.team else ""
    first = "first signing of the session" if row.auth.first_in_session else "later signing of the session"
    rows = [
        ("Signed by", f"{row.name} (login {row.login}, {row.person})", SMALL),
        ("Directory entry", row.dn, SMALL),
        ("Role when signing", f"{row.role}{team}", SMALL),
        ("Meaning", f"{row.meaning.text} ({row.meaning.kind})", SMALL_BOLD),
        ("How", f"{row.auth.method}: {', '.join(row.auth.components)} at {when(row.auth.at)}; {first}", SMALL),
        ("Statement shown", row.statement, SMALL),
        ("Reason", _reason(row.reason), SMALL),
        ("Bound to", f"revision {row.revision}, {row.target}, policy epoch {row.policy_epoch}", SMALL),
        ("Head, tree", f"{row.head}  {row.tree}", MONO),
        ("Policy (effective)", row.policy_sha256, MONO),
        ("Record SHA-256", row.record, MONO),
        ("Audit entry, key", f"{row.index}; {row.key}", SMALL),
        ("Vouched for by", row.vouched_by or "nobody: it is the signer's own key", SMALL),
    ]  # fmt: skip
    return [*rows, *_marks(row)]


def _marks(row: SignatureRow) -> list[tuple[str, str, Style]]:
    """What takes force from a signature, in words."""
    marks = []
    if row.stale:
        words = "It names an earlier revision. For the last one it counts only if an audit entry carried it there."
        marks.append(("Earlier revision", words, MARK))
    if row.withdrawn is not None:
        marks.append(("Withdrawn", f"Taken back by audit entry {row.withdrawn}.", MARK))
    if row.supersedes is not None:
        marks.append(("Takes back", f"audit entry {row.supersedes}", MARK))
    if row.expires_at is not None:
        marks.append(("Expires", when(row.expires_at), SMALL))
    return marks


def _reason(reason: ErasableText | None) -> str:
    if reason is None:
        return "none given"
    return reason.value if reason.value is not None else f"(erased; commitment {reason.commitment})"
