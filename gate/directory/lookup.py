"""What every directory does alike: find people, check passwords, walk nested groups, explain itself.

A backend gives a ``Session`` (equality searches over people and groups, and a password check) and
``_run``, which opens one for the length of a call. All else is here once, so that a file and a
server cannot disagree about who somebody is. Nothing is cached: an answer is as old as its call.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gate.directory.api import Layout
from gate.directory.names import fold, parse_address, parse_login
from gate.directory.session import Entry, Session
from gate.directory.state import evaluate_state, state_attributes
from gate.directory.walk import resolve_groups, role_grants, walk_down, walk_up
from gate.domain.clock import Clock
from gate.domain.errors import GateError, InputError, NotFoundError, NotSignedInError, UnavailableError
from gate.domain.people import (
    AddressHow,
    AddressMatch,
    DirectorySource,
    Health,
    Person,
    PersonRef,
    PersonState,
    RoleGroup,
    RoleSnapshot,
)

T = TypeVar("T")

NO_SUCH_ID = "00000000-0000-0000-0000-000000000000"


def person_attributes(layout: Layout) -> tuple[str, ...]:
    """What is read of a person, by name: no more than is used."""
    return (
        layout.id, layout.login, *layout.names, layout.mail, *layout.aliases, layout.team, layout.entity,
        *((layout.department,) if layout.department is not None else ()), *state_attributes(layout.state),
    )  # fmt: skip


class LookupDirectory(ABC):
    """``Directory`` over sessions."""

    def __init__(self, name: str, layout: Layout, clock: Clock) -> None:
        self._name = name
        self._layout = layout
        self._clock = clock

    @property
    @abstractmethod
    def source(self) -> DirectorySource: ...

    @abstractmethod
    def _run(self, call: Callable[[Session], T]) -> T: ...

    @abstractmethod
    def _stages(self) -> Iterable[tuple[str, bool, str]]: ...

    def authenticate(self, login: str, password: str) -> Person:
        try:
            typed = parse_login(login)
        except InputError:
            raise _bad_credentials() from None
        _refuse_empty(password)
        return self._run(lambda session: self._sign_in(session, self._layout.login, typed, password))

    def reauthenticate(self, ref: PersonRef, password: str) -> Person:
        self._check_ref(ref)
        _refuse_empty(password)
        return self._run(lambda session: self._sign_in(session, self._layout.id, ref.id, password))

    def person(self, ref: PersonRef) -> Person | None:
        self._check_ref(ref)
        return self._run(lambda session: self._one_person(session, self._layout.id, ref.id))

    def person_by_login(self, login: str) -> Person | None:
        typed = parse_login(login)
        return self._run(lambda session: self._one_person(session, self._layout.login, typed))

    def person_by_address(self, address: str) -> AddressMatch:
        return self.people_by_addresses((address,))[address]

    def people_by_addresses(self, addresses: Sequence[str]) -> dict[str, AddressMatch]:
        asked = {address: _comparable(address) for address in addresses}
        wanted = sorted({form for form in asked.values() if form is not None})
        if not wanted:
            return {address: AddressMatch(address=address, how=AddressHow.MALFORMED) for address in asked}
        holders = self._run(lambda session: self._holders(session, wanted))
        return {address: _address_match(address, form, holders) for address, form in asked.items()}

    def snapshot(self, ref: PersonRef, groups: Sequence[RoleGroup]) -> RoleSnapshot:
        found = self.snapshots((ref,), groups)
        if ref.key not in found:
            raise NotFoundError("The directory has no such person.", code="person-gone", person=ref.key)
        return found[ref.key]

    def snapshots(self, refs: Sequence[PersonRef], groups: Sequence[RoleGroup]) -> dict[str, RoleSnapshot]:
        for ref in refs:
            self._check_ref(ref)
        return self._run(lambda session: self._snapshots(session, refs, groups)) if refs else {}

    def members(self, group: RoleGroup) -> tuple[Person, ...]:
        entries = self._run(lambda session: walk_down(session, self._layout, group.group_dn))
        return tuple(sorted(map(self._build_person, entries), key=lambda person: (fold(person.name), person.key)))

    def health(self) -> Health:
        stages = list(self._stages())
        if all(ok for _, ok, _ in stages):
            stages += [self._search_stage(), *self._canary_stage()]
        return Health(ok=all(ok for _, ok, _ in stages), stages=tuple(stages))

    def _sign_in(self, session: Session, attribute: str, value: str, password: str) -> Person:
        person = self._one_person(session, attribute, value)
        if not session.password_holds(person.dn if person else None, password) or person is None:
            raise _bad_credentials()
        if not person.is_active:
            raise NotSignedInError(
                "This account is not active.", code="inactive", remedy="Ask the people who run the directory."
            )
        return person

    def _one_person(self, session: Session, attribute: str, value: str) -> Person | None:
        entries = session.find_people((attribute,), (value,))
        if len(entries) > 1:
            raise UnavailableError(
                f"{len(entries)} people in the directory have the same {attribute}.",
                code="ambiguous",
                remedy="Nobody can be told apart by it until the directory is corrected.",
            )
        return self._build_person(entries[0]) if entries else None

    def _build_person(self, entry: Entry) -> Person:
        layout, now = self._layout, self._clock.now()
        state, reasons = evaluate_state(entry.attributes, layout.state, now)
        addresses = (value for attribute in (layout.mail, *layout.aliases) for value in entry.values(attribute))
        login = min(entry.values(layout.login), default="")
        if not login:
            raise UnavailableError(f"{entry.dn!r} has no {layout.login}.", code="misconfigured")
        return Person(
            ref=PersonRef(directory=self._name, id_attr=layout.id, id=entry.only(layout.id)),
            login=login,
            dn=entry.dn,
            name=_first(entry, *layout.names) or login,
            addresses=tuple(dict.fromkeys(addresses)),
            state=state,
            reasons=reasons,
            team=_first(entry, layout.team),
            entity=_first(entry, layout.entity),
            department=_first(entry, layout.department) if layout.department is not None else None,
            fetched_at=now,
        )

    def _holders(self, session: Session, wanted: Sequence[str]) -> dict[str, list[tuple[AddressHow, Person]]]:
        layout = self._layout
        holders: dict[str, list[tuple[AddressHow, Person]]] = {form: [] for form in wanted}
        for entry in session.find_people((layout.mail, *layout.aliases), wanted):
            person = self._build_person(entry)
            mails = {_comparable(value) for value in entry.values(layout.mail)}
            held = {_comparable(value) for value in person.addresses} & holders.keys()
            if not held:
                raise UnavailableError(f"{entry.dn!r} matched an address it does not show.", code="ambiguous")
            for form in held:
                holders[form or ""].append((AddressHow.MAIL if form in mails else AddressHow.ALIAS, person))
        return holders

    def _snapshots(
        self, session: Session, refs: Sequence[PersonRef], groups: Sequence[RoleGroup]
    ) -> dict[str, RoleSnapshot]:
        resolved = resolve_groups(session, self._layout, [group.group_dn for group in groups])
        made: dict[str, RoleSnapshot] = {}
        for ref in dict.fromkeys(refs):
            started, before = time.monotonic(), session.queries
            person = self._one_person(session, self._layout.id, ref.id)
            if person is None:
                continue
            walk = walk_up(session, self._layout, person.dn)
            made[ref.key] = RoleSnapshot(
                person=person,
                grants=role_grants(session, walk, groups, resolved),
                groups_total=walk.total,
                groups_digest=walk.digest(),
                source=session.source,
                taken_at=person.fetched_at,
                took_ms=round((time.monotonic() - started) * 1000),
                queries=session.queries - before,
            )
        return made

    def _check_ref(self, ref: PersonRef) -> None:
        if (ref.directory, ref.id_attr) != (self._name, self._layout.id):
            raise UnavailableError(
                f"{ref.key!r} by {ref.id_attr} is not from the directory {self._name!r} by {self._layout.id}.",
                code="misconfigured",
            )

    def _search_stage(self) -> tuple[str, bool, str]:
        layout = self._layout

        def both_bases(session: Session) -> None:
            session.find_people((layout.id,), (NO_SUCH_ID,))
            session.find_groups((layout.group_id,), (NO_SUCH_ID,))

        try:
            self._run(both_bases)
        except GateError as error:
            return "search", False, str(error)
        return "search", True, f"people under {layout.people_base}, groups under {' and '.join(layout.group_bases)}"

    def _canary_stage(self) -> Iterable[tuple[str, bool, str]]:
        """Attributes that only exist on disabled accounts look the same when absent and when unreadable."""
        login = self._layout.canary_disabled
        if login is None:
            return
        try:
            person = self.person_by_login(login)
        except GateError as error:
            yield "canary", False, str(error)
            return
        seen = "not found" if person is None else person.state.value
        yield "canary", seen == PersonState.INACTIVE, f"the disabled account {login} is {seen}"


def _bad_credentials() -> NotSignedInError:
    return NotSignedInError("Login or password is wrong.", code="bad-credentials")


def _refuse_empty(password: str | None) -> None:
    """An empty password makes a bind "unauthenticated" (RFC 4513 5.1.2): some servers then say yes."""
    if not password or "\0" in password:
        raise _bad_credentials()
    try:
        password.encode()
    except UnicodeEncodeError:
        raise _bad_credentials() from None


def _first(entry: Entry, *attributes: str) -> str | None:
    return next((value for attribute in attributes for value in entry.values(attribute) if value.strip()), None)


def _comparable(address: str) -> str | None:
    try:
        return parse_address(address)
    except InputError:
        return None


def _address_match(
    address: str, form: str | None, holders: Mapping[str, Sequence[tuple[AddressHow, Person]]]
) -> AddressMatch:
    if form is None:
        return AddressMatch(address=address, how=AddressHow.MALFORMED)
    match holders[form]:
        case []:
            return AddressMatch(address=address, how=AddressHow.NOBODY)
        case [(how, person)]:
            return AddressMatch(address=address, how=how, person=person)
        case _:
            return AddressMatch(address=address, how=AddressHow.AMBIGUOUS)
