"""Databases to test against: SQLite files and a private PostgreSQL, with one handle for both.

The PostgreSQL server is started once a session in a directory of its own, listens on a Unix socket
there and nowhere else, and is stopped by its own process id. As root it runs as the ``postgres``
account, because it refuses root. Each test gets a database of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from gate.store.engine import migrate, open_engine

INSTALL = "apt-get install postgresql"
_ACCOUNT = "postgres"
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(slots=True)
class PostgresServer:
    """A server of our own. ``stop`` and ``start`` may be repeated on the same data."""

    programs: Path
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{_ACCOUNT}@/{database}?host={self.folder / 'socket'}"

    def run(self, database: str, statement: str) -> None:
        """One statement outside any transaction, as the server's owner."""
        with psycopg.connect(host=str(self.folder / "socket"), user=_ACCOUNT, dbname=database, autocommit=True) as raw:
            raw.execute(statement)

    def initialise(self) -> None:
        for name in ("socket", "data"):
            (self.folder / name).mkdir()
        _give_away(self.folder)
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={_ACCOUNT}", "--no-sync"]
        command = [*_as_account(), str(self.programs / "initdb"), "-D", str(self.folder / "data"), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder / "socket"),
            "fsync": "on",
            "max_connections": "120",
            "shared_buffers": "32MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*_as_account(), str(self.programs / "postgres"), "-D", str(self.folder / "data"), *options]
        with (self.folder / "server.txt").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder)
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder / "socket"), "-t", "30"]
        while subprocess.run(ready, check=False).returncode != 0:
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "server.txt").read_text(errors="replace"))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast. SIGQUIT: immediate, as after a power cut of the processes."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            self.process = None

    def create_database(self) -> str:
        name = f"gate_{uuid.uuid4().hex}"
        self.run("postgres", f'CREATE DATABASE "{name}"')
        return name


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """An empty database of either kind, and a folder of the test's own beside it."""

    __test__ = False

    kind: str
    url: str
    folder: Path

    def open(self) -> Engine:
        return open_engine(self.url)

    @property
    def checkpoint_file(self) -> Path:
        return self.folder / "checkpoints.jsonl"

    def forget_checkpoints(self) -> None:
        """Remove the checkpoint file's months, which would rightly refuse an emptied log."""
        for month in self.folder.glob("checkpoints-*.jsonl"):
            month.unlink()

    def migrated(self) -> Engine:
        engine = self.open()
        migrate(engine)
        return engine


def find_postgres() -> Path | None:
    """The folder of the newest installed server's programs."""
    if _DEBIAN.is_dir():
        installed = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
        if installed:
            return installed[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).parent


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    programs = find_postgres()
    if programs is None:
        pytest.skip(f"no PostgreSQL server; {INSTALL}")
    # Not below pytest's folder: only we may enter that, and the server is another account.
    with tempfile.TemporaryDirectory(prefix="gate-pg-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(programs, Path(folder))
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> TestDatabase:
    return TestDatabase("sqlite", f"sqlite:///{tmp_path / 'gate.db'}", tmp_path)


@pytest.fixture
def postgres_database(postgres_server: PostgresServer, tmp_path: Path) -> TestDatabase:
    return TestDatabase("postgresql", postgres_server.url(postgres_server.create_database()), tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> TestDatabase:
    """Each test that asks for it runs on both."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found: TestDatabase = request.getfixturevalue(name)
    return found


@pytest.fixture
def engine(database: TestDatabase) -> Iterator[Engine]:
    """A migrated database, closed again."""
    opened = database.migrated()
    yield opened
    opened.dispose()


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    account = pwd.getpwnam(_ACCOUNT)
    groups = f"--regid={account.pw_gid}"
    # Not runuser: it would stand between us and the server, and take our signals.
    return ["setpriv", f"--reuid={account.pw_uid}", groups, "--clear-groups", "--pdeathsig", "SIGINT"]


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, _ACCOUNT, _ACCOUNT)
