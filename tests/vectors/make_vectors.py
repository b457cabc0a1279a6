"""Writes the vectors beside it from fixed keys: ``python -m tests.vectors.make_vectors``. A test compares the bytes.

Every key is Ed25519 with 32 equal secret bytes (``tests.support.logs``); it protects nothing. Each case says with
``wantErr`` whether it must be refused; most must. Texts are exact: a note or envelope is the string's UTF-8 bytes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gate.auditlog.checkpoint import Checkpoint, build_checkpoint
from gate.auditlog.merkle import EMPTY_ROOT, Peaks, build_consistency, build_inclusion, hash_leaf
from gate.auditlog.proof import build_receipt
from gate.auditlog.trust import build_trust_file
from gate.signing.api import public_key_of
from gate.signing.canonical import canonical
from gate.signing.envelope import build_envelope
from gate.signing.note import build_note
from tests.support.logs import ACT, LOG, ORIGIN, STRANGER, VERDICT, fixed_signer, fixed_trust, sample_entries

HERE = Path(__file__).parent
WITNESS = fixed_signer("witness.example", 9)

Case = dict[str, Any]


def write_vectors(folder: Path) -> None:
    """All files, into ``folder``."""
    for name, content in build_vectors().items():
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def build_vectors() -> dict[str, object]:
    """Content by file name."""
    return {
        "trust.json": json.loads(build_trust_file(fixed_trust())),
        "envelopes.json": {"keys": [public_key_of(ACT).vkey, public_key_of(VERDICT).vkey], "cases": [*_envelopes()]},
        "notes.json": {"keys": [public_key_of(LOG).vkey], "cases": [*_notes()]},
        "checkpoints.json": {"origin": ORIGIN, "keys": [public_key_of(LOG).vkey], "cases": [*_checkpoints()]},
        "proofs.json": {"origin": ORIGIN, "keys": [public_key_of(LOG).vkey], "cases": [*_proofs()]},
        "consistency.json": {"cases": [*_consistency()]},
        "verdicts.json": _verdicts(),
    }


def _flip(text: str, at: int) -> str:
    """One bit of the character at ``at``: the letter next to it in the alphabet, still base64."""
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


# Envelopes


def _envelopes() -> Iterator[Case]:
    statement = sample_entries(1)[0].envelope.decode()
    parsed = json.loads(statement)
    plain = build_envelope(b"hello", ACT, payload_type="text/plain").decode()
    both = build_envelope(b"{}", ACT, VERDICT).decode()
    twice = build_envelope(b"{}", ACT, ACT).decode()
    signature = parsed["signatures"][0]

    def case(name: str, envelope: str, *, refused: bool, threshold: int = 1) -> Case:
        return {"name": name, "threshold": threshold, "envelope": envelope, "wantErr": refused}

    def changed(name: str, *, refused: bool = True, **members: Any) -> Case:
        return case(name, json.dumps(parsed | members), refused=refused)

    yield case("an audit entry", statement, refused=False)
    yield case("two keys, two needed", both, refused=False, threshold=2)
    yield changed("spelt with spaces, unknown member", refused=False, more={"a": 1})
    yield changed("keyid of another key is only a hint", refused=False, signatures=[{**signature, "keyid": "x"}])
    yield case("one key twice, two needed", twice, refused=True, threshold=2)
    yield case("one key, two needed", statement, refused=True, threshold=2)
    yield case("another payload type", plain, refused=True)
    yield case("signed by a stranger", build_envelope(b"{}", STRANGER).decode(), refused=True)
    yield case("signed by the log key", build_envelope(b"{}", LOG).decode(), refused=True)
    yield changed("payload changed", payload=_flip(parsed["payload"], 10))
    yield changed("payload replaced", payload=base64.b64encode(b"{}").decode())
    yield changed("payload with white space", payload=parsed["payload"] + "\n")
    yield changed("signature changed", signatures=[{**signature, "sig": _flip(signature["sig"], 10)}])
    yield changed("signature cut", signatures=[{**signature, "sig": signature["sig"][:-4]}])
    yield changed("no signatures", signatures=[])
    yield changed("type relabelled", payloadType="text/plain")
    yield case("member twice", statement.replace("{", '{"payload":"e30=",', 1), refused=True)
    yield case("cut", statement[:-1], refused=True)
    yield case("appended", statement + "{}", refused=True)
    yield case("empty", "", refused=True)


# Notes and checkpoints


def _note_case(name: str, note: bytes | str, *, refused: bool) -> Case:
    return {"name": name, "note": note if isinstance(note, str) else note.decode(), "wantErr": refused}


def _notes() -> Iterator[Case]:
    text = "one line\n\nafter an empty line: é\n"
    good = build_note(text, LOG).decode()
    line = good.splitlines()[-1]
    yield _note_case("one signature", good, refused=False)
    yield _note_case("unknown keys ignored", build_note(text, WITNESS, LOG, STRANGER), refused=False)
    yield _note_case("note in a note", build_note(good, LOG), refused=False)
    yield _note_case("only unknown keys", build_note(text, WITNESS), refused=True)
    yield _note_case("known key, false signature", good + _flip(line, 40) + "\n", refused=True)
    yield _note_case("text changed", good.replace("one", "two"), refused=True)
    yield _note_case("line added to the text", good.replace("\n\n—", "\nmore\n\n—"), refused=True)
    yield _note_case("name changed", good.replace("— gate.example", "— gate.invalid"), refused=True)
    yield _note_case("no newline at the end", good[:-1], refused=True)
    yield _note_case("no empty line", good.replace("\n\n—", "\n—"), refused=True)
    yield _note_case("hyphen for dash", good.replace("—", "-"), refused=True)
    yield _note_case("carriage return", good.replace("one line\n", "one line\r\n"), refused=True)
    yield _note_case("empty", "", refused=True)


def _checkpoints() -> Iterator[Case]:
    root = Peaks().extend(_leaves())[0].root
    head = Checkpoint(origin=ORIGIN, size=20, root=root)
    good = build_checkpoint(head, LOG).decode()
    encoded = head.text.splitlines()[2]

    def signed(name: str, text: str) -> Case:
        return _note_case(name, build_note(text, LOG), refused=True)

    yield _note_case("twenty entries", good, refused=False)
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    yield _note_case("empty log", build_checkpoint(empty, LOG), refused=False)
    yield _note_case("cosigned", build_checkpoint(head, LOG, WITNESS), refused=False)
    yield _note_case("signed by a witness only", build_checkpoint(head, WITNESS), refused=True)
    yield _note_case("signed by the act key", build_checkpoint(head, ACT), refused=True)
    yield _note_case("size changed", good.replace("\n20\n", "\n21\n"), refused=True)
    yield _note_case("root changed", good.replace(encoded, _flip(encoded, 5)), refused=True)
    yield signed("other origin", f"other.example\n20\n{encoded}\n")
    yield signed("leading zero", f"{ORIGIN}\n020\n{encoded}\n")
    yield signed("negative size", f"{ORIGIN}\n-1\n{encoded}\n")
    yield signed("size too large", f"{ORIGIN}\n9223372036854775808\n{encoded}\n")
    yield signed("extension line", f"{ORIGIN}\n20\n{encoded}\nextra\n")
    yield signed("short root", f"{ORIGIN}\n20\nAAAA\n")
    yield signed("empty log with another root", f"{ORIGIN}\n0\n{encoded}\n")
    yield signed("no root", f"{ORIGIN}\n20\n")


# Proofs


def _leaves() -> list[bytes]:
    return [hash_leaf(b"entry %d" % index) for index in range(20)]


def _read_node(height: int, index: int) -> bytes:
    return Peaks().extend(_leaves()[index << height : (index + 1) << height])[0].root


def _proofs() -> Iterator[Case]:
    leaves = _leaves()
    note = build_checkpoint(Checkpoint(origin=ORIGIN, size=20, root=Peaks().extend(leaves)[0].root), LOG)
    receipts = [build_receipt(index, build_inclusion(_read_node, index, 20), note).decode() for index in range(20)]
    good, lines = receipts[7], receipts[7].split("\n")

    def case(name: str, proof: str, *, refused: bool = True, index: int = 7) -> Case:
        return {"name": name, "leaf": leaves[index].hex(), "proof": proof, "wantErr": refused}

    for index in (0, 7, 15, 16, 19):
        yield case(f"entry {index} of 20", receipts[index], refused=False, index=index)
    yield case("extra line", good.replace("index 7", "extra aGk=\nindex 7"), refused=False)
    yield case("another entry", good, index=8)
    yield case("another index", good.replace("index 7", "index 6"))
    yield case("index beyond the tree", good.replace("index 7", "index 20"))
    yield case("index with leading zero", good.replace("index 7", "index 07"))
    yield case("hash changed", good.replace(lines[3], _flip(lines[3], 9)))
    yield case("hash left out", good.replace(lines[2] + "\n", ""))
    yield case("hash twice", good.replace(lines[2], lines[2] + "\n" + lines[2]))
    yield case("hashes swapped", good.replace(f"{lines[2]}\n{lines[3]}", f"{lines[3]}\n{lines[2]}"))
    yield case("short hash", good.replace(lines[2], "AAAA"))
    yield case("checkpoint of a stranger", good.replace(note.decode(), _stranger_note(note)))
    yield case("checkpoint of another size", good.replace("\n20\n", "\n19\n"))
    yield case("no checkpoint", good.split("\n\n")[0] + "\n\n")
    yield case("other version", good.replace("@v1", "@v2"))
    yield case("appended", good + "more")


def _stranger_note(note: bytes) -> str:
    return build_note(note.decode().split("\n\n")[0] + "\n", fixed_signer(ORIGIN, 4)).decode()


def _consistency() -> Iterator[Case]:
    roots = [Peaks().extend(_leaves()[:size])[0].root.hex() for size in range(21)]

    def case(name: str, old: int, new: int, proof: list[str], *, refused: bool = True, root: str = "") -> Case:
        members = {"name": name, "old": old, "oldRoot": root or roots[old], "new": new, "newRoot": roots[new]}
        return {**members, "proof": proof, "wantErr": refused}

    for old, new in ((1, 2), (3, 7), (8, 20), (13, 20), (20, 20)):
        proof = [item.hex() for item in build_consistency(_read_node, old, new)]
        yield case(f"{old} to {new}", old, new, proof, refused=False)
        yield case(f"{old} to {new}, hash appended", old, new, [*proof, "00" * 32])
        yield case(f"{old} to {new}, other old root", old, new, proof, root="00" * 32)
        if proof:
            yield case(f"{old} to {new}, last hash left out", old, new, proof[:-1])
            yield case(f"{old} to {new}, short hash", old, new, ["00", *proof[1:]])
    yield case("from nothing", 0, 5, [])
    yield case("backwards", 7, 3, [item.hex() for item in build_consistency(_read_node, 3, 7)])


# Verdicts

HEAD, TREE, BASE = "1" * 40, "2" * 40, "3" * 40
TARGET = "refs/heads/main"
NOT_BEFORE, NOT_AFTER = "2026-11-22T16:00:00.000000Z", "2026-11-22T16:10:00.000000Z"
NOW = "2026-11-22T16:05:00.000000Z"
VERDICT_TYPE = "urn:contribution-gate:verdict:v1"


def build_verdict_statement(**changes: Any) -> dict[str, Any]:
    """The statement of a verdict; ``changes`` to the members of our own part, and ``result`` and ``origin``."""
    result, origin = changes.pop("result", "PASSED"), changes.pop("origin", ORIGIN)
    own = {
        "answer": "approved",
        "mode": "enforce",
        "repository": "ledger-core",
        "number": 12,
        "revision": 2,
        "head": HEAD,
        "tree": TREE,
        "targetRef": TARGET,
        "mergeBase": BASE,
        "decisionIndex": 41,
        "treeSize": 42,
        "notBefore": NOT_BEFORE,
        "notAfter": NOT_AFTER,
    } | changes
    name = f"git+gate:repository/{own['repository']}"
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": name,
                "digest": {"gitCommit": own["head"], "gitTree": own["tree"]},
                "annotations": {"sourceRefs": [own["targetRef"]]},
            }
        ],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": origin},
            "timeVerified": own["notBefore"],
            "resourceUri": f"{name}@{own['targetRef']}",
            "policy": {"uri": "gate:policy-epoch/3", "digest": {"sha256": "4" * 64}},
            "inputAttestations": [{"uri": "gate:log/40", "digest": {"sha256": "5" * 64}}],
            "verificationResult": result,
            "verifiedLevels": ["ORG_SOURCE_CONTRIBUTION_GATE"],
            VERDICT_TYPE: own,
        },
    }


def _verdicts() -> dict[str, object]:
    return {
        "origin": ORIGIN,
        "repository": "ledger-core",
        "target": TARGET,
        "head": HEAD,
        "keys": [public_key_of(VERDICT).vkey],
        "cases": [*_verdict_cases()],
    }


def _verdict_cases() -> Iterator[Case]:
    good = build_envelope(canonical(build_verdict_statement()), VERDICT).decode()
    parsed = json.loads(good)

    def case(name: str, envelope: str, *, refused: bool = True, now: str = NOW) -> Case:
        return {"name": name, "now": now, "envelope": envelope, "wantErr": refused}

    def signed(name: str, *, signer: Any = VERDICT, refused: bool = True, **changes: Any) -> Case:
        raw = build_envelope(canonical(build_verdict_statement(**changes)), signer)
        return case(name, raw.decode(), refused=refused)

    yield case("valid", good, refused=False)
    yield case("first instant of its life", good, refused=False, now=NOT_BEFORE)
    yield signed("overridden", refused=False, answer="overridden")
    yield case("flipped bit in the payload", json.dumps(parsed | {"payload": _flip(parsed["payload"], 60)}))
    signature = parsed["signatures"][0]
    flipped = signature | {"sig": _flip(signature["sig"], 20)}
    yield case("flipped bit in the signature", json.dumps(parsed | {"signatures": [flipped]}))
    yield case("expired: the end is exclusive", good, now=NOT_AFTER)
    yield case("long expired", good, now="2027-01-01T00:00:00.000000Z")
    yield case("not yet valid", good, now="2026-11-22T15:59:59.000000Z")
    yield signed("wrong key: a stranger's of the same name", signer=fixed_signer(VERDICT.name, 4))
    yield signed("wrong key: the act key", signer=ACT)
    yield signed("other repository", repository="payments")
    yield signed("other target", targetRef="refs/heads/release")
    yield signed("other head", head="9" * 40)
    yield signed("other gate", origin="other.example")
    yield signed("FAILED", result="FAILED", answer="rejected")
    yield signed("FAILED that says approved", result="FAILED")
    yield signed("PASSED that says pending", answer="pending")
    crossed = build_verdict_statement()
    crossed["subject"][0]["digest"]["gitCommit"] = "9" * 40
    yield case("subject and verdict differ", build_envelope(canonical(crossed), VERDICT).decode())
    entry = sample_entries(1)[0].envelope.decode()
    yield case("an audit entry", entry)
    payload = base64.b64decode(json.loads(entry)["payload"])
    yield case("an audit statement signed as a verdict", build_envelope(payload, VERDICT).decode())
    yield case("empty", "")


if __name__ == "__main__":
    write_vectors(HERE)
