"""Which commands of a batch may be written, and where: decided from versions alone, no database.

Rules: commands are looked at in the order they came, each against the state that the accepted ones
before it leave behind; a refusal touches only its own command; no policy is consulted here. What
was refused is evaluated anew by its author, outside the lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gate.domain.errors import ConflictError
from gate.store.command import POLICY_STREAM, Command


@dataclass(slots=True, kw_only=True)
class State:
    """What the log says under the lock: its size, last version per stream, index per dedup key."""

    size: int
    versions: dict[str, int]
    recorded: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A command with what was computed before the lock: leaf hash and deduplication key of each of its entries."""

    command: Command
    leaves: tuple[bytes, ...]
    dedups: tuple[str | None, ...] = field(init=False)

    def __post_init__(self) -> None:
        dedups = tuple(self.command.dedup(position) for position in range(len(self.command.entries)))
        object.__setattr__(self, "dedups", dedups)


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted item (its ``position`` in the batch) and the index of its first entry."""

    position: int
    item: Item
    first: int


@dataclass(slots=True, kw_only=True)
class Plan:
    """What to write, what was recorded before (position → indexes), what is refused (position → why)."""

    accepted: list[Placed] = field(default_factory=list)
    repeated: dict[int, tuple[int, ...]] = field(default_factory=dict)
    refused: dict[int, ConflictError] = field(default_factory=dict)


def streams_of(batch: Iterable[Item]) -> set[str]:
    """Every stream whose version matters to these commands."""
    found: set[str] = set()
    for item in batch:
        command = item.command
        for entry in command.entries:
            found.add(entry.stream)
        for stream, _ in command.expects:
            found.add(stream)
        if command.policy_epoch is not None:
            found.add(POLICY_STREAM)
    return found


def dedups_of(batch: Iterable[Item]) -> set[str]:
    """Every deduplication key these commands hold."""
    return {dedup for item in batch for dedup in item.dedups if dedup is not None}


def build_plan(batch: Sequence[Item], state: State) -> Plan:
    """Place what may be written. Moves ``state`` forward as it accepts."""
    plan = Plan()
    for position, item in enumerate(batch):
        try:
            known = _recorded_before(item, state)
            if known:
                plan.repeated[position] = known
                continue
            _refuse_if_moved(item.command, state)
        except ConflictError as refusal:
            plan.refused[position] = refusal
            continue
        plan.accepted.append(Placed(position, item, state.size))
        _advance(item, state)
    return plan


def _recorded_before(item: Item, state: State) -> tuple[int, ...]:
    """The indexes this command got the first time; empty when it is new."""
    if not state.recorded:
        return ()
    found = [state.recorded[key] for key in item.dedups if key is not None and key in state.recorded]
    if found and len(found) < len(item.dedups):
        raise ConflictError(
            "Part of this was recorded before, under the same key.",
            code="partly-recorded",
            remedy="Use a new key for a new act.",
            indexes=found,
        )
    return tuple(found)


def _refuse_if_moved(command: Command, state: State) -> None:
    for stream, expected in command.expects:
        _refuse_stale(stream, expected, state.versions.get(stream, 0))
    ahead: dict[str, int] = {}
    for entry in command.entries:
        before = ahead.get(entry.stream)
        actual = state.versions.get(entry.stream, 0) if before is None else before
        _refuse_stale(entry.stream, entry.version - 1, actual)
        ahead[entry.stream] = entry.version
    if command.policy_epoch is not None:
        _refuse_stale(POLICY_STREAM, command.policy_epoch, state.versions.get(POLICY_STREAM, 0))


def _refuse_stale(stream: str, expected: int, actual: int) -> None:
    if expected != actual:
        what = "The policy in force has" if stream == POLICY_STREAM else f"{stream} has"
        raise ConflictError(
            f"{what} changed in the meantime.",
            code="policy-moved" if stream == POLICY_STREAM else "moved",
            remedy="Look at it again and repeat the step.",
            stream=stream,
            expected=expected,
            actual=actual,
        )


def _advance(item: Item, state: State) -> None:
    for entry, dedup in zip(item.command.entries, item.dedups, strict=True):
        state.versions[entry.stream] = entry.version
        if dedup is not None:
            state.recorded[dedup] = state.size
        state.size += 1
