"""The trust file: the public keys of one gate, which an auditor, a CI job or a git server pins.

JSON, format ``gate-trust/v1``: origin, the Ed25519 keys in C2SP text form by what they may sign, the certificates of
the seal in PEM, and the keys of witnesses. More than one key per purpose is how a key is rotated. A reader ignores
members it does not know, and refuses a file without a key for log, act or verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

from gate.domain.errors import InputError
from gate.signing.api import PublicKey, check_key_name, parse_vkey
from gate.signing.canonical import canonical, parse_canonical

FORMAT = "gate-trust/v1"
MAX_TRUST = 256 * 1024
MAX_KEYS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may sign what. ``seal`` is PEM text; ``witnesses`` are C2SP keys kept as text."""

    origin: str
    log: tuple[PublicKey, ...]
    act: tuple[PublicKey, ...]
    verdict: tuple[PublicKey, ...]
    seal: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key_name(self.origin)
        if not (self.log and self.act and self.verdict):
            raise InputError("A trust file needs a key for each of log, act and verdict.", field="trust")
        if any(key.name != self.origin for key in self.log):
            raise InputError("The name of a log key is the origin.", field="log")


def build_trust_file(trust: Trust) -> bytes:
    """The file's bytes: canonical JSON and a newline."""
    members = {
        "format": FORMAT,
        "origin": trust.origin,
        "log": [key.vkey for key in trust.log],
        "act": [key.vkey for key in trust.act],
        "verdict": [key.vkey for key in trust.verdict],
        "seal": trust.seal,
        "witnesses": trust.witnesses,
    }
    return canonical(members) + b"\n"


def parse_trust(raw: bytes) -> Trust:
    """The keys of a trust file. Raises ``InputError``."""
    members = parse_canonical(raw, max_size=MAX_TRUST)
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise InputError(f"This is not a trust file of format {FORMAT}.", field="format")
    origin = members.get("origin")
    if not isinstance(origin, str):
        raise InputError("The origin is a string.", field="origin")
    return Trust(
        origin=origin,
        log=tuple(map(parse_vkey, _texts(members, "log"))),
        act=tuple(map(parse_vkey, _texts(members, "act"))),
        verdict=tuple(map(parse_vkey, _texts(members, "verdict"))),
        seal=tuple(map(_certificate, _texts(members, "seal"))),
        witnesses=_texts(members, "witnesses"),
    )


def _texts(members: dict[str, object], field: str) -> tuple[str, ...]:
    items = members.get(field, [])
    if not isinstance(items, list) or len(items) > MAX_KEYS:
        raise InputError(f"Expected a list of at most {MAX_KEYS} strings.", field=field)
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) != len(items):
        raise InputError("Expected a list of strings.", field=field)
    return texts


def _certificate(text: str) -> str:
    try:
        x509.load_pem_x509_certificate(text.encode("utf-8"))
    except ValueError as error:
        raise InputError("This is not a certificate in PEM.", field="seal") from error
    return text
