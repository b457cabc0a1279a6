"""The first pages: cover, summary with contents, completeness, deviations, register."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gate.domain.words import count_words
from gate.evidence.limits import find_demo_notice
from gate.evidence.twin import BranchCompleteness, ContributionSheet, EvidencePack
from gate.pdf.engine import (
    ACCENT,
    BAD,
    BOTTOM,
    CAUTION,
    FULL,
    GOOD,
    HAIR,
    HEIGHT,
    LEFT,
    PALE,
    RIGHT,
    WIDTH,
    Element,
    Page,
    Paper,
    Style,
    measure,
)  # fmt: skip
from gate.pdf.layout import (
    BODY,
    BODY_BOLD,
    FINE,
    LABEL,
    MONO,
    SMALL_BOLD,
    TITLE,
    Column,
    Flow,
    wrap,
)  # fmt: skip

WHITE = Style("bold", 11, 14, PALE)
NOTICE = Style("bold", 10, 14, PALE)
ORGANISATION = Style("bold", 14, 19)
HOLDS, HOLDS_NOT = Style("bold", 10, 14, GOOD), Style("bold", 10, 14, BAD)
FIGURE = Style("bold", 17, 22, ACCENT)


def when(instant: str) -> str:
    """An instant as it is printed: to the second, zone named. The twin has the microseconds."""
    return f"{instant[:10]} {instant[11:19]} UTC"


def sheet_key(repository: str, number: int) -> str:
    return f"sheet-{repository}-{number}"


@dataclass(slots=True)
class Contents:
    """The contents list: drawn as titles first, page numbers once they are known."""

    rows: list[tuple[Page, float, str]] = field(default_factory=list)
    pages: dict[str, int] = field(default_factory=dict)

    def fill(self, paper: Paper) -> None:
        last = paper.page
        for page, y, key in self.rows:
            paper.page = page
            shown = str(self.pages[key])
            paper.text(RIGHT - 4 - measure(shown, BODY), y, shown, BODY, Element.LINK)
        paper.page = last


SECTIONS = (
    ("summary", "Summary"),
    ("completeness", "Scope and completeness"),
    ("deviations", "Deviations"),
    ("register", "Register of contributions"),
    ("sheets", "Contributions and their signatures"),
    ("policies", "Policies in force"),
    ("log", "Audit log and proofs"),
    ("limits", "What this pack does not prove"),
    ("verify", "How to verify this pack"),
)


def begin_section(flow: Flow, contents: Contents, key: str) -> None:
    """A section starts on its own page, with bookmark and contents line."""
    title = dict(SECTIONS)[key]
    flow.start_page()
    contents.pages[key] = flow.paper.anchor(key, title=title)
    flow.heading(title)


def draw_cover(paper: Paper, pack: EvidencePack, digest: str) -> None:
    paper.anchor("cover", title="Cover")
    paper.fill(0, HEIGHT - 96, WIDTH, 96, ACCENT, Element.ARTIFACT)
    paper.text(LEFT, HEIGHT - 58, "Contribution Gate", WHITE, Element.P)
    if (notice := find_demo_notice(pack.limits)) is not None:
        _draw_notice(paper, notice)
    flow = Flow(paper, "")
    flow.y = HEIGHT - 150
    flow.paragraph("Evidence pack", TITLE, element=Element.H1)
    flow.paragraph(pack.organisation, ORGANISATION, after=18)
    scope = pack.scope
    flow.pairs(
        [
            ("Repositories", ", ".join(f"{row.name} ({row.id})" for row in scope.repositories), BODY),
            ("Period", f"{when(scope.period_from)}  up to, not including,  {when(scope.period_to)}", BODY),
            ("Asked for by", f"{scope.asked_by.name} ({scope.asked_by.login or scope.asked_by.id})", BODY),
            ("Reason given", scope.reason, BODY),
            ("Made at", when(scope.made_at), BODY),
            ("Pack", pack.pack, BODY),
            ("Gate", f"{pack.gate.origin}, {pack.gate.software}", BODY),
        ]
    )
    flow.space(14)
    _draw_verdict_box(flow, pack)
    flow.space(14)
    previous = pack.as_of.previous
    flow.pairs(
        [
            ("As of audit log", f"{pack.as_of.size} entries, root", BODY),
            ("", pack.as_of.root, MONO),
            ("Previous pack", f"{previous.id}, at {previous.size} entries" if previous else "none", BODY),
            ("", previous.sha256 if previous else "", MONO),
            ("Machine-readable", "evidence.json (attached). This document is drawn from it. SHA-256", BODY),
            ("", digest, MONO),
        ]
    )
    words = (
        "The seal on this file is the organisation's, made by the gate. It is nobody's signature: people's signatures "
        "are listed one by one in this document, each with its meaning. Confidential: holds names of persons."
    )
    flow.y = BOTTOM + 60
    flow.paragraph(words, FINE)


def _draw_notice(paper: Paper, notice: str) -> None:
    """A band under the head of the cover, as pages have one. Words first: the colour only repeats them."""
    lines = wrap(notice, NOTICE, FULL)
    height = len(lines) * NOTICE.leading + 10
    paper.fill(0, HEIGHT - 96 - height, WIDTH, height, BAD, Element.ARTIFACT)
    for place, line in enumerate(lines):
        paper.text(LEFT, HEIGHT - 96 - 5 - NOTICE.size - place * NOTICE.leading, line, NOTICE, Element.P)


def _draw_verdict_box(flow: Flow, pack: EvidencePack) -> None:
    """In plain sight: how many deviations, and whether the equation holds."""
    count, unexplained = len(pack.deviations), sum(row.counts.unexplained for row in pack.completeness)
    holds = all(row.holds for row in pack.completeness)
    top = flow.y
    flow.paper.fill(LEFT, top - 58, FULL, 58, PALE, Element.ARTIFACT)
    colour = BAD if unexplained or not holds else CAUTION if count else GOOD
    flow.paper.fill(LEFT, top - 58, 4, 58, colour, Element.ARTIFACT)
    third = FULL / 3
    figures = (
        (str(len(pack.contributions)), "contributions in the period"),
        (str(count), "deviations, each listed"),
        (str(unexplained), "unexplained commits" if holds else "unexplained; equation does NOT hold"),
    )
    for place, (figure, words) in enumerate(figures):
        x = LEFT + 18 + place * third
        flow.paper.text(x, top - 28, figure, FIGURE, Element.P)
        flow.paper.text(x, top - 44, words, LABEL, Element.P)
    flow.y -= 58


def draw_summary(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "summary")
    states = Counter(sheet.state for sheet in pack.contributions)
    answers = Counter(sheet.decision.answer if sheet.decision else "no decision" for sheet in pack.contributions)
    signatures = [row for sheet in pack.contributions for row in sheet.signatures]
    results = Counter(row.result for row in signatures)
    flow.table(
        [Column("What", 330), Column("Count", FULL - 330)],
        [
            ("Contributions touched in the period", str(len(pack.contributions))),
            *((f"      of them {state}", str(states[state])) for state in sorted(states)),
            *((f"      decision at the end of the period: {name}", str(answers[name])) for name in sorted(answers)),
            ("Contributions nothing happened to in the period", str(len(pack.untouched))),
            ("Signatures", str(len(signatures))),
            *((f"      {name.lower()}", str(results[name])) for name in ("APPROVED", "REJECTED", "WITHDRAWN")),
            ("Different signers", str(len({row.person for row in signatures}))),
            ("First-parent commits on protected branches", str(sum(r.first_parent_count for r in pack.completeness))),
            ("Deviations", str(len(pack.deviations))),
            ("Policy versions in force in the period", str(len(pack.policies))),
            ("Audit entries this pack rests on", f"{len(pack.entries)} of {pack.as_of.size}"),
        ],
    )
    flow.heading("Contents", element=Element.H2)
    for key, title in SECTIONS:
        flow.need(BODY.leading)
        y = flow.y - BODY.size
        flow.paper.text(LEFT + 3, y, title, BODY, Element.LINK)
        flow.paper.link(LEFT, y - 3, FULL, BODY.leading, key, title)
        contents.rows.append((flow.paper.page, y, key))
        flow.y -= BODY.leading
        flow.paper.rule(LEFT, flow.y + 0.5, FULL, HAIR, Element.ARTIFACT, 0.3)


def draw_completeness(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "completeness")
    flow.paragraph(
        "For every protected branch the first-parent commits of the period are counted by git and sorted into classes "
        "by the audit log. Both numbers must be the same. Run the command on a clone of your own: the number you get "
        "must be the one printed here."
    )
    for branch in pack.completeness:
        _draw_branch(flow, branch)
    numbers = [*(s.number for s in pack.contributions), *(r.number for r in pack.untouched)]
    flow.heading("Numbers without a gap", element=Element.H2)
    flow.paragraph(
        f"Contributions are numbered from 1 without a gap in each repository: "
        f"{count_words(len(numbers), 'number')}, each with a "
        "sheet below or, if nothing happened to it in the period, a row in the register. Each contribution's entries "
        "are numbered from 1 without a gap as well."
    )


def _draw_branch(flow: Flow, branch: BranchCompleteness) -> None:
    flow.heading(f"{branch.repository}   {branch.branch}", element=Element.H2, keep=150)
    flow.pairs([("Command", branch.command, MONO)])
    counts = branch.counts
    rows = [
        ("approved", counts.approved),
        ("overridden (break-glass, review owed)", counts.overridden),
        ("out of scope, by rule", counts.out_of_scope),
        ("trusted robots", counts.robots),
        ("observed only (nothing was blocked in this mode)", counts.observed),
        ("unexplained", counts.unexplained),
    ]
    flow.table([Column("Class", 330), Column("Commits", FULL - 330)], [(name, str(value)) for name, value in rows])
    sign = "=" if branch.holds else "≠"
    terms = " + ".join(str(value) for _, value in rows)
    flow.paragraph(
        f"git counts {branch.first_parent_count}  {sign}  {terms}  =  {counts.total}",
        HOLDS if branch.holds else HOLDS_NOT,
    )
    if branch.rewritten:
        words = (
            "History was rewritten or moved back: commits that had landed are no longer on the branch. Git does not "
            "count them any more; the record keeps them."
        )
        flow.paragraph(words, BODY_BOLD)
    if branch.landings:
        columns = [Column("Landed at", 100), Column("Class", 66), Column("How", 64), Column("No", 34),
                   Column("Commits (first parent)", 184, MONO), Column("Entry", FULL - 448)]  # fmt: skip
        flow.table(
            columns,
            [
                (when(row.at), row.outcome, row.kind, f"#{row.number}" if row.number else "–",
                 "\n".join(row.commits), str(row.index))
                for row in branch.landings
            ],
        )  # fmt: skip


def draw_deviations(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "deviations")
    flow.paragraph(
        "The closed list of what auditors call exceptions, each class with its count. “Not looked for” means that a "
        "zero would say nothing; it is printed as a dash."
    )
    flow.table(
        [Column("Class", 236), Column("Count", 40, SMALL_BOLD), Column("How it is looked for", FULL - 276)],
        [
            (row.title, str(row.count), row.how) if row.looked_for else (row.title, "–", f"Not looked for: {row.how}.")
            for row in pack.deviation_classes
        ],
    )  # fmt: skip
    flow.heading("Each deviation", element=Element.H2)
    titles = {row.id: row.title for row in pack.deviation_classes}
    sheets = {(sheet.repository, sheet.number) for sheet in pack.contributions}
    keys = {
        str(place): sheet_key(item.repository or "", item.number or 0)
        for place, item in enumerate(pack.deviations, 1)
        if (item.repository, item.number) in sheets
    }
    if not pack.deviations:
        flow.paragraph("None.")
        return
    flow.table(
        [Column("No", 26), Column("Class", 150), Column("What", FULL - 226), Column("Entry", 50)],
        [
            (str(place), titles[item.id], item.sentence, "–" if item.index is None else str(item.index))
            for place, item in enumerate(pack.deviations, 1)
        ],
        target=lambda row: keys.get(row[0]),
    )


def draw_register(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "register")
    flow.paragraph("Every contribution, whatever became of it. The sheet of each touched one follows.")
    columns = [Column("Contribution", 86), Column("Title", 186), Column("State", 46), Column("Decision", 60),
               Column("Signatures", 52), Column("Opened", FULL - 430)]  # fmt: skip
    rows = [(s.repository, s.number, _register_row(s)) for s in pack.contributions]
    rows += [
        (r.repository, r.number, (f"{r.repository}#{r.number}", "(nothing in the period)", r.state, "–", "–", "–"))
        for r in pack.untouched
    ]
    keys = {f"{s.repository}#{s.number}": sheet_key(s.repository, s.number) for s in pack.contributions}
    flow.table(columns, [row for _, _, row in sorted(rows)], target=lambda row: keys.get(row[0]))


def _register_row(sheet: ContributionSheet) -> tuple[str, ...]:
    approvals = sum(row.result == "APPROVED" and not row.stale and row.withdrawn is None for row in sheet.signatures)
    return (
        f"{sheet.repository}#{sheet.number}",
        title_of(sheet),
        sheet.state,
        sheet.decision.answer if sheet.decision else "none",
        str(approvals),
        when(sheet.opened_at),
    )


def title_of(sheet: ContributionSheet) -> str:
    if sheet.title is None:
        return "(no title)"
    return sheet.title.value if sheet.title.value is not None else "(title erased)"
