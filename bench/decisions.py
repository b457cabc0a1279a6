"""Decisions per second on one core: the worked policy (tests/vectors/worked.yaml), and a shorter one.

Every decision is made with its full tree of reasons, the yes as well as the no: there is no other way to decide. The
two of the worked policy are those of its first test: critical code of another team, an owner's and quality's approval,
each in the one role and meaning that is asked; and the same without the owner's.

The reference is a plain Python function that answers the same question for the shorter policy, hard-wired: what a team
would write by hand, without reasons, names or lifetimes. ``run`` prints nothing; ``make bench`` does.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from ruamel.yaml import YAML

from gate.policy.bind import bind
from gate.policy.effective import EffectivePolicy
from gate.policy.evaluate import evaluate
from gate.policy.facts import Facts, PathFacts
from gate.policy.parse import parse_policy
from gate.policy.registry import build_policy_set
from tests.support.policies import EFFECTIVE, H2, POLICY, REPOSITORIES, STAFF, approve, build_facts, person

ROUNDS = 5
_WORKED = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "worked.yaml"


def run() -> list[dict[str, object]]:
    facts = build_facts(approvals=(approve("ivan", "qa"), approve("bob", "maintainer:ledger", index=11)))
    pending = build_facts(approvals=(approve("ivan", "qa"),))
    many, fewer = _paths(100_000), _paths(1_000)
    hand = _rate(lambda: _by_hand(facts), 20_000)
    worked, without = _worked()
    rows = [
        _row("decisions yes, worked policy", _rate(lambda: evaluate(*worked), 500), "1/s", hand),
        _row("decisions no, worked policy", _rate(lambda: evaluate(*without), 500), "1/s", hand),
        _row("decisions yes", _rate(lambda: evaluate(EFFECTIVE, facts), 500), "1/s", hand),
        _row("decisions no, explained", _rate(lambda: evaluate(EFFECTIVE, pending), 500), "1/s", hand),
    ]
    linear = 100 * _seconds(lambda: evaluate(EFFECTIVE, fewer), 3)
    rows.append(_row("decision of 100,000 paths", _seconds(lambda: evaluate(EFFECTIVE, many), 1), "s", linear))
    rows.append(_row("policy sets read", _rate(_read_files, 5), "1/s", _rate(_scan_files, 5)))
    rows.append(_row("policy files loaded (200 of 2 kB)", _seconds(_load_files, 1), "s", 1.0))
    rows.append(_row("policy files loaded again", _seconds(_load_again, 1), "s", 1.0))
    rows += _linearity()
    crowd = _crowd(100)
    rows.append(_row("decision of 100 approvals", _seconds(lambda: evaluate(EFFECTIVE, crowd), 20), "s", 0.005))
    return rows


def _worked() -> tuple[tuple[EffectivePolicy, Facts], tuple[EffectivePolicy, Facts]]:
    """Yes and no under the worked policy."""
    worked = parse_policy(_WORKED.name, _WORKED.read_bytes())
    effective, facts = bind(worked, worked.cases[0])
    asked = {("maintainer", "technical-review"), ("qa", "independent-verification")}
    given = tuple(one for one in facts.approvals if (one.role, one.meaning) in asked)
    quality = tuple(one for one in given if one.role == "qa")
    return (effective, replace(facts, approvals=given)), (effective, replace(facts, approvals=quality))


def _linearity() -> list[dict[str, object]]:
    """Time per path, against that of ten times fewer: 1 is linear."""
    per_path = {}
    for count in (10, 100, 1_000, 10_000, 100_000):
        facts = _paths(count)
        per_path[count] = _seconds(partial(evaluate, EFFECTIVE, facts), max(1, 2_000 // count)) / count
    return [
        _row(f"time per path of {count:,} paths", per_path[count], "s", per_path[count // 10])
        for count in (100, 1_000, 10_000, 100_000)
    ]


def _crowd(count: int) -> Facts:
    """As many maintainers and testers, each of whom approved."""
    people = [person(f"n{number}", "ledger", "maintainer:ledger" if number % 2 else "qa") for number in range(count)]
    approvals = tuple(
        approve(one.login, "maintainer:ledger" if number % 2 else "qa", index=100 + number)
        for number, one in enumerate(people)
    )
    return build_facts(staff=(*STAFF, *people), approvals=approvals)


def _policy_texts(salt: object) -> list[str]:
    """200 files of 2 kB that no cache has seen."""
    text = POLICY[: POLICY.index("  - id: policy-change")]
    return [f"{text}# {salt}-{number}\n" for number in range(200)]


_SALT = itertools.count()


def _load_files() -> None:
    for number, text in enumerate(_policy_texts(next(_SALT))):
        parse_policy(f"{number}.yaml", text)


_SEEN = _policy_texts("seen")


def _load_again() -> None:
    for number, text in enumerate(_SEEN):
        parse_policy(f"{number}.yaml", text)


def _paths(count: int) -> Facts:
    return build_facts(paths=tuple(PathFacts(path=f"ledger/posting/{number}.py") for number in range(count)))


def _row(name: str, value: float, unit: str, reference: float) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "reference": reference, "ratio": value / reference}


def _read_files() -> None:
    build_policy_set({"policy.yaml": POLICY, "repositories.yaml": REPOSITORIES})


def _scan_files() -> None:
    """The floor of reading: the YAML parser alone."""
    for text in (POLICY, REPOSITORIES):
        for _ in YAML(typ="safe", pure=True).parse(text):
            pass


def _rate(work: Callable[[], object], times: int) -> float:
    return 1 / _seconds(work, times)


def _seconds(work: Callable[[], object], times: int) -> float:
    """Seconds for one call: the median of five rounds."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - started) / times)
    return median(rounds)


def _by_hand(facts: Facts) -> bool:
    people = {person.id: person for person in facts.people}
    contributors = {one.person for one in facts.contributors} | {facts.author}
    if None in contributors or facts.change_request is None or not facts.change_request.startswith("CHG-"):
        return False
    if any("inner-source-terms-v3" not in people[key].terms for key in contributors if key is not None):
        return False
    if not any(check.name == "build" and check.head == H2 and check.outcome == "success" for check in facts.checks):
        return False
    owners: set[str] = set()
    quality: set[str] = set()
    for one in facts.approvals:
        person = people.get(one.person)
        if person is None or one.person in contributors or one.head != facts.head or person.state != "active":
            continue
        if facts.now >= one.signed_at + timedelta(days=14):
            continue
        for held in person.roles:
            if (held.role, held.team) == (one.role, one.team):
                (owners if one.role == "maintainer" else quality).add(one.person)
    return any(owner != other for owner in owners for other in quality)
