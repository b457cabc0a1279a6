#!/usr/bin/env python3
"""Verify an evidence pack offline: one file, standard library and ``cryptography`` (or the ``openssl`` program).

    python3 verify.py PACK.pdf --trust trust.json [--since checkpoint.txt] [--git [ID=]CLONE]... [--json]

Answers 0: everything it checked is right; 1: something is false, each thing named; 3: could not
check; 2: wrong usage. What was not checked is printed in capitals. This is deliberately a second
implementation: it imports nothing of the gate and follows docs/evidence-packs.md, RFC 5652 (CMS),
ISO 32000-1 §12.8, DSSE 1.0.2, C2SP signed-note and tlog-checkpoint, and RFC 9162 §2.1 (proofs).

Steps: 1. the seal covers every byte of the file and is made by the pinned certificate; 2. the twin
is taken out; 3. the checkpoint is signed by the pinned log key; 4. every entry is signed by a
pinned act key and is in the log; 5. the log goes on from the earlier checkpoint; 6. what the
sheets, policies, landings and deviations say is what the entries say, and nothing is missing;
7. git counts the same. A failure in 1 to 3 ends the check: nothing after it would mean anything.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

MAX_TWIN = 1 << 30
PREFIX, SUFFIX = "urn:contribution-gate:", ":v1"
DEVIATIONS = (
    "unexplained_commit", "override", "observed_landing", "history_rewritten", "equation", "bootstrap_policy",
    "self_approval", "signed_after_landing", "order_not_proven", "stale_at_landing", "refused_signature",
    "unattributed", "missing_change_request", "policy_lowered", "role_lost_after_signing", "key_revoked",
    "control_lapse", "clock_offset",
)  # fmt: skip
OUTCOMES = {
    "approved": "approved", "overridden": "overridden", "out_of_scope": "out_of_scope", "robot": "robots",
    "observed": "observed", "unexplained": "unexplained",
}  # fmt: skip


class Wrong(Exception):  # noqa: N818 -- it is a finding
    """Checked and false. ``where`` names the thing."""

    def __init__(self, where: str, sentence: str) -> None:
        super().__init__(f"{where}: {sentence}")
        self.where, self.sentence = where, sentence


class CannotCheck(Exception):  # noqa: N818
    """Something needed for checking is not there or cannot be read."""


class Report:
    """What was found: false things, things checked, things not checked, things that could not be."""

    def __init__(self) -> None:
        self.wrong: List[Tuple[str, str]] = []
        self.checked: List[str] = []
        self.not_checked: List[str] = []
        self.cannot: List[str] = []
        self.facts: List[str] = []

    def say_wrong(self, where: str, sentence: str) -> None:
        if (where, sentence) not in self.wrong:
            self.wrong.append((where, sentence))

    def say_checked(self, before: int, sentence: str) -> None:
        """``sentence`` holds if nothing wrong was found since there were ``before`` wrong things."""
        if len(self.wrong) == before:
            self.checked.append(sentence)

    @property
    def exit_code(self) -> int:
        return 1 if self.wrong else 3 if self.cannot else 0


# ---------------------------------------------------------------- signatures


class Crypto:
    """Ed25519 and ECDSA P-256 by ``cryptography``, or by the openssl program where that is not installed."""

    def __init__(self, *, force_openssl: bool = False) -> None:
        self.openssl: Optional[str] = None
        try:
            if force_openssl:
                raise ImportError
            import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401
        except ImportError:
            self.openssl = shutil.which("openssl")
            if self.openssl is None:
                raise CannotCheck(
                    "neither the Python package “cryptography” nor the program “openssl” is installed"
                ) from None

    def ed25519(self, public: bytes, signature: bytes, message: bytes) -> bool:
        if len(public) != 32 or len(signature) != 64:
            return False
        if self.openssl:
            spki = bytes.fromhex("302a300506032b6570032100") + public
            return self._run_openssl(spki, signature, message, ["pkeyutl", "-verify", "-rawin", "-pubin"], "-in")
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def ecdsa(self, spki: bytes, signature: bytes, message: bytes) -> bool:
        if self.openssl:
            return self._run_openssl(spki, signature, message, ["dgst", "-sha256"], None)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            key = load_der_public_key(spki)
            if not isinstance(key, EllipticCurvePublicKey):
                return False
            key.verify(signature, message, ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True

    def _run_openssl(
        self, spki: bytes, signature: bytes, message: bytes, command: List[str], flag: Optional[str]
    ) -> bool:
        text = base64.encodebytes(spki).decode()
        with tempfile.TemporaryDirectory() as room:
            paths = {name: os.path.join(room, name) for name in ("key", "sig", "data")}
            for name, data in (
                ("key", f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n".encode()),
                ("sig", signature),
                ("data", message),
            ):
                with open(paths[name], "wb") as file:
                    file.write(data)
            if flag is None:
                extra = ["-verify", paths["key"], "-signature", paths["sig"], paths["data"]]
            else:
                extra = ["-inkey", paths["key"], "-sigfile", paths["sig"], flag, paths["data"]]
            done = subprocess.run(
                [self.openssl or "openssl", *command, *extra],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
        return done.returncode == 0


# ---------------------------------------------------------------- DER and the seal


def der(tag: int, *parts: bytes) -> bytes:
    """One DER value around its parts."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def read_der(data: bytes, at: int, tag: Optional[int] = None) -> Tuple[bytes, int, int]:
    """(whole value, start of its content, end). Raises ``ValueError`` unless in the one DER form."""
    if at + 2 > len(data) or (tag is not None and data[at] != tag) or data[at] & 0x1F == 0x1F:
        raise ValueError("DER: unexpected tag or end")
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or start + size > len(data):
            raise ValueError("DER: bad length")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    end = start + length
    if end > len(data) or der(data[at], data[start:end]) != data[at:end]:
        raise ValueError("DER: not in canonical form")
    return data[at:end], start, end


def children(value: bytes) -> List[bytes]:
    """The values inside a constructed one."""
    _, at, end = read_der(value, 0)
    if end != len(value):
        raise ValueError("DER: bytes after the end")
    found = []
    while at < end:
        item, _, at = read_der(value[:end], at)
        found.append(item)
    return found


def content(value: bytes) -> bytes:
    return value[read_der(value, 0)[1] :]


SHA256 = der(0x30, bytes.fromhex("0609608648016503040201"), b"\x05\x00")
SHA256_BARE = der(0x30, bytes.fromhex("0609608648016503040201"))
ECDSA_SHA256 = der(0x30, bytes.fromhex("06082a8648ce3d040302"))
DATA = bytes.fromhex("06092a864886f70d010701")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_TIME = bytes.fromhex("06092a864886f70d010905")
SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")
ALGORITHM_PROTECTION = bytes.fromhex("06092a864886f70d010934")


class Certificate:
    """What is needed of an X.509 certificate: its bytes, issuer, serial number and public key."""

    def __init__(self, data: bytes) -> None:
        fields = children(children(data)[0])
        if fields and fields[0][0] == 0xA0:
            fields = fields[1:]
        self.der, self.serial, self.issuer, self.spki = data, fields[0], fields[2], fields[5]


def parse_certificate(text: str) -> Certificate:
    body = re.fullmatch(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", text)
    if body is None:
        raise ValueError("not one PEM certificate")
    return Certificate(base64.b64decode("".join(body.group(1).split()), validate=True))


def verify_seal(pdf: bytes, certificates: Sequence[Certificate], crypto: Crypto) -> None:
    """Every byte of the file is signed or is one the signature could only have in this form."""
    begin, end = _find_hole(pdf)
    digits = pdf[begin + 1 : end - 1]
    if pdf[begin : begin + 1] != b"<" or pdf[end - 1 : end] != b">" or not re.fullmatch(b"[0-9a-f]*", digits):
        raise Wrong("seal", "the place of the signature holds something else than lower-case hexadecimal digits")
    if len(digits) % 2:
        raise Wrong("seal", "the signature has half a byte")
    blob = bytes.fromhex(digits.decode())
    try:
        cms, _, used = read_der(blob, 0, 0x30)
    except ValueError as error:
        raise Wrong("seal", f"the signature cannot be read ({error})") from error
    if any(blob[used:]):
        raise Wrong("seal", "there is something behind the signature")
    digest = hashlib.sha256(pdf[:begin] + pdf[end:]).digest()
    _verify_cms(cms, digest, certificates, crypto)


def _find_hole(pdf: bytes) -> Tuple[int, int]:
    """Start and end of the unsigned part: the value of /Contents, and nothing else, up to the last byte."""
    found = list(re.finditer(rb"/ByteRange \[([0-9 ]{1,60})\]\n/Contents (?=<)", pdf))
    if len(found) != 1 or pdf.count(b"/ByteRange") != 1:
        raise Wrong("seal", "the file has no seal, or more than one")
    numbers = [int(part) for part in found[0].group(1).split()]
    if len(numbers) != 4:
        raise Wrong("seal", "the byte range is malformed")
    start, first, second, rest = numbers
    if start != 0 or first != found[0].end() or second <= first + 1:
        raise Wrong("seal", "the byte range does not leave out the signature alone")
    if second + rest != len(pdf):
        more = len(pdf) - second - rest
        what = f"{more} bytes were appended after sealing" if more > 0 else f"{-more} bytes at the end are missing"
        raise Wrong("seal", what)
    return first, second


def _verify_cms(cms: bytes, digest: bytes, certificates: Sequence[Certificate], crypto: Crypto) -> None:
    """Take out what is free (attributes, signature), build the rest anew, and compare byte by byte."""
    try:
        signed = children(children(children(cms)[1])[0])
        embedded, signer = content(signed[3]), children(children(signed[4])[0])
        attributes, signature = signer[3], content(signer[5])
        named = _read_attributes(attributes)
    except (ValueError, IndexError) as error:
        raise Wrong("seal", f"the signature is not of the one form it must have ({error})") from error
    certificate = next((item for item in certificates if item.der == embedded), None)
    if certificate is None:
        raise Wrong("seal", "it is not made by a seal certificate of the trust file")
    expected = [_build_cms(certificate, attributes, signature, algorithm) for algorithm in (SHA256, SHA256_BARE)]
    if cms not in expected:
        raise Wrong("seal", "the signature holds something it should not")
    if named.get(CONTENT_TYPE) != DATA or named.get(MESSAGE_DIGEST) != der(0x04, digest):
        raise Wrong("seal", "the file was changed after it was sealed")
    if hashlib.sha256(certificate.der).digest() not in named.get(SIGNING_CERTIFICATE, b""):
        raise Wrong("seal", "the signature does not name its certificate")
    if not crypto.ecdsa(certificate.spki, signature, b"\x31" + attributes[1:]):
        raise Wrong("seal", "the signature does not verify")


def _read_attributes(attributes: bytes) -> Dict[bytes, bytes]:
    """Signed attributes by object identifier; each once, with one value, in DER order, none unknown."""
    found: Dict[bytes, bytes] = {}
    items = children(b"\x31" + attributes[1:])
    if items != sorted(items) or attributes[0] != 0xA0:
        raise ValueError("attributes out of order")
    known = (CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE, ALGORITHM_PROTECTION)
    for item in items:
        name, values = children(item)
        (value,) = children(values)
        if name in found or name not in known:
            raise ValueError("unknown or repeated attribute")
        found[name] = value
    return found


def _build_cms(certificate: Certificate, attributes: bytes, signature: bytes, algorithm: bytes) -> bytes:
    one = der(0x02, b"\x01")
    signer = der(
        0x30, one, der(0x30, certificate.issuer, certificate.serial), algorithm, attributes, ECDSA_SHA256,
        der(0x04, signature),
    )  # fmt: skip
    signed = der(
        0x30, one, der(0x31, algorithm), der(0x30, DATA), der(0xA0, certificate.der), der(0x31, signer)
    )  # fmt: skip
    return der(0x30, SIGNED_DATA, der(0xA0, signed))


# ---------------------------------------------------------------- the twin inside the PDF


class Ref(int):
    """A reference to an indirect object."""


class PdfReader:
    """As much of PDF as it takes to find an attachment the way a viewer does: one table, one revision."""

    TOKEN = re.compile(
        rb"[\x00\t\n\f\r ]*(?:%[^\r\n]*[\x00\t\n\f\r ]*)*"
        rb"(<<|>>|\[|\]|/[^\x00\t\n\f\r ()<>\[\]{}/%]*|\((?:[^()\\]|\\.|\\\r\n)*\)|<[0-9A-Fa-f\s]*>"
        rb"|\d+ \d+ R(?![A-Za-z0-9])|[+-]?[\d.]+|true|false|null|stream)",
        re.DOTALL,
    )

    def __init__(self, data: bytes) -> None:
        self.data = data
        end = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", data[-64:])
        if end is None or data.count(b"startxref") != 1:
            raise ValueError("not one revision")
        head = re.compile(rb"xref\s+0 (\d+)\s*\n").match(data, int(end.group(1)))
        if head is None:
            raise ValueError("no cross-reference table")
        rows = [data[head.end() + 20 * row :][:20] for row in range(int(head.group(1)))]
        self.offsets = {number: int(row[:10]) for number, row in enumerate(rows) if row[17:18] == b"n"}
        trailer = re.compile(rb"\s*trailer").match(data, head.end() + 20 * len(rows))
        if trailer is None:
            raise ValueError("no trailer")
        self.trailer = self._dictionary(self.parse(trailer.end())[0])

    def parse(self, at: int, depth: int = 0) -> Tuple[Any, int]:
        match = self.TOKEN.match(self.data, at)
        if match is None or depth > 50:
            raise ValueError(f"cannot read the object at byte {at}")
        token, at = match.group(1), match.end()
        if token in (b"<<", b"["):
            items, closing = [], b">>" if token == b"<<" else b"]"
            while True:
                ahead = self.TOKEN.match(self.data, at)
                if ahead is not None and ahead.group(1) == closing:
                    at = ahead.end()
                    break
                value, at = self.parse(at, depth + 1)
                items.append(value)
            return (dict(zip(items[::2], items[1::2])) if token == b"<<" else items), at
        if token.endswith(b" R"):
            return Ref(int(token.split()[0])), at
        return token, at

    def get(self, value: Any) -> Any:
        """Follow a reference."""
        if not isinstance(value, Ref):
            return value
        head = re.compile(rb"\s*%d 0 obj\b" % int(value)).match(self.data, self.offsets[int(value)])
        if head is None:
            raise ValueError(f"object {int(value)} is not where the table says")
        return self.parse(head.end())[0]

    @staticmethod
    def _dictionary(value: Any) -> Dict[bytes, Any]:
        if not isinstance(value, dict):
            raise ValueError("expected a dictionary")
        return value

    def walk(self, start: Dict[bytes, Any], *names: bytes) -> Any:
        value: Any = start
        for name in names:
            value = self.get(self._dictionary(self.get(value))[name])
        return value

    def stream(self, reference: Any) -> bytes:
        head = re.compile(rb"\s*%d 0 obj\b" % int(reference)).match(self.data, self.offsets[int(reference)])
        if head is None:
            raise ValueError("stream is not where the table says")
        info, at = self.parse(head.end())
        start = re.compile(rb"\s*stream\r?\n").match(self.data, at)
        if start is None or self.get(info[b"/Filter"]) not in ([b"/FlateDecode"], b"/FlateDecode"):
            raise ValueError("an attachment is not a deflated stream")
        packed = self.data[start.end() : start.end() + int(self.get(info[b"/Length"]))]
        inflate = zlib.decompressobj()
        data = inflate.decompress(packed, MAX_TWIN)
        if not inflate.eof or inflate.unused_data:
            raise ValueError("an attachment is cut off, has bytes after its end, or is too large")
        return data

    def attachments(self) -> Dict[bytes, bytes]:
        names = self.walk(self.trailer, b"/Root", b"/Names", b"/EmbeddedFiles", b"/Names")
        found = {}
        for key, reference in zip(names[::2], names[1::2]):
            name = _unescape(self.get(key))
            file = self.walk({b"/X": reference}, b"/X", b"/EF")[b"/F"]
            if name in found:
                raise ValueError(f"two attachments are called {name!r}")
            found[name] = self.stream(file)
        return found


def _unescape(token: bytes) -> bytes:
    """A literal string's bytes (octal and single-character escapes)."""

    def one(match: Any) -> bytes:
        text = match.group(1)
        return bytes([int(text, 8) & 255]) if text.isdigit() else text

    return re.sub(rb"\\([0-7]{1,3}|.)", one, token[1:-1], flags=re.DOTALL)


def extract_twin(pdf: bytes) -> Tuple[bytes, Dict[bytes, bytes]]:
    """(bytes of evidence.json, all attachments)."""
    try:
        files = PdfReader(pdf).attachments()
        return files[b"evidence.json"], files
    except (ValueError, KeyError, IndexError, TypeError, zlib.error, RecursionError) as error:
        raise Wrong("evidence.json", f"the attachment cannot be taken out ({error})") from error


# ---------------------------------------------------------------- notes, keys, proofs


class NoteKey:
    """A C2SP verifier key: ``name+hash+base64(0x01 || public key)``."""

    def __init__(self, vkey: str) -> None:
        self.name, identifier, encoded = vkey.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        if not self.name or len(raw) != 33 or raw[0] != 1:
            raise ValueError("not an Ed25519 verifier key")
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if self.hash.hex() != identifier:
            raise ValueError(f"the key's name and hash do not belong together: {self.name}")
        self.public, self.keyid = raw[1:], f"{self.name}+{identifier}"


class Checkpoint:
    """A signed tree head, verified by a pinned key."""

    def __init__(self, note: str, origin: str, keys: Sequence[NoteKey], crypto: Crypto) -> None:
        text, gap, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        if not gap or not signatures.endswith("\n") or len(lines) != 3:
            raise ValueError("it is not a checkpoint")
        if lines[0] != origin:
            raise ValueError(f"it is of another log ({lines[0]})")
        if not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]):
            raise ValueError("its size is malformed")
        self.size, self.root = int(lines[1]), decode64(lines[2])
        if len(self.root) != 32:
            raise ValueError("its root is malformed")
        self.signatures = signatures.rstrip("\n").split("\n")
        if not any(self._is_signed_by(key, (text + "\n").encode(), crypto) for key in keys):
            raise ValueError("it is not signed by a log key of the trust file")

    def _is_signed_by(self, key: NoteKey, message: bytes, crypto: Crypto) -> bool:
        for line in self.signatures:
            parts = line.split(" ")
            if len(parts) == 3 and parts[0] == "\u2014" and parts[1] == key.name:
                raw = decode64(parts[2])
                if raw[:4] == key.hash:
                    if not crypto.ed25519(key.public, raw[4:], message):
                        raise ValueError(f"the signature of {key.name} is false")
                    return True
        return False


def decode64(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not canonical base64")
    return raw


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> Optional[bytes]:
    """RFC 9162 §2.1.3.2; None when the proof has the wrong length."""
    if not 0 <= index < size or any(len(item) != 32 for item in proof):
        return None
    place, last, result = index, size - 1, leaf
    for item in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            result = node(item, result)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            result = node(result, item)
        place, last = place >> 1, last >> 1
    return result if last == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 §2.1.4.2; an empty old tree proves nothing and is refused."""
    if not 0 < old <= new or any(len(item) != 32 for item in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for item in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node(item, first), node(item, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node(second, item)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


class Trust:
    """The pinned keys, from a file the auditor got over another channel."""

    def __init__(self, data: bytes) -> None:
        try:
            said = json.loads(data)
            if said["format"] != "gate-trust/v1":
                raise ValueError("not a gate-trust/v1 document")
            self.origin = str(said["origin"])
            self.log = [NoteKey(key) for key in said["log"]]
            self.act = {key.keyid: key for key in map(NoteKey, said["act"])}
            self.vkeys = {kind: list(said[kind]) for kind in ("log", "act", "verdict")}
            self.seal = [parse_certificate(text) for text in said["seal"]]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise CannotCheck(f"the trust file cannot be used: {error}") from error
        if not (self.log and self.act and self.seal):
            raise CannotCheck("the trust file lacks a log, act or seal key")


# ---------------------------------------------------------------- the form of the twin

# fmt: off
TXT, NUM, FLAG = str, int, bool
TEXT = {"value": (TXT,), "salt": (TXT,), "commitment": TXT}
MEANING = {"id": TXT, "text": TXT, "kind": TXT}
AUTH = {"method": TXT, "components": [TXT], "at": TXT, "session": TXT, "first_in_session": FLAG}
SIGNATURE = {
    "index": NUM, "record": TXT, "result": TXT, "name": TXT, "person": TXT, "login": TXT, "dn": TXT, "role": TXT,
    "team": (TXT,), "meaning": MEANING, "signed_at": TXT, "auth": AUTH, "revision": NUM, "head": TXT, "tree": TXT,
    "target": TXT, "policy_epoch": NUM, "policy_sha256": TXT, "statement": TXT, "reason": (TEXT,), "key": TXT,
    "vouched_by": TXT, "expires_at": (TXT,), "supersedes": (NUM,), "stale": FLAG, "withdrawn": (NUM,),
}
REVISION = {
    "number": NUM, "head": TXT, "tree": TXT, "merge_base": TXT, "merge_tree": (TXT,), "recorded_at": TXT, "index": NUM,
}
DECISION = {
    "index": NUM, "answer": TXT, "summary": TXT, "evaluated_at": TXT, "sha256": TXT, "facts_sha256": TXT,
    "document": dict,
}
SHEET = {
    "repository": TXT, "number": NUM, "title": (TEXT,), "state": TXT, "target": TXT, "opened_at": TXT,
    "change_request": (TXT,), "revisions": [REVISION],
    "contributors": [{"part": TXT, "person": (TXT,), "name": TXT, "how": TXT, "revisions": [NUM]}],
    "decision": (DECISION,), "signatures": [SIGNATURE], "entries": [NUM], "versions": NUM,
}
LANDING = {
    "index": NUM, "kind": TXT, "outcome": TXT, "before": TXT, "after": TXT, "commits": [TXT], "head": (TXT,),
    "number": (NUM,), "at": TXT, "detail": TXT,
}
BRANCH = {
    "repository": TXT, "branch": TXT, "from_commit": TXT, "to_commit": TXT, "first_parent_count": NUM, "command": TXT,
    "counts": dict.fromkeys(OUTCOMES.values(), NUM), "holds": FLAG, "rewritten": FLAG, "landings": [LANDING],
}
SCOPE = {
    "repositories": [{"id": TXT, "name": TXT, "url": TXT}], "period_from": TXT, "period_to": TXT,
    "asked_by": {"id": TXT, "name": TXT, "login": TXT}, "reason": TXT, "made_at": TXT,
}
AS_OF = {
    "size": NUM, "root": TXT, "checkpoint": TXT, "consistency": [TXT],
    "previous": ({"id": TXT, "sha256": TXT, "size": NUM, "root": TXT},),
}
POLICY = {
    "epoch": NUM, "activated_at": TXT, "by": TXT, "index": NUM,
    "files": [{"name": TXT, "text": TXT, "sha256": TXT, "effective_sha256": (TXT,)}],
}
TWIN = {
    "format": TXT, "pack": TXT, "organisation": TXT, "gate": {"origin": TXT, "software": TXT}, "scope": SCOPE,
    "as_of": AS_OF, "completeness": [BRANCH], "contributions": [SHEET],
    "untouched": [{"repository": TXT, "number": NUM, "state": TXT, "index": NUM}],
    "deviation_classes": [{"id": TXT, "title": TXT, "how": TXT, "looked_for": FLAG, "count": NUM}],
    "deviations": [
        {"id": TXT, "sentence": TXT, "repository": (TXT,), "number": (NUM,), "commit": (TXT,), "index": (NUM,)}
    ],
    "policies": [POLICY], "entries": [{"index": NUM, "envelope": TXT, "proof": [TXT]}],
    "keys": {"log": [TXT], "act": [TXT], "verdict": [TXT], "seal": [TXT]}, "limits": [TXT],
}
# fmt: on


def verify_form(value: Any, form: Any, where: str) -> None:
    """Exactly the members and types of ``form``: ``(T,)`` is T or null, ``[T]`` a list of T."""
    if isinstance(form, tuple):
        if value is not None:
            verify_form(value, form[0], where)
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise Wrong(where, "it is not a list")
        for place, item in enumerate(value):
            verify_form(item, form[0], f"{where}[{place}]")
    elif isinstance(form, dict):
        if not isinstance(value, dict) or value.keys() != form.keys():
            raise Wrong(where, "its members are not those of gate-evidence/v1")
        for name, part in form.items():
            verify_form(value[name], part, f"{where}.{name}")
    elif type(value) is not form:
        raise Wrong(where, f"it is not a {form.__name__}")


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_twin(data: bytes) -> Dict[str, Any]:
    try:
        twin = json.loads(data.decode())
        is_canonical = canonical(twin) == data
    except (ValueError, RecursionError) as error:
        raise Wrong("evidence.json", "it is not JSON") from error
    if not isinstance(twin, dict) or twin.get("format") != "gate-evidence/v1":
        raise Wrong("evidence.json", "it is not a gate-evidence/v1 document")
    if not is_canonical:
        raise Wrong("evidence.json", "it is not in canonical form")
    verify_form(twin, TWIN, "evidence.json")
    return twin


class Entry:
    """One audit entry, its signature verified over the bytes as they are."""

    def __init__(self, index: int, envelope: bytes, trust: Trust, crypto: Crypto) -> None:
        self.index, self.record = index, hashlib.sha256(envelope).hexdigest()
        self.leaf = hashlib.sha256(b"\x00" + envelope).digest()
        outer = json.loads(envelope.decode())
        payload = base64.b64decode(outer["payload"], validate=True)
        kind = outer["payloadType"]
        message = b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
        self.key = self._signer(outer["signatures"], message, trust, crypto)
        statement = json.loads(payload.decode())
        self.said: Dict[str, Any] = statement["predicate"]
        self.kind = statement["predicateType"]
        if not self.kind.startswith(PREFIX) or not self.kind.endswith(SUFFIX):
            raise ValueError(f"unknown kind {self.kind}")
        self.kind = self.kind[len(PREFIX) : -len(SUFFIX)]
        self.subject = statement.get("subject", [])
        self.stream, self.version, self.at = self.said["stream"], self.said["version"], self.said["timestamp"]
        if not (isinstance(self.stream, str) and type(self.version) is int and isinstance(self.at, str)):
            raise ValueError("stream, version or timestamp is malformed")
        self.values = frozenset(_leaves(self.said))

    @staticmethod
    def _signer(signatures: List[Dict[str, str]], message: bytes, trust: Trust, crypto: Crypto) -> str:
        for item in signatures:
            key = trust.act.get(item["keyid"])
            if key is not None:
                if not crypto.ed25519(key.public, base64.b64decode(item["sig"], validate=True), message):
                    raise ValueError("its signature is false")
                if item is not signatures[0]:
                    raise ValueError("its first signature is not the gate's")
                return key.keyid
        raise ValueError("it is not signed by an act key of the trust file")

    def says(self, value: Any, *names: str) -> bool:
        """Is ``value`` what the entry holds under the first of ``names`` it has; else, anywhere in it?"""
        for name in names:
            if name in self.said:
                held = self.said[name]
                return bool(held == value or (isinstance(held, dict) and held.get("sha256") == value))
        return value in self.values


def _leaves(value: Any) -> Iterator[Any]:
    """Every scalar inside a JSON value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


# ---------------------------------------------------------------- what the twin says against what the entries say


class Checker:
    """All checks on one twin. Every method adds to the report and lets nothing escape."""

    def __init__(self, twin: Dict[str, Any], trust: Trust, crypto: Crypto, report: Report) -> None:
        self.twin, self.trust, self.crypto, self.report = twin, trust, crypto, report
        self.wrong = report.say_wrong
        self.entries: Dict[int, Entry] = {}
        self.streams: Dict[str, List[Entry]] = {}
        self.sheets = {(row["repository"], row["number"]): row for row in twin["contributions"]}
        self.period = (twin["scope"]["period_from"], twin["scope"]["period_to"])

    def check_all(self) -> None:
        """Steps 3 to 6. Raises ``Wrong`` where nothing after it would mean anything."""
        checkpoint = self.check_checkpoint()
        self.check_entries(checkpoint)
        self.check_keys()
        self.check_order()
        self.check_numbers()
        self.check_sheets()
        self.check_branches()
        self.check_policies()
        self.check_deviations()

    # ---- the log

    def check_checkpoint(self) -> Checkpoint:
        as_of = self.twin["as_of"]
        if self.twin["gate"]["origin"] != self.trust.origin:
            raise Wrong("gate.origin", "the pack is of another gate than the trust file")
        try:
            checkpoint = Checkpoint(as_of["checkpoint"], self.trust.origin, self.trust.log, self.crypto)
        except (ValueError, IndexError) as error:
            raise Wrong("checkpoint", str(error)) from error
        if (checkpoint.size, checkpoint.root.hex()) != (as_of["size"], as_of["root"]):
            raise Wrong("as_of", "size or root is not the checkpoint's")
        self.report.checked.append(f"the checkpoint over {checkpoint.size} entries is signed by the pinned log key")
        return checkpoint

    def check_entries(self, checkpoint: Checkpoint) -> None:
        before = len(self.report.wrong)
        last = -1
        for row in self.twin["entries"]:
            index, where = row["index"], f"entry {row['index']}"
            if index <= last:
                self.wrong(where, "the entries are out of order, or one is there twice")
            last = max(last, index)
            try:
                entry = Entry(index, decode64(row["envelope"]), self.trust, self.crypto)
                proof = [decode64(item) for item in row["proof"]]
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
                self.wrong(where, f"it does not verify ({error})")
                continue
            if inclusion_root(entry.leaf, index, checkpoint.size, proof) != checkpoint.root:
                self.wrong(where, "it is not in the log at this place (inclusion proof)")
                continue
            self.entries[index] = entry
            self.streams.setdefault(entry.stream, []).append(entry)
        count = len(self.entries)
        self.report.say_checked(before, f"{count} audit entries are signed by a pinned act key and are in the log")
        if count < checkpoint.size:
            rest = checkpoint.size - count
            self.report.not_checked.append(
                f"THE {rest} ENTRIES OF THE LOG THAT THIS PACK DOES NOT HOLD (gate audit checks them)"
            )

    def check_since(self, since: Optional[Checkpoint]) -> None:
        """Step 5. The pack leads on from its previous pack; what the auditor kept must be on that line."""
        as_of = self.twin["as_of"]
        old, root = as_of["previous"], bytes.fromhex(as_of["root"])
        try:
            proof = [decode64(item) for item in as_of["consistency"]]
            is_old_good = old is None or is_consistent(
                old["size"], bytes.fromhex(old["root"]), as_of["size"], root, proof
            )
        except ValueError:
            is_old_good = False
        if not is_old_good:
            self.wrong("as_of.previous", "the log does not go on from the previous pack (consistency proof)")
        elif old is not None:
            self.report.checked.append(
                f"the log goes on from pack {old['id']} at {old['size']} entries, as that pack is named here"
            )
        if since is None:
            self.report.not_checked.append(
                "NOT WITNESSED: WHETHER HISTORY WAS REWRITTEN (give --since with a checkpoint you kept)"
            )
        elif since.size == as_of["size"]:
            self._check_witnessed(since.root == root, since)
        elif old is not None and since.size == old["size"]:
            self._check_witnessed(since.root.hex() == old["root"] and is_old_good, since)
        else:
            held = f"{old['size']} and " if old else ""
            self.report.cannot.append(
                f"the checkpoint kept is over {since.size} entries; this pack has proofs for {held}{as_of['size']} only"
            )

    def _check_witnessed(self, holds: bool, since: Checkpoint) -> None:
        if holds:
            self.report.checked.append(f"nothing before entry {since.size} was rewritten since the checkpoint you kept")
        else:
            self.wrong("checkpoint kept", "history was rewritten: the log is not the one you have a checkpoint of")

    def check_keys(self) -> None:
        for kind, keys in self.trust.vkeys.items():
            for key in self.twin["keys"][kind]:
                if key not in keys:
                    self.wrong(f"keys.{kind}", f"{key} is not in the trust file")
        pinned = {hashlib.sha256(item.der).hexdigest() for item in self.trust.seal}
        for key in self.twin["keys"]["seal"]:
            if key not in pinned:
                self.wrong("keys.seal", f"{key} is not in the trust file")

    # ---- the population

    def check_order(self) -> None:
        for kind in ("contributions", "untouched"):
            places = [(row["repository"], row["number"]) for row in self.twin[kind]]
            for before, after in zip(places, places[1:]):
                if before >= after:
                    self.wrong(f"{after[0]}#{after[1]}", "it is out of order or there twice")
        self._check_epochs()

    def _check_epochs(self) -> None:
        """A policy in force at some time of the period must be here: only what ended before it may be left out."""
        last = 0
        for row in self.twin["policies"]:
            if row["epoch"] <= last:
                self.wrong(f"policy epoch {row['epoch']}", "it is out of order or there twice")
            elif row["epoch"] > last + 1 and row["activated_at"] > self.period[0]:
                self.wrong(f"policy epoch {row['epoch'] - 1}", "its texts are missing; it was in force in the period")
            last = max(last, row["epoch"])

    def check_numbers(self) -> None:
        """Numbers 1 to N without a gap in each repository; entries of a contribution need a sheet."""
        before = len(self.report.wrong)
        scope = {row["id"] for row in self.twin["scope"]["repositories"]}
        found: Dict[str, set[int]] = {name: set() for name in scope}
        untouched = {(row["repository"], row["number"]): row for row in self.twin["untouched"]}
        for repository, number in [*self.sheets, *untouched]:
            if repository not in scope:
                self.wrong(f"{repository}#{number}", "its repository is not in the scope")
            if (repository, number) in self.sheets and (repository, number) in untouched:
                self.wrong(f"{repository}#{number}", "it has a sheet and is said to be untouched")
            found.setdefault(repository, set()).add(number)
        for repository, numbers in sorted(found.items()):
            for number in sorted(set(range(1, max(numbers, default=0) + 1)) - numbers):
                self.wrong(f"{repository}#{number}", "this contribution is missing from the pack")
        for stream, entries in sorted(self.streams.items()):
            match = re.fullmatch(r"contribution/(.+)#([0-9]+)", stream)
            key = (match.group(1), int(match.group(2))) if match else None
            if key is not None and key not in self.sheets and key not in untouched:
                indexes = ", ".join(str(entry.index) for entry in entries)
                self.wrong(
                    f"{key[0]}#{key[1]}",
                    f"this contribution is missing from the pack, its entries ({indexes}) are here",
                )
        for key, row in untouched.items():
            entry = self.entries.get(row["index"])
            if entry is None or entry.stream != f"contribution/{key[0]}#{key[1]}":
                self.wrong(f"{key[0]}#{key[1]}", f"entry {row['index']} is missing or is not of this contribution")
            elif entry.at >= self.period[0] and not (entry.version == 1 and entry.at >= self.period[1]):
                # Its last entry before the period, or its very first after it: both leave the period empty.
                self.wrong(f"{key[0]}#{key[1]}", "it is said to be untouched, but its last entry is in the period")
        self.report.say_checked(
            before, "contribution numbers have no gap, and no contribution that has entries lacks a sheet"
        )

    # ---- the sheets

    def check_sheets(self) -> None:
        before = len(self.report.wrong)
        for sheet in self.twin["contributions"]:
            try:
                self.check_sheet(sheet)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                self.wrong(name_of(sheet), f"an entry of it is malformed ({type(error).__name__}: {error})")
        signatures = sum(len(sheet["signatures"]) for sheet in self.twin["contributions"])
        sentence = (
            f"{len(self.sheets)} sheets with {signatures} signatures say what their signed entries say, none missing"
        )
        self.report.say_checked(before, sentence)

    def check_sheet(self, sheet: Dict[str, Any]) -> None:
        where = name_of(sheet)
        stream = self.streams.get(f"contribution/{where}", [])
        if sheet["entries"] != [entry.index for entry in stream]:
            self.wrong(where, f"its entries are {[entry.index for entry in stream]}, the sheet says {sheet['entries']}")
        versions = [entry.version for entry in stream]
        if versions != list(range(1, sheet["versions"] + 1)) or not versions:
            missing = sorted(set(range(1, max([*versions, sheet["versions"]]) + 1)) - set(versions))
            self.wrong(where, f"entries are missing or out of order in its stream (versions {missing or versions})")
        self._check_text(where, "title", sheet["title"], stream)
        if sheet["change_request"] is not None and not any(e.says(sheet["change_request"]) for e in stream):
            self.wrong(where, "its change request is in none of its entries")
        if stream and not stream[0].says(sheet["target"], "targetRef"):
            self.wrong(where, "its target branch is not the one it was opened for")
        if stream and sheet["opened_at"] != stream[0].at:
            self.wrong(where, "the time it was opened is not that of its first entry")
        self._check_revisions(where, sheet, stream)
        self._check_signatures(where, sheet, stream)
        self._check_decision(where, sheet, stream)

    def _check_text(self, where: str, what: str, text: Optional[Dict[str, Any]], entries: Iterable[Entry]) -> None:
        if text is None:
            return
        if (text["value"] is None) != (text["salt"] is None):
            self.wrong(where, f"its {what} has a text without a salt or a salt without a text")
        elif text["value"] is not None:
            digest = hashlib.sha256(bytes.fromhex(text["salt"]) + text["value"].encode()).hexdigest()
            if digest != text["commitment"]:
                self.wrong(where, f"its {what} is not the text that was committed to")
        if not any(entry.says(text["commitment"]) for entry in entries):
            self.wrong(where, f"the commitment of its {what} is in none of its entries")

    def _check_revisions(self, where: str, sheet: Dict[str, Any], stream: List[Entry]) -> None:
        recorded = {entry.index: entry for entry in stream if entry.kind == "revision-recorded"}
        for index in sorted(set(recorded) - {row["index"] for row in sheet["revisions"]}):
            self.wrong(where, f"the revision of entry {index} is missing")
        for number, row in enumerate(sheet["revisions"], 1):
            entry, name = recorded.get(row["index"]), f"{where} revision {row['number']}"
            if entry is None:
                self.wrong(name, f"entry {row['index']} records no revision of it")
                continue
            facts = [("head", row["head"], "head"), ("tree", row["tree"], "targetID"),
                     ("number", row["number"], "revision"), ("merge base", row["merge_base"], "fromID")]  # fmt: skip
            for what, value, member in facts:
                if not entry.says(value, member):
                    self.wrong(name, f"its {what} is not what entry {entry.index} says")
            if row["merge_tree"] is not None and not entry.says(row["merge_tree"], "mergeTree"):
                self.wrong(name, f"its merge tree is not what entry {entry.index} says")
            if row["recorded_at"] != entry.at or row["number"] != number:
                self.wrong(name, f"its time or place is not that of entry {entry.index}")

    def _check_signatures(self, where: str, sheet: Dict[str, Any], stream: List[Entry]) -> None:
        acts = [entry for entry in stream if entry.kind == "approval"]
        shown = {row["index"]: row for row in sheet["signatures"]}
        if [row["index"] for row in sheet["signatures"]] != [entry.index for entry in acts]:
            missing = sorted({entry.index for entry in acts} - set(shown))
            extra = sorted(set(shown) - {entry.index for entry in acts})
            self.wrong(where, f"signatures missing: {missing}, without an entry: {extra}, or out of order")
        head = sheet["revisions"][-1]["head"] if sheet["revisions"] else None
        taken = {entry.said.get("supersedes"): entry.index for entry in acts if entry.said.get("result") == "WITHDRAWN"}
        for entry in acts:
            row = shown.get(entry.index)
            if row is None:
                continue
            for field, value in signature_of(entry, head, taken.get(entry.index)).items():
                if row[field] != value:
                    self.wrong(f"{where} signature {entry.index}", f"“{field}” is not what the signed entry says")
            self._check_reason(f"{where} signature {entry.index}", row["reason"], entry)

    def _check_reason(self, where: str, reason: Optional[Dict[str, Any]], entry: Entry) -> None:
        held = entry.said.get("reasonCommitment")
        if (held["sha256"] if held else None) != (reason["commitment"] if reason else None):
            self.wrong(where, "its reason is not the one the signed entry commits to")
        self._check_text(where, "reason", reason, [entry])

    def _check_decision(self, where: str, sheet: Dict[str, Any], stream: List[Entry]) -> None:
        decisions = [entry for entry in stream if entry.kind == "decision"]
        row = sheet["decision"]
        if row is None:
            if decisions:
                self.wrong(where, f"its decision is missing (entry {decisions[-1].index})")
            return
        landed = [entry.index for entry in stream if entry.kind == "landed"]
        frozen = [entry for entry in decisions if not landed or entry.index < landed[0]]
        if row["index"] not in [group[-1].index for group in (decisions, frozen) if group]:
            self.wrong(where, f"the decision of entry {row['index']} is not the one that stands")
        entry = self.entries.get(row["index"])
        if entry is None or entry.kind != "decision":
            return
        document = row["document"]
        if hashlib.sha256(canonical(document)).hexdigest() != row["sha256"]:
            self.wrong(where, "the decision shown does not have the digest shown")
        for what, value, member in (("digest", row["sha256"], "decision"), ("answer", row["answer"], "answer"),
                                    ("facts", row["facts_sha256"], "facts")):  # fmt: skip
            if not entry.says(value, member):
                self.wrong(where, f"the decision's {what} is not what entry {entry.index} says")
        for member in ("answer", "summary", "evaluated_at"):
            if document.get(member) != row[member]:
                self.wrong(where, f"the decision's {member} is not that of its recorded document")
        given_for = {item["index"]: item["head"] for item in sheet["signatures"] if item["result"] == "APPROVED"}
        given_for.update(
            (item.index, item.said.get("head"))
            for item in stream
            if item.kind == "forge-review" and item.said.get("result") == "APPROVED" and item.said.get("reviewer")
        )
        carried = {(item.said.get("approval"), item.said.get("fromHead"), item.said.get("head"))
                   for item in stream if item.kind == "approval-carried"}  # fmt: skip
        for index in document.get("counted", []):
            given = given_for.get(index)
            if given is None or (given != document.get("head") and (index, given, document.get("head")) not in carried):
                self.wrong(where, f"the decision counts entry {index}, which is no approval of the decided head")

    # ---- branches, policies, deviations

    def check_branches(self) -> None:
        before = len(self.report.wrong)
        shown = set()
        for branch in self.twin["completeness"]:
            where = f"{branch['repository']} {branch['branch']}"
            self._check_chain(where, branch)
            for landing in branch["landings"]:
                shown.add(landing["index"])
                self._check_landing(where, branch, landing)
            counts = dict.fromkeys(OUTCOMES.values(), 0)
            for landing in branch["landings"]:
                counts[OUTCOMES.get(landing["outcome"], "unexplained")] += len(landing["commits"])
            for name, count in counts.items():
                if branch["counts"][name] != count:
                    self.wrong(where, f"it says {branch['counts'][name]} {name} commits, its landings have {count}")
            holds = sum(counts.values()) == branch["first_parent_count"]
            if branch["holds"] != holds:
                self.wrong(where, "it says that the equation holds and it does not, or the other way round")
            command = f"git rev-list --first-parent --count {branch['from_commit']}..{branch['to_commit']}"
            if branch["command"] != command:
                self.wrong(where, "the command is not the one for its commits")
            if not holds:
                why = "history was rewritten" if branch["rewritten"] else "some commits are in no class"
                self.wrong(where, f"the completeness equation does not hold: {why}")
            terms = " + ".join(f"{count} {name}" for name, count in counts.items())
            if holds:
                told = f"{branch['first_parent_count']} commits = {terms}"
            else:
                told = f"git counts {branch['first_parent_count']}, the record {sum(counts.values())}: {terms}"
            rewritten = "; history was rewritten: some that landed are no longer on the branch"
            self.report.facts.append(f"{where}: {told}{rewritten if branch['rewritten'] else ''}")
        scope = {row["id"] for row in self.twin["scope"]["repositories"]}
        for entry in self.entries.values():
            in_period = self.period[0] <= entry.at < self.period[1]
            if (
                entry.kind == "landed"
                and in_period
                and entry.index not in shown
                and entry.said.get("repository") in scope
            ):
                self.wrong(f"entry {entry.index}", "this landing is missing from the completeness of its branch")
        self.report.say_checked(
            before, "the landings of each branch are an unbroken chain, and the classes add up as printed"
        )

    def _check_chain(self, where: str, branch: Dict[str, Any]) -> None:
        """From the first commit to the last without a gap; a rewritten branch cannot have one."""
        tip = branch["from_commit"]
        for landing in branch["landings"]:
            if landing["before"] != tip and not branch["rewritten"]:
                self.wrong(where, f"a step is missing or out of order between {tip} and {landing['before']}")
            is_rewind = branch["rewritten"] and not landing["commits"]
            if not is_rewind and landing["commits"][-1:] != [landing["after"]]:
                self.wrong(where, f"the step to {landing['after']} does not end with that commit")
            tip = landing["after"]
        if tip != branch["to_commit"] and not branch["rewritten"]:
            self.wrong(where, f"the steps end at {tip}, the branch at {branch['to_commit']}")
        commits = [commit for landing in branch["landings"] for commit in landing["commits"]]
        for commit in sorted({item for item in commits if commits.count(item) > 1}):
            self.wrong(where, f"commit {commit} is counted twice")

    def _check_landing(self, where: str, branch: Dict[str, Any], landing: Dict[str, Any]) -> None:
        entry, name = self.entries.get(landing["index"]), f"{where} landing {landing['after']}"
        if entry is None or entry.kind != "landed":
            self.wrong(name, f"entry {landing['index']} is missing or is no landing")
            return
        facts = [("class", landing["outcome"], ("outcome", "class")), ("start", landing["before"], ("before",)),
                 ("end", landing["after"], ("after",)), ("branch", branch["branch"], ("targetRef",)),
                 ("repository", branch["repository"], ("repository",)), ("number", landing["number"], ("number",)),
                 ("head", landing["head"], ("head",)), ("time", landing["at"], ("timestamp",))]  # fmt: skip
        for what, value, members in facts:
            if value is not None and not entry.says(value, *members):
                self.wrong(name, f"its {what} is not what entry {entry.index} says")
        for commit in landing["commits"]:
            if commit not in entry.values:
                self.wrong(name, f"commit {commit} is not in entry {entry.index}")
        if landing["number"] is not None and (branch["repository"], landing["number"]) not in self.sheets:
            self.wrong(f"{branch['repository']}#{landing['number']}", "it landed in the period and has no sheet")

    def check_policies(self) -> None:
        before = len(self.report.wrong)
        shown = {row["index"]: row for row in self.twin["policies"]}
        for row in self.twin["policies"]:
            where, entry = f"policy epoch {row['epoch']}", self.entries.get(row["index"])
            if entry is None or entry.kind != "policy-activated":
                self.wrong(where, f"entry {row['index']} is missing or activates no policy")
                continue
            if not entry.says(row["epoch"], "epoch") and entry.version != row["epoch"]:
                self.wrong(where, f"it is not the epoch of entry {entry.index}")
            if row["activated_at"] != entry.at:
                self.wrong(where, f"it was activated at another time (entry {entry.index})")
            for file in row["files"]:
                name = f"{where} {file['name']}"
                if hashlib.sha256(file["text"].encode()).hexdigest() != file["sha256"]:
                    self.wrong(name, "the text does not have the digest shown")
                for digest in (file["sha256"], file["effective_sha256"]):
                    if digest is not None and digest not in entry.values:
                        self.wrong(name, f"digest {digest} is not in entry {entry.index}")
            for digest in _text_digests(entry) - {file["sha256"] for file in row["files"]}:
                self.wrong(where, f"the policy text with SHA-256 {digest} is missing")
        for entry in self.entries.values():
            if entry.kind == "policy-activated" and entry.index not in shown:
                self.wrong(
                    f"policy epoch {entry.said.get('epoch', entry.version)}",
                    f"its texts are missing (entry {entry.index})",
                )
        epochs = {row["epoch"] for row in self.twin["policies"]}
        for sheet in self.twin["contributions"]:
            for row in sheet["signatures"]:
                if row["policy_epoch"] not in epochs and row["signed_at"] >= self.period[0]:
                    self.wrong(
                        f"policy epoch {row['policy_epoch']}",
                        f"its texts are missing; signature {row['index']} was given under it",
                    )
        self.report.say_checked(before, f"{len(epochs)} policy versions have the texts that were activated")

    def check_deviations(self) -> None:
        before = len(self.report.wrong)
        found = self.twin["deviations"]
        listed = [row["id"] for row in self.twin["deviation_classes"]]
        if listed != list(DEVIATIONS):
            self.wrong("deviation_classes", f"the closed list is not complete: {sorted(set(DEVIATIONS) - set(listed))}")
        for row in self.twin["deviation_classes"]:
            count = sum(item["id"] == row["id"] for item in found)
            if row["count"] != count:
                self.wrong(f"deviation class {row['id']}", f"it says {row['count']}, there are {count}")
        for item in found:
            if item["id"] not in DEVIATIONS:
                self.wrong(f"deviation {item['id']}", "there is no such class")
        held = {(item["id"], item["repository"], item["number"], item["commit"], item["index"]) for item in found}
        for needed in self._needed_deviations():
            if needed not in held:
                parts = [
                    f"{key} {value}"
                    for key, value in zip(("repository", "number", "commit", "entry"), needed[1:])
                    if value is not None
                ]
                self.wrong(f"deviation {needed[0]}", f"it is missing: {', '.join(parts)}")
        self.report.facts.append(
            f"deviations: {len(found)}" + "".join(f"\n    {item['id']}: {item['sentence']}" for item in found)
        )
        self.report.say_checked(before, "the deviations that follow from the entries are all listed")

    def _needed_deviations(self) -> Iterator[Tuple[str, Optional[str], Optional[int], Optional[str], Optional[int]]]:
        classes = {"unexplained": "unexplained_commit", "overridden": "override", "observed": "observed_landing"}
        landed: Dict[Tuple[str, int], List[Dict[str, Any]]] = {}
        for branch in self.twin["completeness"]:
            place = branch["repository"]
            for landing in branch["landings"]:
                landed.setdefault((place, landing["number"]), []).append(landing)
                for commit in landing["commits"] if landing["outcome"] in classes else ():
                    yield classes[landing["outcome"]], place, landing["number"], commit, landing["index"]
            if branch["rewritten"]:
                yield "history_rewritten", place, None, branch["to_commit"], None
            if not branch["holds"]:
                yield "equation", place, None, branch["to_commit"], None
        for policy in self.twin["policies"]:
            if policy["epoch"] == 1:
                yield "bootstrap_policy", None, None, None, policy["index"]
        for entry in self.entries.values():
            if entry.kind == "approval-refused":
                yield "refused_signature", None, None, None, entry.index
            order = entry.said.get("order") if entry.kind == "landed" else None
            if isinstance(order, dict) and order.get("proven") is None:
                yield "order_not_proven", entry.said["repository"], entry.said["number"], None, entry.index
        for key, sheet in self.sheets.items():
            yield from self._needed_of_sheet(key, sheet, landed.get(key, []))
            persons = {row["person"] for row in sheet["contributors"] if row["person"]}
            counted = sheet["decision"]["document"].get("counted", []) if sheet["decision"] else []
            for entry in self.streams.get(f"contribution/{name_of(sheet)}", []):
                reviewer = entry.said.get("reviewer") if entry.kind == "forge-review" else None
                if reviewer and reviewer["id"] in persons and entry.index in counted:
                    yield ("self_approval", *key, None, entry.index)

    @staticmethod
    def _needed_of_sheet(
        key: Tuple[str, int], sheet: Dict[str, Any], landed: List[Dict[str, Any]]
    ) -> Iterator[Tuple[str, Optional[str], Optional[int], Optional[str], Optional[int]]]:
        persons = {row["person"] for row in sheet["contributors"] if row["person"]}
        counted = sheet["decision"]["document"].get("counted", []) if sheet["decision"] else []
        for row in sheet["signatures"]:
            if row["index"] in counted and row["person"] in persons:
                yield ("self_approval", *key, None, row["index"])
            if landed and row["result"] == "APPROVED" and row["signed_at"] > min(item["at"] for item in landed):
                yield ("signed_after_landing", *key, None, row["index"])
        if any(row["person"] is None for row in sheet["contributors"]):
            yield ("unattributed", *key, None, None)
        last = sheet["revisions"][-1]["head"] if sheet["revisions"] else None
        for item in landed:
            if item["head"] is not None and item["head"] != last:
                yield ("stale_at_landing", *key, item["head"], item["index"])


def name_of(sheet: Dict[str, Any]) -> str:
    return f"{sheet['repository']}#{sheet['number']}"


def signature_of(entry: Entry, head: Optional[str], withdrawn: Optional[int]) -> Dict[str, Any]:
    """The block that 21 CFR 11.50 asks for, from the signed entry alone (without its reason)."""
    said, who, auth = entry.said, entry.said["reviewer"], entry.said["auth"]
    return {
        "index": entry.index, "record": entry.record, "result": said["result"], "name": who["displayName"],
        "person": who["id"], "login": who["login"], "dn": who["dn"], "role": who["role"], "team": who.get("team"),
        "meaning": {"id": said["meaning"], "text": said["meaningText"], "kind": said["meaningKind"]},
        "signed_at": entry.at,
        "auth": {"method": auth["method"], "components": auth["components"], "at": auth["at"],
                 "session": auth["session"], "first_in_session": auth["firstInSession"]},
        "revision": said["revision"], "head": said["head"], "tree": said["targetID"], "target": said["targetRef"],
        "policy_epoch": said["policy"]["epoch"], "policy_sha256": said["policy"]["digest"]["sha256"],
        "statement": said["statementText"], "key": entry.key, "vouched_by": said.get("vouch", {}).get("by", ""),
        "expires_at": said.get("expiresAt"), "supersedes": said.get("supersedes"), "stale": said["head"] != head,
        "withdrawn": withdrawn,
    }  # fmt: skip


def _text_digests(entry: Entry) -> set[str]:
    """Digests of the texts an activation names, if it lists files."""
    files = entry.said.get("files", [])
    return {item["sha256"] for item in files if isinstance(item, dict) and isinstance(item.get("sha256"), str)}


# ---------------------------------------------------------------- git, and the program


def check_git(twin: Dict[str, Any], clones: Dict[str, str], report: Report) -> None:
    """Count on the auditor's own clone, and compare commit by commit."""
    for branch in twin["completeness"]:
        where = f"{branch['repository']} {branch['branch']}"
        clone = clones.get(branch["repository"]) or clones.get("")
        if clone is None:
            report.not_checked.append(f"THE COMMITS OF {where} (give --git with a clone of yours)")
            continue
        try:
            commits = _rev_list(clone, branch["from_commit"], branch["to_commit"])
        except (CannotCheck, OSError, subprocess.SubprocessError) as error:
            report.cannot.append(f"{where}: git could not count in {clone}: {error}")
            continue
        before = len(report.wrong)
        if len(commits) != branch["first_parent_count"]:
            report.say_wrong(
                where, f"git counts {len(commits)} commits in {clone}, the pack says {branch['first_parent_count']}"
            )
        held = {commit for landing in branch["landings"] for commit in landing["commits"]}
        for commit in sorted(set(commits) - held):
            report.say_wrong(where, f"commit {commit} is on the branch and not in the pack")
        for commit in sorted(held - set(commits)) if not branch["rewritten"] else ():
            report.say_wrong(where, f"commit {commit} is in the pack and not on the branch")
        report.say_checked(before, f"git counts {len(commits)} commits on {where} in {clone}, the same as the pack")


def _rev_list(clone: str, start: str, end: str) -> List[str]:
    git = shutil.which("git")
    if git is None:
        raise CannotCheck("git is not installed")
    if not re.fullmatch("[0-9a-f]{40,64}", start) or not re.fullmatch("[0-9a-f]{40,64}", end):
        raise CannotCheck("the pack's commits are no commit ids")
    done = subprocess.run(
        [git, "--no-replace-objects", "-C", clone, "rev-list", "--first-parent", f"{start}..{end}"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CannotCheck(done.stderr.decode(errors="replace").strip())
    return done.stdout.decode().split()


def check_pack(
    pdf: bytes, trust: Trust, crypto: Crypto, *, since: Optional[str] = None, clones: Optional[Dict[str, str]] = None
) -> Report:
    """All steps on one pack."""
    report = Report()
    try:
        verify_seal(pdf, trust.seal, crypto)
        report.checked.append("the seal covers the whole file and is made by the pinned certificate")
        data, files = extract_twin(pdf)
        twin = parse_twin(data)
        checker = Checker(twin, trust, crypto, report)
        checker.check_all()
        if files.get(b"checkpoint.txt", b"").decode(errors="replace") != twin["as_of"]["checkpoint"]:
            report.say_wrong("checkpoint.txt", "the attachment is not the checkpoint of evidence.json")
        checker.check_since(_read_since(since, trust, crypto, report))
        check_git(twin, clones or {}, report)
    except Wrong as error:
        report.say_wrong(error.where, error.sentence)
    report.not_checked.append("TIMES: THEY ARE WHAT THE GATE'S CLOCK SAID")
    report.not_checked.append("WHETHER THE PRINTED PAGES SAY WHAT evidence.json SAYS: THE SEAL SAYS THE GATE DREW THEM")
    return report


def _read_since(note: Optional[str], trust: Trust, crypto: Crypto, report: Report) -> Optional[Checkpoint]:
    if note is None:
        return None
    try:
        return Checkpoint(note, trust.origin, trust.log, crypto)
    except (ValueError, IndexError) as error:
        report.cannot.append(f"the checkpoint given with --since cannot be used: {error}")
        return None


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CannotCheck(f"{what} cannot be read: {error.strerror}: {path}") from error


def _harmless(text: str) -> str:
    """Text of the pack for a terminal: what is not printable (escape sequences, bidi controls) as its code."""
    return "".join(char if char.isprintable() or char == "\n" else f"<U+{ord(char):04X}>" for char in text)


def _print_report(report: Report, as_json: bool) -> None:
    if as_json:
        result = {0: "ok", 1: "wrong", 3: "could not check"}[report.exit_code]
        members = {
            "format": "gate-verification/v1", "result": result, "exit_code": report.exit_code,
            "wrong": [{"where": where, "sentence": sentence} for where, sentence in report.wrong],
            "could_not_check": report.cannot, "checked": report.checked, "not_checked": report.not_checked,
            "facts": report.facts,
        }  # fmt: skip
        print(json.dumps(members, indent=2))
        return
    groups = (("ok", report.checked), ("says", report.facts), ("WRONG", [": ".join(item) for item in report.wrong]),
              ("COULD NOT", report.cannot), ("NOT CHECKED", report.not_checked))  # fmt: skip
    for word, lines in groups:
        for line in lines:
            print(f"{word:<12} {_harmless(line)}")
    print({0: "RESULT: everything that was checked is right", 1: "RESULT: NOT RIGHT, see WRONG above",
           3: "RESULT: could not check"}[report.exit_code])  # fmt: skip


def _program() -> str:
    """How it was called: the file by itself, or ``gate verify``, which says so."""
    return os.environ.get("GATE_PROGRAM") or os.path.basename(__file__)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog=_program(), description="Verify an evidence pack, offline.")
    parser.add_argument("pack", metavar="PACK", help="the PDF")
    parser.add_argument("--trust", required=True, metavar="FILE", help="trust.json, got over another channel")
    parser.add_argument("--since", metavar="FILE", help="a checkpoint you kept (checkpoint.txt of an earlier pack)")
    parser.add_argument("--git", action="append", default=[], metavar="[ID=]CLONE", help="your clone of the repository")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    clones = {(item.split("=", 1)[0] if "=" in item else ""): item.split("=", 1)[-1] for item in options.git}
    try:
        trust = Trust(_read(options.trust, "the trust file"))
        pdf = _read(options.pack, "the pack")
        since = _read(options.since, "the checkpoint").decode(errors="replace") if options.since else None
        report = check_pack(pdf, trust, Crypto(), since=since, clones=clones)
    except CannotCheck as error:
        report = Report()
        report.cannot.append(str(error))
    try:
        _print_report(report, options.json)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough; what was found is the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
