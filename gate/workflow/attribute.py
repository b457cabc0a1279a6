"""Who is behind a commit: addresses and logins to directory persons, or *unattributed*, and how.

An address in a commit is a claim: it only ever adds somebody to the excluded. It names a person
when exactly one entry of the directory has it as mail or alias. Robots are declared in
``repositories.yaml``; that an unattributed identity is one of them is the policy's to see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gate.directory.api import Directory
from gate.domain.contribution import Commit, GitRevision
from gate.domain.errors import InputError
from gate.domain.people import AddressHow, AddressMatch
from gate.signing.canonical import canonical

FORMAT: Final = "gate-attribution/v1"
MAX_ADDRESS: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """One identity of one revision. ``person`` is a person's key or None; ``how`` says how it was resolved."""

    part: str
    address: str
    person: str | None
    how: str
    commits: tuple[str, ...] = ()


def attribute(directory: Directory, git: GitRevision, pusher: str | None) -> tuple[Attribution, ...]:
    """Every author, committer, co-author and the pusher of a revision. Raises ``UnavailableError`` on an outage."""
    matches = directory.people_by_addresses(claimed_addresses(git.commits))
    found = list(attribute_commits(git.commits, matches))
    if pusher:
        found.append(_pusher(directory, pusher))
    return tuple(found)


def attribution_bytes(head_pusher: str | None, found: Iterable[Attribution]) -> bytes:
    """All that is said of who made a revision, canonical: the entry names the digest, the rows repeat it."""
    people = [dict(sorted(one.items())) for one in contributor_values(found)]
    return canonical({"format": FORMAT, "headPusher": head_pusher, "contributors": people})


def contributor_values(found: Iterable[Attribution]) -> list[dict[str, Any]]:
    """One row for each part and address."""
    return [
        {"part": part, "address": _kept(address), "person": one.person, "how": one.how}
        for (part, address), one in sorted({(one.part, one.address): one for one in found}.items())
    ]


def _kept(address: str) -> str:
    """What a column holds of an address; two endless ones with the same beginning stay two."""
    if len(address) <= MAX_ADDRESS:
        return address
    return f"{address[: MAX_ADDRESS - 17]}~{hashlib.sha256(address.encode()).hexdigest()[:16]}"


def claimed_addresses(commits: Iterable[Commit]) -> tuple[str, ...]:
    """Every address these commits name, as ``attribute_commits`` will look it up."""
    return tuple(sorted({address for _, address in _claims(commits)}))


def attribute_commits(commits: Iterable[Commit], matches: Mapping[str, AddressMatch]) -> tuple[Attribution, ...]:
    """Authors, committers and co-authors, by ``matches`` that hold all of ``claimed_addresses``."""
    claims = sorted(_claims(commits).items())
    return tuple(_resolved(part, address, shas, matches) for (part, address), shas in claims)


def _claims(commits: Iterable[Commit]) -> dict[tuple[str, str], tuple[str, ...]]:
    claims: dict[tuple[str, str], list[str]] = {}

    def add(part: str, addresses: Iterable[str], sha: str) -> None:
        for address in addresses:
            claims.setdefault((part, address.strip().casefold()), []).append(sha)

    for commit in commits:
        add("author", [commit.author.address], commit.sha)
        add("committer", [commit.committer.address], commit.sha)
        add("co-author", [who.address for who in commit.co_authors], commit.sha)
    return {key: tuple(shas) for key, shas in claims.items()}


def _resolved(part: str, address: str, commits: tuple[str, ...], matches: Mapping[str, AddressMatch]) -> Attribution:
    match = matches[address]
    person = match.person.key if match.person else None
    return Attribution(part=part, address=address, person=person, how=match.how.value, commits=commits)


def _pusher(directory: Directory, login: str) -> Attribution:
    try:
        person = directory.person_by_login(login)
    except InputError:
        # A login that no directory may be asked about is nobody's; it stays on record as given.
        return Attribution(part="pusher", address=login, person=None, how=AddressHow.MALFORMED.value)
    return Attribution(part="pusher", address=login, person=person.key if person else None, how="login")
