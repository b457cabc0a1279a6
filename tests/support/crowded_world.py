"""A world of contributions that have to do with one another, with every kind of fact that the record holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from gate.domain.approval import Act
from gate.workflow import checks, receive, registers
from tests.support.directory_ldif import GROUPS
from tests.support.exceptional_world import DELEGATING, end_delegation, form_under, hand_over
from tests.support.glass_world import BREAK_GLASS, break_glass, glass_staff
from tests.support.journey import MAIN, OPERATOR, REPOSITORY, World, identity, open_world

MORE_ROLES = f"""\
    incident-commander: {{group: "cn=incident-commanders,{GROUPS}"}}
    assurance: {{group: "cn=auditors,{GROUPS}"}}
ownership:
"""
CROWDED = DELEGATING.replace("ownership:\n", MORE_ROLES, 1).replace(
    "valid_for: 14d", "valid_for: 14d, carry_over: same_diff"
)
CROWDED += BREAK_GLASS


@contextmanager
def open_crowded(root: Path, **options: Any) -> Iterator[World]:
    """Ten contributions; each of the functions below says what it adds."""
    with open_world(root, policy=CROWDED, staff=glass_staff(board=("iris", "fay")), **options) as world:
        propose_one_work_thrice(world)
        push_what_nobody_answers_for(world)
        sign_for_somebody(world)
        break_the_glass(world)
        carry_an_approval(world)
        close_one(world)
        report_and_train(world)
        yield world


def propose_one_work_thrice(world: World) -> None:
    """1 to 3: one head for two branches, and a second commit on it. Rejected on ``main`` once, and on ``release``."""
    world.repo.git("update-ref", "refs/heads/release", world.repo.tip(MAIN) or "")
    head = world.push("work", {"src/a.py": "a = 1\n"})
    world.repo.git("update-ref", "refs/heads/contrib/release/work", head)
    world.tell("refs/heads/contrib/release/work", None, head, "anna")
    world.push("more", {"src/b.py": "b = 1\n"}, base=head, author="gil", pusher="gil")
    world.sign("bob", number=1)
    world.sign("erin", Act.REJECT, number=2)
    world.sign("carl", Act.REJECT, number=3)


def push_what_nobody_answers_for(world: World) -> None:
    """4 and 5: told by CI, which does not know who pushed. Of the first, 6 says it, for another branch."""
    for name, author in (("unsaid", "anna"), ("unsaid-too", ("Stranger", "who@elsewhere.example"))):
        head = world.repo.commit({f"src/{name}.py": "c = 1\n"}, "By CI", parents=[world.repo.tip(MAIN) or ""],
                                 author=identity(author), branch=f"refs/heads/{name}")  # fmt: skip
        receive.ci(world.parts, world.holder, {"repository": REPOSITORY, "target": "main", "head": head})
    head = world.repo.tip("refs/heads/unsaid") or ""
    world.repo.git("update-ref", "refs/heads/contrib/release/unsaid", head)
    world.tell("refs/heads/contrib/release/unsaid", None, head, "gil")


def sign_for_somebody(world: World) -> None:
    """7: signed under a delegation that has ended since."""
    world.push("delegated", {"src/e.py": "e = 1\n"})
    index = hand_over(world)
    world.send("gil", form_under(world, "gil", f"delegation.{index}", number=7))
    end_delegation(world, "dana", index)
    hand_over(world, "fay")


def break_the_glass(world: World) -> None:
    """8: let through by break-glass; its review is owed in the whole repository."""
    world.push("urgent", {"src/f.py": "f = 1\n"})
    world.sign("bob", number=8)
    break_glass(world, 8)


def carry_an_approval(world: World) -> None:
    """9: approved, then rebased."""
    world.push("rebased", {"src/g.py": "g = 1\n"})
    world.sign("bob", number=9)
    old = world.repo.tip(MAIN) or ""
    world.land(world.repo.commit({"docs/o.md": "O\n"}, "Other", parents=[old], author=identity("bob")))
    world.push("rebased", {"src/g.py": "g = 1\n"}, base=world.repo.tip(MAIN))


def close_one(world: World) -> None:
    """10: its branch is gone."""
    head = world.push("gone", {"src/h.py": "h = 1\n"})
    world.repo.git("update-ref", "-d", "refs/heads/contrib/main/gone")
    world.tell("refs/heads/contrib/main/gone", head, None, "anna")


def report_and_train(world: World) -> None:
    for number, outcome in enumerate(("failure", "success")):
        sha = world.repo.tip("refs/heads/contrib/main/urgent") or ""
        checks.report(world.parts, world.holder, REPOSITORY, sha, {"name": f"build{number}", "outcome": outcome})
    text = "login,code,valid_until\nbob,GXP-101,2027-01-31\nbob,GXP-102,\ndana,GXP-101,2026-12-31\n"
    registers.import_trainings(world.parts, "lms.csv", text, date(2026, 11, 1), by=OPERATOR)
