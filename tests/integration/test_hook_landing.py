"""Real pushes through the installed hook: what may land, what may not, and that no ref moved."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.hooked import MAIN, RELEASE, Ground, make_ground
from tests.support.verdicts import make_key, sign_statement

PAGE = "http://127.0.0.1:9/repositories/app/revisions/"


@pytest.fixture(params=["cryptography", "openssl"])
def ground(tmp_path: Path, request: pytest.FixtureRequest) -> Ground:
    made = make_ground(tmp_path)
    made.environment["GATE_HOOK_VERIFIER"] = request.param
    return made


@pytest.fixture
def plain(tmp_path: Path) -> Ground:
    return make_ground(tmp_path)


def topic(ground: Ground, parent: str | None = None, **files: str) -> str:
    return ground.work.commit(files or {"x": "1\n"}, "topic", parents=[parent or ground.base])


# -- accepted ------------------------------------------------------------------------------------------------


@pytest.mark.req("LND-01", "LND-03", "INV-13")
def test_a_fast_forward_to_an_approved_head_lands(ground: Ground) -> None:
    middle = topic(ground)
    head = topic(ground, middle, y="1\n")
    said = ground.accepted(f"{head}:{MAIN}", verdicts=(ground.verdict(head),))
    assert "fast-forward" in said
    assert ground.server.tip(MAIN) == head


@pytest.mark.req("LND-01", "LND-03", "INV-13")
def test_an_exact_merge_lands(ground: Ground) -> None:
    head = topic(ground)
    tip = topic(ground, a="2\n")
    ground.accepted(f"{tip}:{MAIN}", verdicts=(ground.verdict(tip),))
    merged = ground.work.merge(tip, head)
    ground.accepted(f"{merged}:{MAIN}", verdicts=(ground.verdict(head),))
    assert ground.server.tip(MAIN) == merged


@pytest.mark.req("LND-01", "INV-13")
def test_several_landings_in_one_push(plain: Ground) -> None:
    one, two = topic(plain), topic(plain, a="2\n")
    three = topic(plain, one, z="1\n")
    merged = plain.work.merge(three, two)
    verdicts = tuple(plain.verdict(sha) for sha in (two, three, one))
    plain.accepted(f"{merged}:{MAIN}", verdicts=verdicts)
    assert plain.server.tip(MAIN) == merged


@pytest.mark.req("LND-01", "INV-13")
def test_two_protected_refs_in_one_push(plain: Ground) -> None:
    head = topic(plain)
    verdicts = (plain.verdict(head), plain.verdict(head, target=RELEASE))
    plain.accepted(f"{head}:{MAIN}", f"{head}:{RELEASE}", verdicts=verdicts)
    assert plain.server.tip(MAIN) == plain.server.tip(RELEASE) == head


@pytest.mark.req("LND-01", "LND-03")
def test_a_verdict_from_a_file_is_enough(plain: Ground) -> None:
    head = topic(plain)
    both = [plain.verdict(head, target=RELEASE), plain.verdict(head)]
    path = plain.verdict_dir / f"{head}.json"
    path.write_text("".join(json.dumps(one) + "\n" for one in both))
    plain.accepted(f"{head}:{MAIN}")
    plain.accepted(f"{head}:{RELEASE}")
    other = topic(plain, head, q="1\n")
    (plain.verdict_dir / f"{other}.json").write_text(json.dumps(plain.verdict(other), indent=2))
    plain.accepted(f"{other}:{MAIN}")


@pytest.mark.req("INV-13")
def test_other_refs_pass_untouched(plain: Ground) -> None:
    head = topic(plain)
    plain.accepted(f"{head}:refs/heads/feature", f"{head}:refs/tags/v1", f"{head}:refs/notes/x")
    plain.accepted(":refs/heads/feature", f"{plain.base}:refs/tags/v2")
    said = plain.accepted(f"{head}:refs/heads/contrib/main/topic")
    assert "opens no contribution" not in said
    plain.accepted(f"{plain.base}:{MAIN}")


@pytest.mark.req("INV-12", "INV-13", "RCV-01")
def test_a_contribution_branch_that_names_no_target_is_told_so(plain: Ground) -> None:
    head = topic(plain)
    said = plain.accepted(f"{head}:refs/heads/contrib/mian/topic")
    assert "contrib/mian/topic opens no contribution" in said
    assert "main, release/*" in said
    assert "opens no contribution" not in plain.accepted(f"{head}:refs/heads/contrib/release/1/topic")
    assert "opens no contribution" in plain.accepted(f"{head}:refs/heads/contrib/main-topic")


# -- refused -------------------------------------------------------------------------------------------------


@pytest.mark.req("LND-02", "INV-12")
def test_no_verdict(ground: Ground) -> None:
    head = topic(ground)
    said = ground.refused(f"{head}:{MAIN}")
    assert f"there is no verdict for {head[:12]}" in said
    assert PAGE + head in said
    assert "server could not be asked" in said


@pytest.mark.req("LND-02", "INV-12")
def test_an_evil_merge(ground: Ground) -> None:
    head, tip = topic(ground), topic(ground, a="2\n")
    ground.accepted(f"{tip}:{MAIN}", verdicts=(ground.verdict(tip),))
    evil = ground.work.merge(tip, head, {"x": "1\nevil\n"})
    said = ground.refused(f"{evil}:{MAIN}", verdicts=(ground.verdict(head),))
    assert "its content is not that of the merge" in said
    assert PAGE + head in said


@pytest.mark.req("LND-02", "INV-12")
def test_a_merge_over_a_conflict(plain: Ground) -> None:
    head, tip = topic(plain, a="mine\n"), topic(plain, a="theirs\n")
    plain.accepted(f"{tip}:{MAIN}", verdicts=(plain.verdict(tip),))
    tree = plain.work.git("rev-parse", f"{head}^{{tree}}")
    resolved = plain.work.commit({}, "resolved", parents=[tip, head], tree=tree)
    assert "conflicts" in plain.refused(f"{resolved}:{MAIN}", verdicts=(plain.verdict(head),))


@pytest.mark.req("LND-02", "INV-12")
def test_the_head_plus_one_commit(ground: Ground) -> None:
    head = topic(ground)
    extra = topic(ground, head, y="1\n")
    said = ground.refused(f"{extra}:{MAIN}", verdicts=(ground.verdict(head),))
    assert f"it stands on top of {head[:12]}, which may land" in said
    assert PAGE + extra in said


@pytest.mark.req("LND-02")
def test_a_commit_below_the_approved_head_does_not_ride_along(plain: Ground) -> None:
    below = topic(plain)
    head = topic(plain, below, y="1\n")
    said = plain.refused(f"{head}:{MAIN}", verdicts=(plain.verdict(head, merge_base=below),))
    assert "does not contain" in said


@pytest.mark.req("LND-02", "INV-02", "INV-12")
def test_the_head_to_another_protected_branch(ground: Ground) -> None:
    head = topic(ground)
    said = ground.refused(f"{head}:{RELEASE}", verdicts=(ground.verdict(head),))
    assert "it is for refs/heads/main, not for refs/heads/release/1" in said


@pytest.mark.req("LND-02", "INV-12")
def test_deletion_and_creation_of_a_protected_ref(plain: Ground) -> None:
    said = plain.refused(f":{RELEASE}")
    assert "delete a protected ref" in said
    assert "http://127.0.0.1:9/repositories/app" in said
    head = topic(plain)
    assert "create a protected ref" in plain.refused(f"{head}:refs/heads/release/2", verdicts=(plain.verdict(head),))


@pytest.mark.req("LND-02", "INV-12")
def test_a_move_back_to_an_older_approved_commit(plain: Ground) -> None:
    head = topic(plain)
    newer = topic(plain, head, y="1\n")
    plain.accepted(f"{newer}:{MAIN}", verdicts=(plain.verdict(newer),))
    said = plain.refused(f"+{head}:{MAIN}", verdicts=(plain.verdict(head),))
    assert "moves the branch back" in said


@pytest.mark.req("LND-02", "INV-12")
def test_a_history_that_does_not_run_through_the_tip(plain: Ground) -> None:
    head, tip = topic(plain), topic(plain, a="2\n")
    plain.accepted(f"{tip}:{MAIN}", verdicts=(plain.verdict(tip),))
    swapped = plain.work.merge(head, tip)
    both = (plain.verdict(head), plain.verdict(swapped), plain.verdict(tip))
    assert "history would be rewritten" in plain.refused(f"{swapped}:{MAIN}", verdicts=both)
    assert "history would be rewritten" in plain.refused(f"+{head}:{MAIN}", verdicts=both)
    orphan = plain.work.commit({"o": "1"}, parents=[])
    assert "history would be rewritten" in plain.refused(f"+{orphan}:{MAIN}", verdicts=(plain.verdict(orphan),))


@pytest.mark.req("LND-02", "INV-12")
def test_an_octopus(plain: Ground) -> None:
    one, two = topic(plain), topic(plain, a="2\n")
    tree = plain.work.git("rev-parse", f"{plain.work.merge(one, two)}^{{tree}}")
    octopus = plain.work.commit({}, parents=[plain.base, one, two], tree=tree)
    said = plain.refused(f"{octopus}:{MAIN}", verdicts=(plain.verdict(one), plain.verdict(two)))
    assert "a merge of 3 parents" in said


@pytest.mark.req("LND-02", "INV-12")
def test_a_squash_and_a_rebase_are_named_and_not_accepted(plain: Ground) -> None:
    one = topic(plain)
    head = topic(plain, one, y="1\n")
    tip = topic(plain, a="2\n")
    plain.accepted(f"{tip}:{MAIN}", verdicts=(plain.verdict(tip),))
    tree = plain.work.git("merge-tree", "--write-tree", tip, head)
    squash = plain.work.commit({}, "squash", parents=[tip], tree=tree)
    again = plain.work.commit({"x": "1\n"}, "x", parents=[tip])
    rebased = plain.work.commit({"y": "1\n"}, "y", parents=[again])
    plain.accepted(f"{head}:refs/heads/contrib/main/x")
    for pushed in (squash, rebased):
        assert "as a squash or rebase" in plain.refused(f"{pushed}:{MAIN}", verdicts=(plain.verdict(head),))


@pytest.mark.req("LND-02")
def test_one_good_and_one_bad_ref_together(ground: Ground) -> None:
    head = topic(ground)
    refs = (f"{head}:{MAIN}", f"{head}:{RELEASE}", f"{head}:refs/heads/contrib/main/x")
    said = ground.refused(*refs, verdicts=(ground.verdict(head),))
    assert "refs/heads/release/1" in said


@pytest.mark.req("LND-02")
def test_an_alias_of_a_protected_branch_is_that_branch(plain: Ground) -> None:
    plain.server.git("symbolic-ref", "refs/heads/alias", MAIN)
    head = topic(plain)
    assert "refs/heads/main" in plain.refused(f"{head}:refs/heads/alias")
    plain.accepted(f"{head}:refs/heads/alias", verdicts=(plain.verdict(head),))
    assert plain.server.tip(MAIN) == head


@pytest.mark.req("LND-02")
def test_an_alias_of_a_protected_branch_that_does_not_exist_yet_creates_it(plain: Ground) -> None:
    plain.server.git("symbolic-ref", "refs/heads/next", "refs/heads/release/9")
    assert "create a protected ref" in plain.refused(f"{topic(plain)}:refs/heads/next")


@pytest.mark.req("LND-02")
def test_replace_refs_are_not_believed(plain: Ground) -> None:
    head = topic(plain)
    tip = topic(plain, a="2\n")
    plain.accepted(f"{tip}:{MAIN}", verdicts=(plain.verdict(tip),))
    good = plain.work.merge(tip, head)
    evil = plain.work.merge(tip, head, {"x": "evil\n"})
    plain.accepted(f"{evil}:refs/heads/any", f"{good}:refs/replace/{evil}")
    assert "not that of the merge" in plain.refused(f"{evil}:{MAIN}", verdicts=(plain.verdict(head),))


@pytest.mark.req("LND-02")
def test_attributes_of_a_branch_do_not_change_what_a_merge_is(plain: Ground) -> None:
    marked = topic(plain, **{".gitattributes": "* merge=union\n", "a": "1\nmine\n"})
    tip = topic(plain, a="1\ntheirs\n")
    plain.accepted(f"{tip}:{MAIN}", verdicts=(plain.verdict(tip),))
    files = {"a": "1\ntheirs\nmine\n", ".gitattributes": "* merge=union\n"}
    union = plain.work.commit(files, parents=[tip, marked])
    assert "conflicts" in plain.refused(f"{union}:{MAIN}", verdicts=(plain.verdict(marked),))


# -- verdicts that do not count --------------------------------------------------------------------------------


def flip(envelope: dict[str, Any], place: int) -> dict[str, Any]:
    raw = bytearray(base64.b64decode(envelope["payload"]))
    raw[place] ^= 1
    return {**envelope, "payload": base64.b64encode(bytes(raw)).decode()}


@pytest.mark.req("LND-02", "LND-03", "INV-12")
def test_a_flipped_bit(ground: Ground) -> None:
    head = topic(ground)
    good = ground.verdict(head)
    signature = bytearray(base64.b64decode(good["signatures"][0]["sig"]))
    signature[5] ^= 1
    bad = {**good, "signatures": [{**good["signatures"][0], "sig": base64.b64encode(bytes(signature)).decode()}]}
    for broken in (flip(good, 0), flip(good, 200), flip(good, -20), bad):
        assert "its signature does not hold" in ground.refused(f"{head}:{MAIN}", verdicts=(broken,))


@pytest.mark.req("LND-02", "LND-03", "INV-12")
def test_expired_not_yet_valid_unknown_key_and_the_rest(ground: Ground) -> None:
    head = topic(ground)
    now = datetime.now(UTC)
    minute = timedelta(minutes=1)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"not_before": now - 2 * minute, "not_after": now - minute}, "it expired at"),
        ({"not_before": now + 5 * minute}, "it is not valid before"),
        ({"key": make_key(2)}, "signed by no pinned key"),
        ({"key": make_key(1, "gate.example/act")}, "signed by no pinned key"),
        ({"repository": "other"}, "it is for repository other, not app"),
        ({"result": "FAILED", "answer": "pending"}, "it says pending"),
        ({"answer": "rejected"}, "it says rejected"),
        ({"origin": "elsewhere.example"}, "it is the word of elsewhere.example"),
        ({"tree": "1" * 40}, "another tree"),
        ({"merge_base": "2" * 40}, "does not contain"),
        ({"merge_base": "not a sha"}, "lacks what a verdict must say"),
    ]
    for changes, words in cases:
        assert words in ground.refused(f"{head}:{MAIN}", verdicts=(ground.verdict(head, **changes),)), words


@pytest.mark.req("LND-02", "LND-03")
def test_what_is_no_verdict_at_all(plain: Ground) -> None:
    head = topic(plain)
    good = plain.verdict(head)
    payload = json.loads(base64.b64decode(good["payload"]))
    other = sign_statement({**payload, "predicateType": "urn:contribution-gate:approval:v1"}, plain.key)
    elsewhere = {**payload["subject"][0], "digest": {"gitCommit": "3" * 40}}
    subject = sign_statement({**payload, "subject": [elsewhere]}, plain.key)
    doubled = json.dumps(good).replace("{", '{"payloadType": "x", ', 1).encode()
    for broken, words in (
        (b"garbage", "not readable JSON"),
        (b"[]", "no in-toto envelope"),
        (b"[" * 20_000, "not readable JSON"),
        (doubled, "not readable JSON"),
        ({**good, "signatures": []}, "no signature"),
        ({**good, "payloadType": "text/plain"}, "no in-toto envelope"),
        (other, "not a verification summary"),
        (subject, "name different revisions"),
        ({**good, "payload": "%%%"}, "not base64"),
    ):
        assert words in plain.refused(f"{head}:{MAIN}", verdicts=(broken,)), words


@pytest.mark.req("LND-01")
def test_one_good_verdict_among_bad_ones_is_enough(plain: Ground) -> None:
    head = topic(plain)
    good = plain.verdict(head)
    expired = plain.verdict(head, not_after=datetime.now(UTC) - timedelta(seconds=1))
    plain.accepted(f"{head}:{MAIN}", verdicts=(flip(good, 9), expired, good))


@pytest.mark.req("LND-01")
def test_clock_skew_is_allowed_as_far_as_configured(tmp_path: Path) -> None:
    ground = make_ground(tmp_path, clock_skew_seconds=120)
    head = topic(ground)
    expired = ground.verdict(head, not_after=datetime.now(UTC) - timedelta(seconds=60))
    ground.accepted(f"{head}:{MAIN}", verdicts=(expired,))
