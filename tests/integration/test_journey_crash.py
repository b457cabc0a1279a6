"""kill -9 of every server process amid people signing, five times: nothing acknowledged is lost (LOG-02, INV-06)."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from click.testing import CliRunner

from gate.auditlog.entry import parse_statement
from gate.cli.main import main
from gate.domain.clock import SystemClock
from gate.domain.contribution import GitRevision
from gate.git.mirror import Mirror
from gate.signing.envelope import parse_envelope
from gate.workflow.evaluate import decide
from gate.workflow.revise import Proposal, propose
from tests.support.databases import TestDatabase
from tests.support.journey import MAIN, OPERATOR, POLICY, REPOSITORY, Staff, World, open_world
from tests.support.journey_server import Served, Signer, receipt_index, served

APPROVERS = ("bob", "carl", "erin", "dana", "fay")
MANY = 200
KILLS = 5
PATIENCE = 450.0
TWO = POLICY.replace("count: 1, meaning: technical-review", "count: 2, meaning: technical-review")


@pytest.fixture
def world(database: TestDatabase, tmp_path: Path) -> Iterator[World]:
    staff = Staff(roles={"ledger-maintainers": APPROVERS, "qa-approvers": (), "auditors": ("iris",)})
    with open_world(
        tmp_path / "world", database=database.url, staff=staff, policy=TWO, max_age=3600, clock=SystemClock()
    ) as opened:
        yield opened


@dataclass(frozen=True)
class Likenesses:
    """Stands in for the mirror: revisions like one that git told, each with commits and patches of its own."""

    model: GitRevision

    def revision(self, head: str, target: str) -> GitRevision:
        commit = replace(self.model.commits[0], sha=head, patch_id=head)
        return replace(self.model, head=head, target=target, commits=(commit,))


def propose_many(world: World) -> None:
    """``MANY`` contributions: the first from git, the others like it, because git is not what is tried here."""
    head = world.push("t1", {"file.txt": "1"})
    force = world.parts.in_force()
    repository = force.repository(REPOSITORY)
    model = world.parts.mirror(repository.id, repository.url).revision(head, MAIN)
    for number in range(2, MANY + 1):
        wanted = Proposal(
            repository=REPOSITORY,
            target=MAIN,
            topic=f"t{number}",
            source_ref=None,
            head=hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest(),
            pusher="anna",
        )
        made = propose(world.parts, force, cast(Mirror, Likenesses(model)), wanted, OPERATOR)
        assert made == number
        decide(world.parts, REPOSITORY, made)


class People:
    """Five people who sign 40 contributions each, and do not give up when the server is gone."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.acknowledged: dict[int, tuple[str, int]] = {}
        self.problems: list[str] = []
        self.threads = [
            threading.Thread(target=self._work, args=(login, share), name=login)
            for share, login in enumerate(APPROVERS)
        ]
        self.until = time.monotonic() + PATIENCE

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(timeout=PATIENCE)
            assert not thread.is_alive(), "somebody never got to the end"

    def _work(self, login: str, share: int) -> None:
        person = Signer(self.server, login)
        try:
            self._patiently(person.sign_in)
            for number in range(1 + share, MANY + 1, len(APPROVERS)):
                self._sign(person, number)
        except Exception as problem:  # noqa: BLE001 -- a thread's failure must be seen by the test
            self.problems.append(f"{login}: {problem!r}")

    def _sign(self, person: Signer, number: int) -> None:
        while True:
            page = self._patiently(partial(person.open_form, number))
            if page.status_code == 403 and "You have approved this revision" in page.text:
                return  # it was recorded, and the crash took the answer: nobody was told yes
            fields = person.hidden(page)
            answer = self._patiently(partial(person.send_form, number, fields))
            if answer.status_code == 303:
                self.acknowledged[receipt_index(answer)] = (person.login, number)
                return
            # 409: the worker was faster; 503: the database was busy. Neither is a yes.
            assert answer.status_code in (409, 503), (answer.status_code, answer.text)

    def _patiently(self, ask: Callable[[], requests.Response]) -> requests.Response:
        """The same again while nobody answers."""
        while True:
            try:
                return ask()
            except requests.RequestException:
                assert time.monotonic() < self.until, "the server did not come back"
                time.sleep(0.05)


def await_more(people: People, wanted: int) -> None:
    """Until so many signatures are acknowledged, or all work is done."""
    while len(people.acknowledged) < wanted and any(thread.is_alive() for thread in people.threads):
        time.sleep(0.005)


def audit(world: World) -> int:
    done = CliRunner().invoke(main, ["audit", "--instance", str(world.instance)])
    assert "All entries hold." in done.output or done.exit_code != 0, done.output
    return done.exit_code


@pytest.mark.timeout(600)
@pytest.mark.req("LOG-02", "INV-06", "LOG-03", "SGN-01")
def test_kill_9_of_everything_five_times_loses_nothing_acknowledged(
    world: World, free_port: Callable[[], int], tmp_path: Path
) -> None:
    propose_many(world)
    with served(world, free_port(), tmp_path / "server.txt") as server:
        people = People(server)
        people.start()
        for kill in range(KILLS):
            await_more(people, (kill + 1) * MANY // (KILLS + 1))
            told = dict(people.acknowledged)
            server.kill()
            check_in_log(world, told)
            assert audit(world) == 0
            server.start()
        people.join()
        assert people.problems == []
        assert server.stop() == 0
    check_in_log(world, people.acknowledged)
    assert audit(world) == 0
    signed = [index for index, kind in world.entries() if kind == "approval"]
    assert len(signed) == MANY, "each contribution was signed once, and none twice"
    assert set(people.acknowledged) <= set(signed)
    assert len(people.acknowledged) >= MANY - KILLS * len(APPROVERS)


def check_in_log(world: World, acknowledged: dict[int, tuple[str, int]]) -> None:
    """Every receipt names the entry that holds just that signature."""
    for index, (login, number) in acknowledged.items():
        said: Any = parse_statement(parse_envelope(world.parts.log.entry(index).envelope).payload).predicate
        assert (said["reviewer"]["login"], said["number"]) == (login, number)
