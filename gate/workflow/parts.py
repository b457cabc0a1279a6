"""The parts the steps work with, bound once in ``app.py`` and passed as one frozen argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gate.directory.api import Directory
from gate.domain.clock import Clock
from gate.git.mirror import Mirror
from gate.keys.files import KeyRing
from gate.settings import Settings
from gate.store.auditlog import AuditLog
from gate.store.engine import Engine
from gate.store.ledger import Ledger
from gate.store.tokens import TokenRow
from gate.workflow.force import InForce
from gate.workflow.recall import Recall
from gate.workflow.shown import AnswerShown


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything a step may touch. ``random_bytes`` is a part too, so that a test can replay.

    ``answers`` and ``tokens`` are this process's memory of what it just read (``answer_cache.py``): never evidence.
    """

    settings: Settings
    clock: Clock
    engine: Engine
    ledger: Ledger
    log: AuditLog
    directory: Directory
    keys: KeyRing
    mirror: Callable[[str, str], Mirror]
    in_force: Callable[[], InForce]
    random_bytes: Callable[[int], bytes]
    answers: Recall[AnswerShown] = field(default_factory=Recall, init=False, repr=False, compare=False)
    tokens: Recall[TokenRow | None] = field(default_factory=Recall, init=False, repr=False, compare=False)
