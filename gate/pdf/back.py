"""The last pages: policy texts, the log's proof, what the pack does not prove, how to verify it."""

from __future__ import annotations

from gate.evidence.twin import EvidencePack
from gate.pdf.engine import FULL, Element
from gate.pdf.front import Contents, begin_section, when
from gate.pdf.layout import BODY, BODY_BOLD, MONO, SMALL, Column, Flow
from gate.pdf.scripts import is_shaped

STEPS = (
    "Take verify.py out of the pack, or better from another source, and compare both.",
    (
        "Ask the gate's owner for trust.json over another channel and compare the fingerprint of the seal certificate "
        "(last row of the keys table). The attached trust.json shows the form; it proves nothing."
    ),
    (
        "Run the first command. It answers 0 (all it checked is right), 1 (something is wrong, and it says what) "
        "or 3 (could not check). What it did not check it says in capitals."
    ),
    "If you kept the checkpoint of an earlier pack, add it: only then is it shown that history was not rewritten.",
    "If you have a clone of the repository, add it: the commits of the equation are then counted there.",
)


def draw_policies(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "policies")
    flow.paragraph(
        "Every policy that was in force at some time of the period, word for word, as its activation recorded it."
    )
    for policy in pack.policies:
        flow.heading(f"Epoch {policy.epoch}", element=Element.H2, keep=90)
        rows = [
            ("In force from", when(policy.activated_at), SMALL),
            ("Activated by", policy.by, SMALL),
            ("Audit entry", str(policy.index), SMALL),
        ]
        flow.pairs(rows)
        for file in policy.files:
            flow.space(4)
            rows = [("File", file.name, SMALL), ("Text SHA-256", file.sha256, MONO)]
            if file.effective_sha256:
                rows.append(("Effective SHA-256", file.effective_sha256, MONO))
            flow.pairs(rows)
            flow.space(3)
            flow.paragraph(file.text.rstrip("\n"), MONO, element=Element.CODE, indent=14, after=8)


def draw_log(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "log")
    as_of = pack.as_of
    flow.paragraph(
        "Every fact above is a signed entry of an append-only audit log (a Merkle tree as in RFC 6962). The attached "
        "evidence.json holds each entry this pack rests on, byte for byte, with its proof to the root below."
    )
    flow.pairs(
        [
            ("Origin", pack.gate.origin, SMALL),
            ("Entries", str(as_of.size), SMALL),
            ("Root", as_of.root, MONO),
            ("Entries in this pack", f"{len(pack.entries)}, each with its proof", SMALL),
        ]
    )
    flow.heading("Checkpoint", element=Element.H2)
    flow.paragraph(as_of.checkpoint.rstrip("\n"), MONO, element=Element.CODE, indent=14)
    flow.heading("Continues the previous pack", element=Element.H2)
    if as_of.previous is None:
        flow.paragraph("This is the first pack: there is no earlier one to lead on from.")
    else:
        old = as_of.previous
        flow.paragraph(
            f"Pack {old.id} closed at {old.size} entries. These hashes prove that nothing before was changed."
        )
        flow.pairs([("Root then", old.root, MONO), *(("Proof", item, MONO) for item in as_of.consistency)])
    flow.heading("Keys", element=Element.H2, keep=80)
    flow.paragraph("Named here for reference only. What counts is the trust file you got from somewhere else.")
    keys = pack.keys
    named = [("Log", keys.log), ("Acts", keys.act), ("Verdicts", keys.verdict), ("Seal certificate SHA-256", keys.seal)]
    flow.table(
        [Column("Key", 130), Column("Value", FULL - 130, MONO)], [(name, key) for name, row in named for key in row]
    )


def draw_limits(flow: Flow, contents: Contents, pack: EvidencePack, twin: str) -> None:
    begin_section(flow, contents, "limits")
    flow.bullets(pack.limits)
    if is_shaped(twin):
        flow.paragraph(
            "Some names are in a script whose letters this document draws one by one, without joining them. "
            "Their exact text is in evidence.json.",
            BODY_BOLD,
        )
    flow.paragraph(
        "A character that cannot be drawn or seen is printed as its code, for example ⟨U+202E⟩. "
        "Where this document and evidence.json differ, evidence.json counts."
    )


def draw_verify(flow: Flow, contents: Contents, pack: EvidencePack) -> None:
    begin_section(flow, contents, "verify")
    flow.paragraph(
        "You need this file, and the trust file of the gate. Get the trust file from a person, not from here: "
    )
    flow.bullets(STEPS)
    flow.paragraph("python3 verify.py PACK.pdf --trust trust.json", MONO, element=Element.CODE, indent=14)
    flow.paragraph(
        "python3 verify.py PACK.pdf --trust trust.json --since checkpoint.txt", MONO, element=Element.CODE, indent=14
    )
    flow.paragraph(
        "python3 verify.py PACK.pdf --trust trust.json --git CLONE", MONO, element=Element.CODE, indent=14, after=10
    )
    flow.paragraph("With other programs", BODY_BOLD)
    flow.paragraph("pdfsig PACK.pdf", MONO, element=Element.CODE, indent=14)
    flow.paragraph(
        "must say that the signature is valid and that the total document is signed. It will say that the issuer is "
        "not known: the certificate is the gate's own, which is why its fingerprint must be compared.",
        BODY,
    )
    flow.paragraph("pdfdetach -saveall -o DIRECTORY PACK.pdf", MONO, element=Element.CODE, indent=14)
    flow.paragraph("takes out the attachments, among them evidence.json.", BODY)
    for branch in pack.completeness:
        flow.paragraph(branch.command, MONO, element=Element.CODE, indent=14)
        flow.paragraph(f"must print {branch.first_parent_count} on your clone of {branch.repository}.", BODY)
