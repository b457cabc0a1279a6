"""What connects the demo's parts: settings and the hooks' configuration. Written at every start, as ports may change.

Loads nothing heavy, so that a later start is quick.
"""

from __future__ import annotations

import json
from datetime import timedelta

from gate.demo.organisation import GROUPS, PEOPLE, build_ldif
from gate.demo.place import Place
from gate.demo.slapd import PrivateSlapd
from gate.directory.passwords import hash_password


def write_settings(place: Place, port: int, slapd: PrivateSlapd | None) -> None:
    """``gate.toml``, and the people file where there is no slapd."""
    place.instance.mkdir(mode=0o700, exist_ok=True)
    people = place.instance / "people.ldif"
    if slapd is None and not people.exists():
        people.write_text(build_ldif(hash_password), encoding="utf-8")
    text = (
        'organisation = "Aster Medical (fiction)"\n'
        'origin = "gate.aster.example"\n'
        f'base_url = "http://127.0.0.1:{port}"\n\n'
        '[policy]\ndir = "../policies"\n\n'
        f"[server]\nport = {port}\n\n"
        f'[permissions]\nauditor = ["cn=auditors,{GROUPS}"]\n'
        f'administrator = ["cn=gate-administrators,{GROUPS}"]\n'
        f'change_board = ["cn=change-board,{GROUPS}"]\n\n'
        f'[directory]\nname = "aster"\npeople_base = "{PEOPLE}"\ngroups_base = ["{GROUPS}"]\n'
    )
    (place.instance / "gate.toml").write_text(text + _directory(slapd), encoding="utf-8")


def configure_hooks(place: Place, repositories: tuple[str, ...], url: str, skew: timedelta = timedelta()) -> None:
    """Where the gate is, and by how much the hook's clock may be off.

    During the play verdicts are dated in the past, so the hook is told of the difference; when the
    story has reached the present it is told of none.
    """
    for one in repositories:
        path = place.bare(one) / "gate-hook.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config |= {"server": url, "clock_skew_seconds": int(skew.total_seconds())}
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _directory(slapd: PrivateSlapd | None) -> str:
    if slapd is None:
        return 'kind = "ldif"\nldif_file = "people.ldif"\n'
    return (
        f'kind = "ldap"\nservers = ["{slapd.ldaps_uri}"]\nstart_tls = false\nca_file = "{slapd.ca_file}"\n'
        f'bind_dn = "{slapd.bind_dn}"\nbind_password_file = "{slapd.password_file}"\n'
    )
