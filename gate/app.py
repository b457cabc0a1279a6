"""The composition root: the one place where parts are chosen and wired.

Call it after any fork: a database connection and the ledger belong to the process that opened them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from gate.directory.api import Directory, Layout, LdapSettings, LdifSettings, StateRules
from gate.directory.ldif import LdifDirectory
from gate.domain.clock import Clock, SystemClock
from gate.domain.errors import InputError, UnavailableError
from gate.git.mirror import Mirror
from gate.keys.files import load_keys
from gate.settings import DirectorySettings, Settings, load_settings
from gate.store.auditlog import AuditLog
from gate.store.engine import open_engine
from gate.store.ledger import Ledger
from gate.web import create_web
from gate.workflow.force import InForceReader
from gate.workflow.parts import Parts


def build_parts(settings: Settings, *, clock: Clock | None = None) -> Parts:
    """Open everything ``settings`` name. Raises ``UnavailableError`` (misconfigured) with the mend."""
    clock = clock or SystemClock()
    engine = open_engine(settings.database.url)
    keys = load_keys(settings.keys_dir)
    ledger = Ledger(
        engine=engine,
        log_signer=keys.log,
        origin=settings.origin,
        checkpoint_file=settings.checkpoint_file,
        clock=clock,
    )

    def mirror(repository: str, url: str) -> Mirror:
        return Mirror(
            path=settings.git.mirrors / f"{repository}.git",
            url=_git_url(settings, url),
            repository=repository,
            timeout_s=settings.git.fetch_timeout,
        )

    return Parts(
        settings=settings,
        clock=clock,
        engine=engine,
        ledger=ledger,
        log=AuditLog(engine),
        directory=build_directory(settings, clock),
        keys=keys,
        mirror=mirror,
        in_force=InForceReader(engine),
        random_bytes=os.urandom,
    )


def build_directory(settings: Settings, clock: Clock | None = None) -> Directory:
    """The directory ``settings.directory`` describes; python-ldap is only imported when it is asked for."""
    wanted = settings.directory
    match wanted.kind:
        case "ldif":
            if wanted.ldif_file is None:
                raise InputError("directory.ldif_file is not set.", field="directory.ldif_file")
            return LdifDirectory(
                LdifSettings(
                    name=wanted.name, path=wanted.ldif_file, layout=_layout(wanted), production=settings.production
                ),
                clock,
            )
        case "ldap":
            from gate.directory.ldap import LdapDirectory

            return LdapDirectory(_ldap_settings(wanted), clock)


def create_app(instance: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Flask:
    """The web application of an instance directory (default ``$GATE_INSTANCE`` or ``instance``)."""
    environ = os.environ if environ is None else environ
    place = Path(instance or environ.get("GATE_INSTANCE", "instance"))
    return create_web(build_parts(load_settings(place, environ)))


def _git_url(settings: Settings, url: str) -> str:
    """A relative path in ``repositories.yaml`` is one of the instance directory's."""
    if "://" in url or url.startswith("/"):
        return url
    if ":" in url.split("/", 1)[0]:
        return url
    return str((settings.instance / url).resolve())


def _layout(wanted: DirectorySettings) -> Layout:
    return Layout(
        people_base=wanted.people_base,
        group_bases=wanted.groups_base,
        login=wanted.login_attr,
        id=wanted.id_attr,
        names=wanted.name_attrs,
        mail=wanted.mail_attr,
        aliases=wanted.alias_attrs,
        team=wanted.team_attr,
        entity=wanted.entity_attr,
        department=wanted.department_attr,
        group_id=wanted.group_id_attr,
        group_name=wanted.group_name_attr,
        group_dn=wanted.group_dn_attr,
        members=wanted.member_attrs,
        state=StateRules(
            lockout_seconds=wanted.lockout_seconds,
            denied=tuple((one.attribute, one.values) for one in wanted.inactive),
        ),
        canary_disabled=wanted.canary_disabled,
    )


def _ldap_settings(wanted: DirectorySettings) -> LdapSettings:
    if wanted.bind_dn is None or wanted.bind_password_file is None:
        raise UnavailableError(
            "directory.bind_dn and directory.bind_password_file are needed for kind ldap.", code="misconfigured"
        )
    return LdapSettings(
        name=wanted.name,
        servers=wanted.servers,
        bind_dn=wanted.bind_dn,
        password_file=wanted.bind_password_file,
        layout=_layout(wanted),
        ca_file=wanted.ca_file,
        start_tls=wanted.start_tls,
        people_filter=wanted.people_filter,
        group_filter=wanted.groups_filter,
        connect_timeout=wanted.connect_timeout,
        operation_timeout=wanted.operation_timeout,
        total_timeout=wanted.total_timeout,
        down_seconds=wanted.down_seconds,
        max_calls=wanted.max_calls,
    )
