"""Step 7: scope -> EvidencePack -> sealed PDF.

``request`` only writes a job: a pack is drawn by the worker, never inside a web request. ``build``
does the work and is what ``gate pack build`` calls too: look for landings nobody told us of, gather,
assemble, render, seal, and record that it was issued together with its bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gate.auditlog.entry import EntryKind, Recorder
from gate.auditlog.trust import build_trust_file
from gate.domain.clock import format_instant, parse_instant
from gate.domain.errors import ConflictError, InputError, NotFoundError
from gate.evidence.codec import twin_bytes
from gate.evidence.pack import build_pack
from gate.evidence.population import render_population
from gate.evidence.twin import EvidencePack, PersonLabel
from gate.keys.files import build_trust
from gate.store import blobs, outbox
from gate.store import packs as issued
from gate.store.command import Blob, Command, EntryIndex, Row
from gate.store.outbox import JobRow
from gate.store.packs import PackRow
from gate.store.tables import pack_issued
from gate.workflow.collect import collect
from gate.workflow.entry import build_entry, by_person, thing_subject
from gate.workflow.force import Registered, find_registered
from gate.workflow.land import walk_repository
from gate.workflow.names import Names
from gate.workflow.parts import Parts
from gate.workflow.shown import PackRequest, PackShown, SignedIn

ATTEMPTS: Final = 5
JOB: Final = "pack"
VERIFIER: Final = Path(__file__).resolve().parents[1] / "standalone" / "verify.py"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A pack that was made: its bytes, the entry that says so, and what it holds."""

    id: str
    sealed: bytes
    index: int
    pack: EvidencePack

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sealed).hexdigest()


def request(parts: Parts, who: SignedIn, wanted: PackRequest) -> str:
    """Ask for a pack; returns its id. ``InputError`` for an empty period, ``NotFoundError`` for the repository."""
    _check(parts, wanted)
    pack_id = new_pack_id(parts)
    asked: dict[str, object] = {
        "pack": pack_id,
        "repository": wanted.repository,
        "from": format_instant(wanted.period_from),
        "to": format_instant(wanted.period_to),
        "reason": wanted.reason,
        "by": {"id": who.key, "name": who.name, "login": who.login},
        "at": format_instant(parts.clock.now()),
    }
    outbox.put(parts.engine, JOB, asked, parts.clock.now())
    return pack_id


def pack(parts: Parts, pack_id: str) -> PackShown:
    """How far a pack is. ``NotFoundError``."""
    job = next((one for one in outbox.newest(parts.engine, JOB) if one.content["pack"] == pack_id), None)
    if job is not None:
        return _shown(parts, job)
    row = issued.find(parts.engine, pack_id)
    if row is None:
        raise NotFoundError("There is no such pack.", remedy="Ask for it again.")
    return _shown_issued(parts, row)


def packs(parts: Parts) -> tuple[PackShown, ...]:
    """The last packs, asked for on the page or issued otherwise, newest first."""
    asked = [_shown(parts, job) for job in outbox.newest(parts.engine, JOB)]
    known = {one.id for one in asked}
    others = [_shown_issued(parts, row) for row in issued.newest(parts.engine) if row.pack_id not in known]
    return tuple(sorted((*asked, *others), key=lambda one: one.asked_at, reverse=True))


def pack_file(parts: Parts, pack_id: str) -> bytes:
    """The sealed bytes of a ready pack. ``NotFoundError`` when there are none (yet)."""
    row = issued.find(parts.engine, pack_id)
    if row is None:
        raise NotFoundError("This pack is not ready.", remedy="Wait until its page says so.")
    return blobs.load(parts.engine, row.sha256)


def population_csv(parts: Parts, who: SignedIn, wanted: PackRequest) -> bytes:
    """The population of a pack as CSV, safe in spreadsheets, without making the pack."""
    _check(parts, wanted)
    asked_by = PersonLabel(id=who.key, name=who.name, login=who.login)
    return render_population(build_pack(collect(parts, new_pack_id(parts), wanted, asked_by)))


def run_job(parts: Parts, asked: Mapping[str, Any]) -> None:
    """Make a pack that was asked for. Asked twice, it is made once."""
    if issued.find(parts.engine, asked["pack"]) is not None:
        return
    by = PersonLabel(**asked["by"])
    build(parts, _wanted(asked), by, by_person(by.id), pack_id=asked["pack"])


def build(
    parts: Parts,
    wanted: PackRequest,
    asked_by: PersonLabel,
    by: Recorder,
    *,
    pack_id: str | None = None,
    progress: Progress = lambda step: None,
) -> Built:
    """Make, seal and record a pack; its bytes are kept with the record.

    Raises ``InputError``, ``UnavailableError``, ``VerificationError``.
    """
    # Drawing and sealing load half of what the gate loads, and only the worker draws.
    from gate.pdf.render import build_supplements, render_pack
    from gate.pdf.seal import seal

    registered = _check(parts, wanted)
    pack_id = pack_id or new_pack_id(parts)
    if registered.removed_at is None:
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
    progress("Recording that it was issued.")
    index = _record(parts, wanted, assembled, sealed, asked_by, by)
    return Built(id=pack_id, sealed=sealed, index=index, pack=assembled)


def new_pack_id(parts: Parts) -> str:
    return f"pack-{parts.clock.now():%Y%m%d}-{parts.random_bytes(4).hex()}"


def _check(parts: Parts, wanted: PackRequest) -> Registered:
    if wanted.period_from >= wanted.period_to:
        raise InputError("The period ends before it begins.", field="period_to", remedy="Give a later end.")
    if not wanted.reason.strip():
        # It stands on the cover: who asked, and what for.
        raise InputError("Say what the pack is for.", field="reason", remedy="Give a reason, such as the audit's name.")
    return find_registered(parts.engine, parts.in_force(), wanted.repository)


def _record(
    parts: Parts, wanted: PackRequest, made: EvidencePack, sealed: bytes, asked_by: PersonLabel, by: Recorder
) -> int:
    digest = hashlib.sha256(sealed).digest()
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
            receipt = parts.ledger.append(
                Command(
                    entries=(entry,),
                    rows=(Row(table=pack_issued, values=values),),
                    blobs=(Blob(kind="pack", content=sealed),),
                )
            )
        except ConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            continue
        return receipt.indexes[0]
    raise AssertionError("the loop returns or raises")


def _wanted(asked: Mapping[str, Any]) -> PackRequest:
    return PackRequest(
        repository=asked["repository"],
        period_from=parse_instant(asked["from"]),
        period_to=parse_instant(asked["to"]),
        reason=asked["reason"],
    )


def _shown_issued(parts: Parts, row: PackRow) -> PackShown:
    """A pack whose job is long forgotten, or that was made at the command line: its entry is enough."""
    return PackShown(
        id=row.pack_id,
        repository=row.repository,
        period_from=row.period_from,
        period_to=row.period_to,
        state="ready",
        step="Ready.",
        asked_by=Names(parts).of(row.by_person),
        asked_at=row.at,
        sha256=row.sha256.hex(),
        index=row.idx,
    )


def _shown(parts: Parts, job: JobRow) -> PackShown:
    """A pack's state is its job's and, once issued, its entry's: nothing is kept beside the database."""
    asked = job.content
    wanted, row = _wanted(asked), issued.find(parts.engine, asked["pack"])
    if row is not None:
        state, step = "ready", "Ready."
    elif job.last_error is not None:
        state, step = "failed", "It could not be made; the worker tries again."
    elif job.attempts:
        state, step = "working", "The worker is making it."
    else:
        state, step = "queued", "Waiting for the worker."
    return PackShown(
        id=asked["pack"],
        repository=wanted.repository,
        period_from=wanted.period_from,
        period_to=wanted.period_to,
        state=state,
        step=step,
        asked_by=asked["by"]["name"],
        asked_at=parse_instant(asked["at"]),
        sha256=row.sha256.hex() if row else None,
        index=row.idx if row else None,
        error=job.last_error if row is None else None,
    )
