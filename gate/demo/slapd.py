"""A private OpenLDAP server on loopback, from LDIF: for the demo and for tests.

Rules: a child in the foreground that dies with us, free ports, its own CA, one read-only account
for the gate with a random password in a 0600 file, no root password. What was loaded stays: started
again on the same directory it keeps data, ports (if still free), keys and password. Works as root
and as a plain user. Settings follow slapd.conf(5); ppolicy is loaded so that locks are real.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self
from uuid import uuid4

from gate.demo.slapd_certificates import write_certificates
from gate.directory.api import Layout, LdapSettings
from gate.domain.errors import UnavailableError

SCHEMAS = ("core", "cosine", "inetorgperson", "nis", "misc")
SCHEMA_DIRECTORY = Path("/etc/ldap/schema")
MODULE_DIRECTORIES = (Path("/usr/lib/ldap"), Path("/usr/lib/openldap"), Path("/usr/lib64/openldap"))
INSTALL = "apt-get install slapd"
START_ATTEMPTS = 500
PORT_ATTEMPTS = 3
PAUSE = 0.01


def find_slapd() -> str | None:
    """The program, also where PATH of a plain user does not look."""
    return shutil.which("slapd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))


def hash_password_for_slapd(password: str) -> str:
    """``{SSHA512}`` (slapd's pw-sha2 module): made-up passwords of the demo and of tests only."""
    salt = secrets.token_bytes(16)
    return "{SSHA512}" + base64.b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()


class PrivateSlapd:
    """``with PrivateSlapd(directory, ldif, suffix=…) as server:``; ``ldif`` must hold the suffix entry.

    ``size_limit`` is entries per search; ``extra_configuration`` goes before the database's lines.
    """

    def __init__(
        self, directory: Path, ldif: str, *, suffix: str, size_limit: int = 1000, extra_configuration: str = ""
    ) -> None:
        self.directory = directory.absolute()
        self.suffix = suffix
        self.ca_file = self.directory / "tls" / "ca.pem"
        self.password_file = self.directory / "gate.password"
        self.bind_dn = f"cn=gate,ou=services,{suffix}"
        self.ports: tuple[int, int] = (0, 0)
        self._ldif = ldif
        self._size_limit = size_limit
        self._extra = extra_configuration
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def starttls_uri(self) -> str:
        return f"ldap://127.0.0.1:{self.ports[0]}"

    @property
    def ldaps_uri(self) -> str:
        return f"ldaps://127.0.0.1:{self.ports[1]}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def settings(self, name: str, layout: Layout, *, start_tls: bool = False) -> LdapSettings:
        """How the gate connects to this server."""
        return LdapSettings(
            name=name,
            servers=(self.starttls_uri if start_tls else self.ldaps_uri,),
            bind_dn=self.bind_dn,
            password_file=self.password_file,
            layout=layout,
            ca_file=self.ca_file,
        )

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_certificates(self.directory / "tls")
        if not self.password_file.exists():
            _write_private(self.password_file, secrets.token_urlsafe(32))
        if not (self.directory / "data" / "data.mdb").exists():
            self._add(self._ldif)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts on the ports of last time if they are free; returns when both accept connections.

        The server ends with the thread that starts it (where setpriv is there to see to that).
        """
        if self._process is not None:
            return
        for attempts_left in reversed(range(PORT_ATTEMPTS)):
            try:
                self._launch()
            except UnavailableError:  # somebody may have taken a port between choosing and binding
                if not attempts_left:
                    raise
            else:
                return

    def _launch(self) -> None:
        self.ports = self._choose_ports()
        self._write_configuration()
        urls = f"{self.starttls_uri} {self.ldaps_uri}"
        command = [_program(), "-f", str(self._configuration), "-h", urls, "-d", "0"]
        if (setpriv := shutil.which("setpriv")) is not None:
            command = [setpriv, "--pdeathsig", "TERM", "--", *command]
        with (self.directory / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for port in self.ports:
            self._await_port(self._process, port)

    def stop(self) -> None:
        """Ends the server and waits for it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def suspend(self) -> None:
        """Hangs the server: the kernel still accepts connections, nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def load(self, ldif: str) -> None:
        """Replaces all content by ``ldif``, on the same ports."""
        was_running = self._process is not None
        self.stop()
        shutil.rmtree(self.directory / "data")
        self._ldif = ldif
        self._add(ldif)
        if was_running:
            self.start()

    @property
    def _configuration(self) -> Path:
        return self.directory / "slapd.conf"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _add(self, ldif: str) -> None:
        """Offline, by slapadd: entries keep their entryUUID and operational attributes."""
        (self.directory / "data").mkdir(mode=0o700)
        self._write_configuration()
        entries = re.sub(r"\A\s*version: 1\s*\n", "", ldif)  # slapadd takes the version line for an entry
        content = f"{entries.rstrip()}\n\n{self._own_entries()}".encode()
        command = [_program(), "-Ta", "-q", "-f", str(self._configuration)]
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.directory / "data")
            raise UnavailableError(f"slapadd refuses the LDIF: {done.stderr.decode(errors='replace').strip()}")

    def _own_entries(self) -> str:
        password = hash_password_for_slapd(self.password_file.read_text())
        return (
            f"dn: ou=services,{self.suffix}\nobjectClass: organizationalUnit\nou: services\nentryUUID: {uuid4()}\n\n"
            f"dn: {self.bind_dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: gate\n"
            f"userPassword: {password}\nentryUUID: {uuid4()}\n\n"
            f"dn: cn=default,ou=services,{self.suffix}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: default\n"
            f"pwdAttribute: userPassword\npwdLockout: TRUE\nentryUUID: {uuid4()}\n"
        )

    def _write_configuration(self) -> None:
        tls = self.directory / "tls"
        lines = [
            *(f"include {path}" for path in _schema_files()),
            *(f"modulepath {path}" for path in MODULE_DIRECTORIES if path.is_dir()),
            "moduleload back_mdb",
            "moduleload ppolicy",
            "moduleload pw-sha2",
            f'pidfile "{self.directory}/slapd.pid"',
            f'TLSCACertificateFile "{tls}/ca.pem"',
            f'TLSCertificateFile "{tls}/server.pem"',
            f'TLSCertificateKeyFile "{tls}/server.key"',
            "TLSVerifyClient never",
            "TLSProtocolMin 3.3",
            "security simple_bind=112",
            f"sizelimit size.soft={self._size_limit} size.hard={self._size_limit} size.prtotal={self._size_limit}",
            self._extra,
            "database mdb",
            f'suffix "{self.suffix}"',
            f'directory "{self.directory}/data"',
            "maxsize 268435456",
            "index objectClass,entryUUID,uid,mail,mailLocalAddress,member eq",
            "access to attrs=userPassword by anonymous auth by * none",
            f'access to * by dn.exact="{self.bind_dn}" read by self read by anonymous auth by * none',
            "overlay ppolicy",
            f'ppolicy_default "cn=default,ou=services,{self.suffix}"',
        ]
        self._configuration.write_text("\n".join(lines) + "\n")

    def _choose_ports(self) -> tuple[int, int]:
        file = self.directory / "ports"
        kept = tuple(int(word) for word in file.read_text().split()) if file.exists() else ()
        ports = (kept[0], kept[1]) if len(kept) == 2 and all(map(_is_free, kept)) else _free_ports()
        file.write_text("{} {}\n".format(*ports))
        return ports

    def _await_port(self, process: subprocess.Popen[bytes], port: int) -> None:
        for _ in range(START_ATTEMPTS):
            if not _is_free(port) and _accepts(port):
                return
            try:
                process.wait(timeout=PAUSE)
            except subprocess.TimeoutExpired:
                continue
            break
        self.stop()
        told = (self.directory / "slapd.log").read_text(errors="replace")[-1000:]
        raise UnavailableError(f"The private slapd did not start on port {port}. {told}".strip())


def _program() -> str:
    program = find_slapd()
    if program is None:
        raise UnavailableError("slapd is not installed.", code="misconfigured", remedy=INSTALL)
    return program


def _schema_files() -> list[Path]:
    return [path for name in SCHEMAS if (path := SCHEMA_DIRECTORY / f"{name}.schema").is_file()]


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
