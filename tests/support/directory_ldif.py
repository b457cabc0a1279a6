"""A directory full of awkward people and groups, as LDIF for slapd and for the LDIF directory.

Ids are derived from a label, so that an entry can be renamed (same label) or created anew (another).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from uuid import NAMESPACE_URL, uuid5

from gate.directory.api import Layout
from gate.domain.people import PersonRef, RoleGroup

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ELSEWHERE = f"ou=elsewhere,{SUFFIX}"
PASSWORD = "correct horse ä battery"
LAYOUT = Layout(people_base=PEOPLE, group_bases=(GROUPS,), canary_disabled="canary")

Hash = Callable[[str], str]
Attributes = Sequence[tuple[str, str]]


def id_of(label: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"urn:test:{label}"))


def ref_of(label: str) -> PersonRef:
    return PersonRef(directory="corp", id_attr="entryUUID", id=id_of(label))


def role(cn: str, name: str = "approver", team: str | None = "ledger") -> RoleGroup:
    return RoleGroup(role=name, team=team, group_dn=f"cn={cn},{GROUPS}")


def entry(dn: str, label: str, attributes: Attributes) -> str:
    return "".join(_line(name, value) for name, value in (("dn", dn), *attributes, ("entryUUID", id_of(label)))) + "\n"


def person(uid: str, hash_password: Hash, *extra: tuple[str, str], dn: str = "", label: str = "", cn: str = "") -> str:
    classes = ["inetOrgPerson", "inetLocalMailRecipient", "shadowAccount"]
    return entry(
        dn or f"uid={uid},{PEOPLE}",
        label or uid,
        [
            *(("objectClass", name) for name in classes),
            ("uid", uid),
            ("cn", cn or uid.capitalize()),
            ("sn", uid.capitalize()),
            ("userPassword", hash_password(PASSWORD)),
            *extra,
        ],
    )


def group(cn: str, members: Iterable[str], *, base: str = GROUPS, label: str = "") -> str:
    attributes = [("objectClass", "groupOfNames"), ("cn", cn), *(("member", member) for member in members)]
    return entry(f"cn={cn},{base}", label or cn, attributes)


def uid_dn(uid: str) -> str:
    return f"uid={uid},{PEOPLE}"


def group_dn(cn: str, base: str = GROUPS) -> str:
    return f"cn={cn},{base}"


def build_ldif(hash_password: Hash, *, people: Sequence[str] | None = None, groups: Sequence[str] | None = None) -> str:
    """The whole tree; ``people`` or ``groups`` replace the usual ones."""
    units = [(f"ou={name},{SUFFIX}", name) for name in ("people", "groups", "elsewhere")]
    tree = entry(SUFFIX, "suffix", [("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "Example"),
                                    ("dc", "example")])  # fmt: skip
    for dn, name in units:
        tree += entry(dn, f"ou-{name}", [("objectClass", "organizationalUnit"), ("ou", name)])
    tree += "".join(people if people is not None else usual_people(hash_password))
    return tree + "".join(groups if groups is not None else usual_groups())


def usual_people(hash_password: Hash) -> list[str]:
    def make(uid: str, *extra: tuple[str, str], dn: str = "", label: str = "", cn: str = "") -> str:
        return person(uid, hash_password, *extra, dn=dn, label=label, cn=cn)

    return [
        make("anna", ("displayName", "Anna Schmidt"), ("mail", "Anna.Schmidt@example.org"), ("o", "Example Bank AG"),
             ("mailLocalAddress", "anna@old.example"), ("departmentNumber", "ledger")),
        make("olga", ("mail", "olga@example.org"), ("shadowExpire", "-1"), ("employeeType", "internal")),
        make("jsmith", dn=f"cn=smith\\2c john,{PEOPLE}", cn="smith, john"),
        make("zoë", ("displayName", "Zoë Åström"), cn="Zoë"),
        make("kgroß", dn=f"cn=Groß \\+ Söhne\\, Karl,{PEOPLE}", cn="Groß + Söhne, Karl", label="kgross"),
        make("star*(x)", dn=f"cn=star,{PEOPLE}", cn="star", label="star"),
        make("twin", ("mail", "shared@example.org"), dn=f"cn=twin one,{PEOPLE}", cn="twin one", label="twin-1"),
        make("TWIN", ("mail", "Shared@Example.org"), dn=f"cn=twin two,{PEOPLE}", cn="twin two", label="twin-2"),
        make("expired", ("shadowExpire", "10000"), ("mail", "expired@example.org")),
        make("locked", ("pwdAccountLockedTime", "000001010000Z")),
        make("left", ("employeeType", "Terminated")),
        make("ended", ("pwdEndTime", "20200101000000Z")),
        make("canary", ("employeeType", "terminated")),
    ]  # fmt: skip


def usual_groups() -> list[str]:
    outside = group_dn("outside", ELSEWHERE)
    return [
        group("direct", [uid_dn("ANNA")]),
        group("level1", [uid_dn("anna"), uid_dn("left")]),
        group("level2", [uid_dn("olga"), group_dn("Level1")]),
        group("level3", [group_dn("level2"), group_dn("direct")]),
        group("level4", [group_dn("level3")]),
        group("cycle-a", [group_dn("cycle-b"), f"cn=Groß \\2b Söhne\\2C  Karl,{PEOPLE}"]),
        group("cycle-b", [group_dn("cycle-a"), group_dn("cycle-b")]),
        group("odd", [f"2.5.4.3=SMITH\\2c  John, OU=People,{SUFFIX}", f"uid=zo\\c3\\ab,{PEOPLE}"]),
        group("nobody", [f"cn=nobody,{SUFFIX}"]),
        group("itself", [group_dn("itself")]),
        group("blank", [""]),
        group("inner", [uid_dn("olga")]),
        group("outside", [group_dn("inner")], base=ELSEWHERE),
        group("beyond", [outside]),
    ]


def _line(name: str, value: str) -> str:
    if value.isascii() and value == value.strip() and not value.startswith((":", "<")):
        return f"{name}: {value}\n"
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"
