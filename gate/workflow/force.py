"""The policies in force: read back from the record, never from files (files are proposals)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from gate.domain.errors import InputError, NotFoundError, UnavailableError
from gate.policy.effective import EffectivePolicy
from gate.policy.registered import Repository
from gate.policy.registry import PolicySet, build_policy_set
from gate.store import blobs, policies
from gate.store.engine import Connection, Engine
from gate.store.policies import PolicyVersionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One activation: its epoch (version of stream ``policy``), its files' digests, and what they say together."""

    epoch: int
    index: int
    files: tuple[tuple[str, bytes], ...]
    policies: PolicySet

    def text_digest(self, file: str) -> bytes:
        """SHA-256 of the file's text as activated."""
        return next(digest for name, digest in self.files if name == file)

    def repository(self, id: str) -> Repository:
        """The registered repository, or ``NotFoundError``."""
        found = self.policies.registry.repository(id)
        if found is None:
            raise NotFoundError(f"No repository is registered as {id!r}.", remedy="See the list of repositories.")
        return found

    def policy_for(self, repository: str, target: str) -> EffectivePolicy:
        """The policy of a target branch, or ``UnavailableError`` (no-policy): nothing is decided without one."""
        found = self.policies.policy_for(repository, target)
        if found is None or not self.policies.is_protected(repository, target):
            raise UnavailableError(
                f"No policy in force covers {target} of {repository}.",
                code="no-policy",
                remedy="Add the branch to `applies_to` of a policy and activate it.",
            )
        return found


class InForceReader:
    """Answers "what is in force now?" with one small query; parses an activation once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: InForce | None = None

    def __call__(self) -> InForce:
        """Raises ``UnavailableError`` (code no-policy) before the first activation."""
        with self._engine.connect() as connection:
            row = policies.in_force(connection)
            if row is None:
                raise UnavailableError(
                    "No policy is in force.",
                    code="no-policy",
                    remedy="An administrator activates one with `gate policy activate`.",
                )
            last = self._last
            if last is not None and last.index == row.idx:
                return last
            self._last = _read_activation(connection, row)
        return self._last


def force_at(engine: Engine, now: InForce, at: datetime) -> InForce:
    """What was in force at ``at``, while ``now`` is; before the first activation, that one. ``UnavailableError``."""
    with engine.connect() as connection:
        history = policies.history(connection)
        row = next((one for one in history if one.activated_at <= at), history[-1])
        return now if row.idx == now.index else _read_activation(connection, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A repository as registered, in the activation that says it; ``removed_at`` is None while that is in force."""

    repository: Repository
    policies: PolicySet
    removed_at: datetime | None


def find_registered(engine: Engine, force: InForce, id: str) -> Registered:
    """The repository as it is registered or, when it is no more, as it last was: the record knows its past.

    Raises ``NotFoundError`` for one that never was, ``UnavailableError``.
    """
    found = force.policies.registry.repository(id)
    if found is not None:
        return Registered(repository=found, policies=force.policies, removed_at=None)
    with engine.connect() as connection:
        removed_at: datetime | None = None
        for row in policies.history(connection):
            then = _read_activation(connection, row).policies
            found = then.registry.repository(id)
            if found is not None:
                return Registered(repository=found, policies=then, removed_at=removed_at)
            removed_at = row.activated_at
    raise NotFoundError(f"No repository was ever registered as {id!r}.", remedy="See the list of repositories.")


def _read_activation(connection: Connection, row: PolicyVersionRow) -> InForce:
    files = tuple((name, bytes.fromhex(digest)) for name, digest in sorted(json.loads(row.files).items()))
    texts = {name: blobs.load(connection, digest) for name, digest in files}
    try:
        found = build_policy_set(texts)
    except InputError as problem:
        # It was parsed when it was activated: nothing is decided under a policy that no longer reads.
        raise UnavailableError(
            f"The policies of epoch {row.epoch} cannot be read: {problem}", code="misconfigured"
        ) from problem
    return InForce(epoch=row.epoch, index=row.idx, files=files, policies=found)
