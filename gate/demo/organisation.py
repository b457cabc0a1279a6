"""Aster Medical, a fictional group: three legal entities, six teams, 24 people, as LDIF.

Every password is made up and printed. Ids are derived from logins, so that a rebuilt demo has the same
people. On purpose: one disabled account, one expired training, second addresses, nested groups, and
people who have not accepted the terms.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

SUFFIX = "dc=aster,dc=example"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
TRAINING = "GXP-101"
TERMS = "inner-source"

ENTITIES = {
    "infusion": "Aster Medical Devices GmbH",
    "imaging": "Aster Medical Devices GmbH",
    "lab": "Aster Diagnostics AG",
    "quality": "Aster Diagnostics AG",
    "cloud": "Aster Digital Ltd",
    "platform": "Aster Digital Ltd",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the 24. ``training_ends`` is in days from now; None: never trained."""

    login: str
    name: str
    team: str
    aliases: tuple[str, ...] = ()
    is_disabled: bool = False
    training_ends: int | None = None
    accepts_terms: bool = True

    @property
    def mail(self) -> str:
        return f"{self.login}@aster.example"

    @property
    def password(self) -> str:
        return f"{self.login}-demo"


def _member(login: str, name: str, team: str, **more: object) -> Member:
    return Member(login=login, name=name, team=team, **more)  # type: ignore[arg-type]


MEMBERS = (
    _member("mara", "Mara Lindqvist", "infusion", training_ends=300),
    _member("lucia", "Lucia Moretti", "infusion", training_ends=120),
    _member("jonas", "Jonas Weber", "infusion", training_ends=-30),
    _member("tomas", "Tomás Rivera", "infusion"),
    _member("priya", "Priya Nair", "imaging", training_ends=200),
    _member("henrik", "Henrik Dahl", "imaging"),
    _member("sofia", "Sofia Costa", "imaging"),
    _member("ruben", "Ruben Maas", "imaging", is_disabled=True, training_ends=90),
    _member("anna", "Anna Keller", "lab", training_ends=250),
    _member("kofi", "Kofi Mensah", "lab", training_ends=180),
    _member("elena", "Elena Popescu", "lab"),
    _member("wei", "Wei Zhang", "lab"),
    _member("noor", "Noor Haddad", "cloud", aliases=("noor@haddad.example",)),
    _member("david", "David Okafor", "cloud"),
    _member("yuki", "Yuki Tanaka", "cloud"),
    _member("marek", "Marek Novák", "cloud", accepts_terms=False),
    _member("clara", "Clara Dupont", "platform", training_ends=365, aliases=("clara.dupont@oss.example",)),
    _member("omar", "Omar Farouk", "platform", training_ends=150),
    _member("freya", "Freya Olsen", "platform"),
    _member("ivan", "Ivan Petrov", "platform"),
    _member("grace", "Grace Adeyemi", "quality", training_ends=330),
    _member("stefan", "Stefan Brandt", "quality", training_ends=60),
    _member("leila", "Leila Karimi", "quality", accepts_terms=False),
    _member("viktor", "Viktor Hansen", "quality", accepts_terms=False),
)
GROUP_MEMBERS = {  # a name with @ is a group within the group
    "infusion-maintainers": ("@infusion-leads", "jonas"),
    "infusion-leads": ("mara", "lucia"),
    "imaging-maintainers": ("priya", "ruben"),
    "lab-maintainers": ("anna", "kofi"),
    "cloud-maintainers": ("david", "yuki"),
    "platform-maintainers": ("clara", "omar"),
    "qa-approvers": ("@quality-engineers",),
    "quality-engineers": ("grace", "stefan"),
    "auditors": ("leila", "viktor"),
    "change-board": ("viktor", "stefan"),
    "gate-administrators": ("ivan",),
}
Attributes = Sequence[tuple[str, str]]


def find_member(login: str) -> Member:
    return next(one for one in MEMBERS if one.login == login)


def build_ldif(hash_password: Callable[[str], str]) -> str:
    """The whole directory, for slapd and for the LDIF directory alike."""
    top = [("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "Aster Medical"), ("dc", "aster")]
    units = [(f"ou={name},{SUFFIX}", name) for name in ("people", "groups")]
    entries = [_entry(SUFFIX, top)]
    entries += [_entry(dn, [("objectClass", "organizationalUnit"), ("ou", name)]) for dn, name in units]
    entries += [_person(one, hash_password(one.password)) for one in MEMBERS]
    entries += [_group(name, members) for name, members in GROUP_MEMBERS.items()]
    return "".join(entries)


def build_trainings(day: Callable[[int], str]) -> str:
    """The register of trainings as CSV; ``day`` turns days from now into a date."""
    rows = [f"{one.login},{TRAINING},{day(one.training_ends)}" for one in MEMBERS if one.training_ends is not None]
    return "\n".join(["login,code,valid_until", *rows, ""])


def _person(one: Member, password: str) -> str:
    classes = ("inetOrgPerson", "inetLocalMailRecipient")
    return _entry(
        f"uid={one.login},{PEOPLE}",
        [
            *(("objectClass", name) for name in classes),
            ("uid", one.login),
            ("cn", one.name),
            ("sn", one.name.rpartition(" ")[2]),
            ("displayName", one.name),
            ("mail", one.mail),
            *(("mailLocalAddress", alias) for alias in one.aliases),
            ("departmentNumber", one.team),
            ("o", ENTITIES[one.team]),
            ("employeeType", "terminated" if one.is_disabled else "internal"),
            ("userPassword", password),
        ],
    )


def _group(name: str, members: Iterable[str]) -> str:
    def dn(member: str) -> str:
        return f"cn={member[1:]},{GROUPS}" if member.startswith("@") else f"uid={member},{PEOPLE}"

    attributes = [("objectClass", "groupOfNames"), ("cn", name), *(("member", dn(one)) for one in members)]
    return _entry(f"cn={name},{GROUPS}", attributes)


def _entry(dn: str, attributes: Attributes) -> str:
    identifier = str(uuid5(NAMESPACE_URL, f"urn:aster:{dn}"))
    return "".join(_line(name, value) for name, value in (("dn", dn), *attributes, ("entryUUID", identifier))) + "\n"


def _line(name: str, value: str) -> str:
    """RFC 2849: what is not plain ASCII goes as base64."""
    if value.isascii():
        return f"{name}: {value}\n"
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"
