"""Approvals carried to a revision that is proven equal: by an entry that names both, and by nothing less."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.auditlog.entry import parse_statement
from gate.domain.approval import Act
from gate.signing.envelope import parse_envelope
from gate.workflow.evaluate import look
from tests.support.databases import TestDatabase
from tests.support.journey import MAIN, POLICY, REPOSITORY, World, build_pack, check_pack, identity, open_world

pytestmark = pytest.mark.req("POL-09", "INV-02")
POST = "def post():\n    return 1\n"


@pytest.fixture
def world(database: TestDatabase, tmp_path: Path) -> Iterator[World]:
    with open_world(tmp_path / "world", database=database.url) as opened:
        yield opened


def approved(world: World, kind: str, files: dict[str, str | bytes | None] | None = None) -> str:
    """An approved contribution under a policy that carries approvals over when ``kind`` is proven."""
    world.activate(POLICY.replace("valid_for: 14d", f"valid_for: 14d, carry_over: {kind}"))
    head = world.push("retry", files or {"src/retry.py": POST})
    world.sign("bob")
    world.sign("dana")
    assert world.word(head) == "approved"
    return head


def move_main(world: World, path: str = "docs/other.md") -> str:
    """Somebody else's landing on the target branch."""
    tip = world.repo.tip(MAIN) or ""
    new = world.repo.commit({path: "Other\n"}, "Other", parents=[tip], author=identity("bob"))
    world.land(new)
    return new


def rebase(world: World, onto: str, text: str = POST, *, committer: str = "anna") -> str:
    return world.push("retry", {"src/retry.py": text}, base=onto, committer=committer, message="A change")


def faults(world: World) -> list[str]:
    return [finding.sentence for finding in world.audit().findings if finding.is_fault]


def carried(world: World) -> list[dict[str, object]]:
    found = []
    for index, kind in world.entries():
        if kind == "approval-carried":
            envelope = world.parts.log.entry(index).envelope
            found.append(dict(parse_statement(parse_envelope(envelope).payload).predicate))
    return found


def test_a_rebase_that_changes_nothing_keeps_the_approvals_and_says_so(world: World, tmp_path: Path) -> None:
    first = approved(world, "same_diff")
    second = rebase(world, move_main(world))
    assert second != first
    assert world.word(second) == "approved"
    said = carried(world)
    assert [(one["fromHead"], one["head"], one["proof"]) for one in said] == [(first, second, "same_diff")] * 2
    assert all("vouch" not in one and one["recordedBy"]["kind"] == "system" for one in said)  # type: ignore[index]
    decision = look(world.parts, REPOSITORY, 1).decision
    assert decision.counted == tuple(one["approval"] for one in said)
    assert faults(world) == []
    world.land(second)
    assert check_pack(world, build_pack(world), tmp_path) == 0


def test_a_message_written_anew_has_the_same_tree(world: World) -> None:
    approved(world, "same_tree")
    base = world.repo.tip(MAIN) or ""
    again = world.push("retry", {"src/retry.py": POST}, base=base, message="The same change, in better words")
    assert world.word(again) == "approved"
    assert [one["proof"] for one in carried(world)] == ["same_tree"] * 2


def test_the_same_changes_are_not_the_same_tree(world: World) -> None:
    approved(world, "same_tree")
    assert world.word(rebase(world, move_main(world))) == "pending"
    assert carried(world) == []


@pytest.mark.parametrize(
    "text", [POST + "\n", POST.replace("    ", "\t"), POST.replace("1", "2"), POST.replace("\n", "\r\n")]
)
def test_one_byte_is_enough(world: World, text: str) -> None:
    """White space too: in some languages it is the program, and ``git patch-id`` would not see it."""
    approved(world, "same_diff")
    assert world.word(rebase(world, move_main(world), text)) == "pending"
    assert carried(world) == []


def test_another_binary_file_of_the_same_size_is_another_change(world: World) -> None:
    approved(world, "same_diff", {"logo.bin": bytes(range(256)) * 8})
    onto = move_main(world)
    other = world.push("retry", {"logo.bin": bytes(reversed(range(256))) * 8}, base=onto)
    assert world.word(other) == "pending"
    same = world.push("retry", {"logo.bin": bytes(range(256)) * 8}, base=onto)
    assert world.word(same) == "approved"


def test_the_mode_of_a_file_is_part_of_the_change(world: World, tmp_path: Path) -> None:
    approved(world, "same_diff")
    old = rebase(world, move_main(world))
    assert world.word(old) == "approved"
    own = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    blob = world.repo.git("rev-parse", f"{old}:src/retry.py")
    world.repo.git("read-tree", old, env=own)
    world.repo.git("update-index", "--cacheinfo", f"100755,{blob},src/retry.py", env=own)
    tree = world.repo.git("write-tree", env=own)
    parent = world.repo.git("rev-parse", f"{old}^")
    who = {f"GIT_{part}_{what}": value for part in ("AUTHOR", "COMMITTER")
           for what, value in zip(("NAME", "EMAIL"), identity("anna"), strict=True)}  # fmt: skip
    new = world.repo.git("commit-tree", tree, "-p", parent, "-m", "Runnable", env=who)
    ref = "refs/heads/contrib/main/retry"
    world.repo.git("update-ref", ref, new)
    world.tell(ref, old, new, "anna")
    assert world.word(new) == "pending"


def test_without_carry_over_a_push_makes_every_approval_stale(world: World) -> None:
    approved(world, "none")
    assert world.word(rebase(world, move_main(world))) == "pending"


def test_who_rebased_it_contributed_and_their_approval_counts_no_more(world: World) -> None:
    approved(world, "same_diff")
    second = rebase(world, move_main(world), committer="bob")
    assert world.word(second) == "pending"
    codes = {one.name: one.code for one in look(world.parts, REPOSITORY, 1).decision.not_counted}
    assert codes["Bob Lind"] == "contributor"


def test_what_was_withdrawn_or_rejected_is_not_carried(world: World) -> None:
    approved(world, "same_diff")
    world.sign("bob", Act.WITHDRAW)
    world.sign("dana", Act.REJECT)
    second = rebase(world, move_main(world))
    assert carried(world) == []
    assert world.word(second) == "rejected"


def test_a_carried_approval_can_be_withdrawn_and_comes_back_by_no_push(world: World) -> None:
    approved(world, "same_diff")
    second = rebase(world, move_main(world))
    world.sign("bob", Act.WITHDRAW)
    assert world.word(second) == "pending"
    third = rebase(world, move_main(world, "docs/more.md"))
    assert world.word(third) == "pending"
    names = [one["person"]["displayName"] for one in carried(world) if one["head"] == third]  # type: ignore[index]
    assert names == ["Dana Roy"]
    assert faults(world) == []


def test_an_approval_under_another_policy_is_not_carried(world: World) -> None:
    approved(world, "same_diff")
    world.activate(POLICY.replace("valid_for: 14d", "valid_for: 13d, carry_over: same_diff"))
    assert world.word(rebase(world, move_main(world))) == "pending"
    assert carried(world) == []


def test_it_expires_with_what_was_signed(world: World) -> None:
    approved(world, "same_diff")
    world.clock.move(days=13)
    second = rebase(world, move_main(world))
    assert world.word(second) == "approved"
    world.clock.move(days=1)
    assert world.word(second) == "pending"


def test_a_row_that_no_entry_backs_is_found(world: World) -> None:
    approved(world, "same_diff")
    rebase(world, move_main(world))
    with world.parts.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE approval_carried SET proof = 'same_tree'")
    assert any("approval carried" in sentence for sentence in faults(world))
