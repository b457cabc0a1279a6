"""Step 7: scope -> EvidencePack -> sealed PDF.

``request`` only writes a job: a pack is drawn by the worker, never inside a web request. ``build``
does the work and is what ``gate pack build`` calls too: look for landings nobody told us of, gather,
assemble, render, seal, write the file, and record that it was issued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.auditlog.trust import build_trust_file
from gate.domain.clock import format_instant, parse_instant
from gate.domain.errors import ConflictError, GateError, InputError, NotFoundError, UnavailableError
from gate.evidence.codec import twin_bytes
from gate.evidence.pack import build_pack
from gate.evidence.population import render_population
from gate.evidence.twin import EvidencePack, PersonLabel
from gate.keys.files import build_trust
from gate.pdf.render import build_supplements, render_pack
from gate.pdf.seal import seal
from gate.store import outbox
from gate.store import packs as issued
from gate.store.command import Command, EntryIndex, Row
from gate.store.tables import pack_issued
from gate.workflow.collect import collect
from gate.workflow.entry import build_entry, by_person, thing_subject
from gate.workflow.land import walk_repository
from gate.workflow.parts import Parts
from gate.workflow.shown import PackRequest, PackShown, SignedIn

ATTEMPTS: Final = 5
JOB: Final = "pack"
VERIFIER: Final = Path(__file__).resolve().parents[1] / "standalone" / "verify.py"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A pack that was made: its file, digest, and what it holds."""

    id: str
    path: Path
    sha256: str
    index: int
    pack: EvidencePack


def request(parts: Parts, who: SignedIn, wanted: PackRequest) -> str:
    """Ask for a pack; returns its id. ``InputError`` for an empty period, ``NotFoundError`` for the repository."""
    _check(parts, wanted)
    pack_id = new_pack_id(parts)
    status = _Status(
        id=pack_id,
        wanted=wanted,
        asked_by=PersonLabel(id=who.key, name=who.name, login=who.login),
        at=parts.clock.now(),
    )
    status.write(parts, state="queued", step="Waiting for the worker.")
    outbox.put(parts.engine, JOB, {"pack": pack_id}, parts.clock.now())
    return pack_id


def pack(parts: Parts, pack_id: str) -> PackShown:
    """How far a pack is. ``NotFoundError``."""
    return _read_status(parts, pack_id)


def packs(parts: Parts) -> tuple[PackShown, ...]:
    """Every pack asked for, newest first."""
    found = [_read_status(parts, path.stem) for path in _dir(parts).glob("*.json")]
    return tuple(sorted(found, key=lambda one: one.asked_at, reverse=True))


def pack_file(parts: Parts, pack_id: str) -> Path:
    """The sealed file of a ready pack. ``NotFoundError`` when there is none (yet)."""
    shown = _read_status(parts, pack_id)
    path = _dir(parts) / f"{shown.id}.pdf"
    if shown.state != "ready" or not path.is_file():
        raise NotFoundError("This pack is not ready.", remedy="Wait until its page says so.")
    return path


def population_csv(parts: Parts, who: SignedIn, wanted: PackRequest) -> bytes:
    """The population of a pack as CSV, safe in spreadsheets, without making the pack."""
    _check(parts, wanted)
    asked_by = PersonLabel(id=who.key, name=who.name, login=who.login)
    return render_population(build_pack(collect(parts, new_pack_id(parts), wanted, asked_by)))


def run_job(parts: Parts, pack_id: str) -> None:
    """Make a pack that was asked for; what goes wrong is shown to whoever asked."""
    status = _load_status(parts, pack_id)
    if issued.find(parts.engine, pack_id) is not None:
        return
    try:
        built = build(
            parts,
            status.wanted,
            status.asked_by,
            by_person(status.asked_by.id),
            pack_id=pack_id,
            progress=lambda step: status.write(parts, state="working", step=step),
        )
    except GateError as problem:
        status.write(parts, state="failed", step="It could not be made.", error=problem.message)
        raise
    status.write(parts, state="ready", step="Ready.", sha256=built.sha256, index=built.index)


def build(
    parts: Parts,
    wanted: PackRequest,
    asked_by: PersonLabel,
    by: Recorder,
    *,
    pack_id: str | None = None,
    out: Path | None = None,
    progress: Progress = lambda step: None,
) -> Built:
    """Make, seal, write and record a pack. Raises ``InputError``, ``UnavailableError``, ``VerificationError``."""
    _check(parts, wanted)
    pack_id = pack_id or new_pack_id(parts)
    progress("Looking at the branches.")
    walk_repository(parts, wanted.repository)
    progress("Gathering entries and proofs.")
    inputs = collect(parts, pack_id, wanted, asked_by)
    progress("Assembling.")
    assembled = build_pack(inputs)
    twin = twin_bytes(assembled)
    progress(f"Drawing {len(assembled.contributions)} sheets.")
    trust = build_trust_file(build_trust(parts.keys))
    drawn = render_pack(twin, build_supplements(VERIFIER.read_bytes(), trust))
    progress("Sealing.")
    made_at = parse_instant(assembled.scope.made_at)
    sealed = seal(drawn, parts.keys.seal_key.read_bytes(), parts.keys.seal_certificate.encode(), made_at)
    path = out or _dir(parts) / f"{pack_id}.pdf"
    _write(path, sealed)
    digest = hashlib.sha256(sealed).digest()
    progress("Recording that it was issued.")
    index = _record(parts, wanted, assembled, digest, asked_by, by)
    return Built(id=pack_id, path=path, sha256=digest.hex(), index=index, pack=assembled)


def new_pack_id(parts: Parts) -> str:
    return f"pack-{parts.clock.now():%Y%m%d}-{parts.random_bytes(4).hex()}"


def _check(parts: Parts, wanted: PackRequest) -> None:
    parts.in_force().repository(wanted.repository)
    if wanted.period_from >= wanted.period_to:
        raise InputError("The period ends before it begins.", field="period_to", remedy="Give a later end.")


def _record(
    parts: Parts, wanted: PackRequest, made: EvidencePack, digest: bytes, asked_by: PersonLabel, by: Recorder
) -> int:
    for attempt in range(ATTEMPTS):
        now = parts.clock.now()
        entry = build_entry(
            parts,
            EntryKind.PACK_ISSUED,
            stream="packs",
            version=parts.log.stream_version("packs") + 1,
            subjects=[thing_subject(f"gate:pack/{made.pack}", digest)],
            predicate={
                "pack": made.pack,
                "sha256": digest.hex(),
                "repository": wanted.repository,
                "periodFrom": format_instant(wanted.period_from),
                "periodTo": format_instant(wanted.period_to),
                "asOf": {"size": made.as_of.size, "root": made.as_of.root},
            },
            by=by,
            at=now,
        )
        values = {
            "idx": EntryIndex(),
            "pack_id": made.pack,
            "sha256": digest,
            "repository": wanted.repository,
            "period_from": wanted.period_from,
            "period_to": wanted.period_to,
            "tree_size": made.as_of.size,
            "by_person": asked_by.id,
            "at": now,
        }
        try:
            receipt = parts.ledger.append(Command(entries=(entry,), rows=(Row(table=pack_issued, values=values),)))
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return receipt.indexes[0]
    raise AssertionError("the loop returns or raises")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """A pack's progress file: housekeeping beside the PDFs, rewritten whole."""

    id: str
    wanted: PackRequest
    asked_by: PersonLabel
    at: datetime

    def write(
        self,
        parts: Parts,
        *,
        state: str,
        step: str,
        sha256: str | None = None,
        index: int | None = None,
        error: str | None = None,
    ) -> None:
        document = {
            "id": self.id,
            "repository": self.wanted.repository,
            "period_from": format_instant(self.wanted.period_from),
            "period_to": format_instant(self.wanted.period_to),
            "reason": self.wanted.reason,
            "asked_by": {"id": self.asked_by.id, "name": self.asked_by.name, "login": self.asked_by.login},
            "asked_at": format_instant(self.at),
            "state": state,
            "step": step,
            "sha256": sha256,
            "index": index,
            "error": error,
        }
        _write(_dir(parts) / f"{self.id}.json", json.dumps(document, sort_keys=True).encode())


def _load_status(parts: Parts, pack_id: str) -> _Status:
    document = _document(parts, pack_id)
    return _Status(
        id=pack_id,
        wanted=PackRequest(
            repository=document["repository"],
            period_from=parse_instant(document["period_from"]),
            period_to=parse_instant(document["period_to"]),
            reason=document["reason"],
        ),
        asked_by=PersonLabel(**document["asked_by"]),
        at=parse_instant(document["asked_at"]),
    )


def _read_status(parts: Parts, pack_id: str) -> PackShown:
    document = _document(parts, pack_id)
    return PackShown(
        id=pack_id,
        repository=document["repository"],
        period_from=parse_instant(document["period_from"]),
        period_to=parse_instant(document["period_to"]),
        state=document["state"],
        step=document["step"],
        asked_by=document["asked_by"]["name"],
        asked_at=parse_instant(document["asked_at"]),
        sha256=document["sha256"],
        index=document["index"],
        error=document["error"],
    )


def _document(parts: Parts, pack_id: str) -> dict[str, Any]:
    if not pack_id.replace("-", "").isalnum():
        raise NotFoundError("There is no such pack.")
    try:
        found: dict[str, Any] = json.loads((_dir(parts) / f"{pack_id}.json").read_bytes())
    except FileNotFoundError as missing:
        raise NotFoundError("There is no such pack.") from missing
    except ValueError as broken:
        raise UnavailableError(f"The progress of {pack_id} cannot be read.", code="misconfigured") from broken
    return found


def _dir(parts: Parts) -> Path:
    place = parts.settings.instance / "packs"
    place.mkdir(mode=0o700, exist_ok=True)
    return place


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)
