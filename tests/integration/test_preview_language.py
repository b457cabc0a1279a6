"""``gate preview`` with the whole language: what a clone shows decides, what it cannot show is said, and no stop is
left without its cause, which says whether anything is wrong with the change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli.main import main
from gate.cli.preview_text import Listed, render_lines
from gate.domain.errors import InputError
from gate.git.mirror import open_clone
from gate.git.paths import fetch_paths
from gate.git.survey import survey
from gate.policy.expressions import INSTALL, load_cel
from gate.workflow.preview import Preview
from gate.workflow.preview_causes import CAUSES, Kind
from gate.workflow.preview_facts import FORGE_COMMITTER
from tests.support.journey import POLICY, Staff, identity
from tests.support.previews import MAIN, NOW, REGISTERED, codes, land, look, merge_of, quiet
from tests.support.repos import Repo, make_repo

pytestmark = pytest.mark.req("PRV-02")

ROOT = Path(__file__).resolve().parents[2]
WHOLE = [*sorted((ROOT / "policies").glob("**/*.yaml")), ROOT / "tests" / "vectors" / "worked.yaml"]
FORGE = REGISTERED.replace("    mode: observe", "    mode: observe\n    hook: github\n    entity: Aster AG")
LAYER = """\
apiVersion: gate/v1
kind: RepositoryLayer
metadata: {id: more, title: More, extends: base, owners: [ledger]}
applies_to: {repositories: [ledger-core], branches: ["*"]}
tighten: [{rule: qa, require: 1, count: 2}]
"""
QUALITY_OF_ONE = {"ledger-maintainers": ("bob", "carl"), "qa-approvers": ("dana",)}
with_cel = pytest.mark.skipif(load_cel() is None, reason=f"not installed: {INSTALL}")


class Story(dict[str, str]):
    """Landed commits by name, in ``repo``."""

    repo: Repo


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One landing of every kind that a policy can tell apart, read only by all tests."""
    repo = make_repo(tmp_path_factory.mktemp("language") / "ledger-core")
    repo.commit({"old.py": "".join(f"{n}\n" for n in range(700))}, "First", author=identity("bob"), branch=MAIN)
    found = Story(
        small=land(repo, {"src/a.py": "1\n"}, "anna", "Small, CHG-1"),
        renamed=land(repo, {"old.py": None, "src/new.py": "".join(f"{n}\n" for n in range(700))}, "anna", "Renamed"),
        large=land(repo, {"src/b.py": "1\n" * 600}, "anna", "Large"),
        binary=land(repo, {"pump.bin": b"\x00\x01\x02"}, "anna", "Binary"),
    )
    tip = found["binary"]
    found["squash"] = repo.commit(
        {"c.py": "1\n"}, "Squash", parents=[tip], author=identity("anna"), committer=("GitHub", FORGE_COMMITTER)
    )
    robot = repo.commit({"lock": "1\n"}, "Bump", parents=[found["squash"]], author=identity("robo"))
    mixed = repo.commit({"lock": "2\n"}, "Again", parents=[robot], author=identity("robo"), committer=identity("anna"))
    found["mixed"] = repo.merge(found["squash"], mixed, message="Bump with a hand")
    repo.git("update-ref", MAIN, found["mixed"])
    found.repo = repo
    return found


def also(rule: str, policy: str = POLICY) -> str:
    """The usual policy and one rule more, which asks for a third signature."""
    body = f"  - id: more\n    description: More.\n    {rule}\n    require: "
    return f"{policy}{body}[{{any_role: [maintainer, qa], of: any_owning_team, count: 1, meaning: verification}}]\n"


def asked(done: Preview, story: Story, extra: str = "1 maintainer or qa") -> set[str]:
    return {name for name, sha in story.items() if extra in merge_of(done, sha).needs}


def stops(done: Preview) -> dict[str, int]:
    return {one.code: one.count for one in done.stops}


@pytest.mark.parametrize("path", [one for one in WHOLE if one.name != "repositories.yaml"], ids=lambda path: path.stem)
def test_every_policy_of_ours_previews_with_every_stop_explained(story: Story, path: Path) -> None:
    """Without people: nothing may stop that only people could mend, and whatever stops has a row in the table."""
    if "expr:" in path.read_text(encoding="utf-8") and load_cel() is None:
        pytest.skip(f"not installed: {INSTALL}")
    done = look(story.repo, policy=path.read_text(encoding="utf-8"), registry=None)
    assert set(stops(done)) <= {"change_request"}
    assert done.false_stops == done.count("stop")
    assert len(done.merges) == 7
    assert len(tuple(render_lines(done))) < 50


def test_lines_are_counted_as_the_gate_counts_them(story: Story) -> None:
    """A rename has none, and those of a binary file cannot be counted."""
    done = look(story.repo, staff=Staff(), policy=also("when: {lines_over: 500}"))
    assert asked(done, story) == {"large", "binary"}


def test_a_renamed_file_is_one_file(story: Story) -> None:
    done = look(story.repo, staff=Staff(), policy=also("when: {files_over: 1}"))
    assert asked(done, story) == set()
    one = look(story.repo, staff=Staff(), policy=also("when: {files_over: 0}"))
    assert {"small", "renamed"} <= asked(one, story)
    paths = look(story.repo, staff=Staff(), policy=also('when: {paths: ["old.py"]}'))
    assert asked(paths, story) == {"renamed"}


def test_a_survey_with_sizes_says_of_each_landing_what_git_says_of_it_alone(story: Story) -> None:
    clone = open_clone(story.repo.path, "ledger-core")
    for change in survey(clone, MAIN, None, quiet, with_sizes=True):
        assert change.is_sized
        if change.landed.before is not None:
            assert change.paths == fetch_paths(clone.git, change.landed.before, change.landed.sha)


def test_a_clone_without_contents_says_so_and_fetches_nothing(story: Story, tmp_path: Path) -> None:
    story.repo.git("config", "uploadpack.allowFilter", "true")
    story.repo.git("clone", "--quiet", "--bare", "--filter=blob:none", f"file://{story.repo.path}", str(tmp_path / "c"))
    clone = Repo(tmp_path / "c")
    before = {path.name for path in (clone.path / "objects" / "pack").iterdir()}
    done = look(clone, policy=also("when: {lines_over: 500}"))
    assert {"small", "large"} <= asked(done, story)
    assert any("lacks contents of" in text for text in done.assumptions)
    assert {path.name for path in (clone.path / "objects" / "pack").iterdir()} == before
    whole = look(story.repo, policy=also("when: {lines_over: 500}"))
    assert not any("lacks contents of" in text for text in whole.assumptions)


@with_cel
def test_an_expression_that_needs_what_git_cannot_count_stops_falsely(story: Story) -> None:
    done = look(story.repo, staff=Staff(), policy=also("when: {expr: change.lines > 500}"))
    assert asked(done, story) == {"large"}
    assert codes(merge_of(done, story["binary"])) == ["missing-facts"]
    assert merge_of(done, story["binary"]).is_false_stop


@with_cel
def test_what_an_expression_asks_of_approvers_is_met_only_where_nobody_knows_them(story: Story) -> None:
    text = POLICY.replace("count: 1, meaning: verification", "count: 1, meaning: verification, expr: %s")
    unknown = look(story.repo, policy=text % "approver.department == 'quality'")
    assert unknown.stops == ()
    assert any("taken as met" in one and "expr" in one for one in unknown.assumptions)
    known = look(story.repo, staff=Staff(), policy=text % "approver.team == 'quality'")
    assert known.stops == ()
    nobody = look(story.repo, staff=Staff(), policy=text % "approver.team == 'nowhere'")
    assert codes(merge_of(nobody, story["small"])) == ["nobody-can"]
    lacking = look(story.repo, staff=Staff(), policy=text % "approver.department == 'quality'")
    assert codes(merge_of(lacking, story["small"])) == ["approver-unknown"]
    assert merge_of(lacking, story["small"]).is_false_stop


def freeze(window: tuple[str, str], more: str = "") -> str:
    start, end = (f'"2026-01-01T{one}"' for one in window)
    plain = f"freezes:\n  - {{id: calm, window: {{start: {start}, end: {end}, tz: UTC}}, because: Counting.{more}}}\n"
    return f"{POLICY}{plain}"


def test_a_freeze_stops_what_landed_in_it_and_nothing_else(story: Story) -> None:
    """Ticks are minutes: ``small`` landed at 00:03, the next at 00:05."""
    done = look(story.repo, staff=Staff(), policy=freeze(("00:03", "00:05")))
    assert stops(done) == {"freeze": 1}
    assert codes(merge_of(done, story["small"])) == ["freeze"]
    assert not merge_of(done, story["small"]).is_false_stop
    assert stops(look(story.repo, staff=Staff(), policy=freeze(("12:00", "13:00")))) == {}


def test_an_exemption_from_a_freeze_is_a_signature_like_any_other(story: Story) -> None:
    exempt = ", exempt: {role: qa, count: 2, meaning: verification}"
    text = freeze(("00:03", "00:05"), exempt)
    free = merge_of(look(story.repo, policy=text), story["small"])
    assert (free.outcome, "2 qa to exempt from a freeze" in free.needs) == ("signatures", True)
    short = merge_of(look(story.repo, staff=Staff(roles=QUALITY_OF_ONE), policy=text), story["small"])
    assert (short.outcome, set(codes(short))) == ("stop", {"nobody-can"})


def test_labels_are_taken_as_none_where_a_forge_would_report_them(story: Story) -> None:
    text = also("when: {labels: [security]}")
    for registry in (FORGE, None):
        done = look(story.repo, staff=Staff() if registry else None, policy=text, registry=registry)
        assert done.stops == ()
        assert asked(done, story) == set()
        assert any("Labels are not in git" in one for one in done.assumptions)
    assert not any("Labels" in one for one in look(story.repo, policy=POLICY, registry=FORGE).assumptions)


def test_labels_that_nobody_would_report_stop_as_they_would_in_the_gate(story: Story) -> None:
    done = look(story.repo, staff=Staff(), policy=also("when: {labels: [security]}"))
    assert codes(merge_of(done, story["small"])) == ["missing-facts"]
    assert "nobody reports labels" in merge_of(done, story["small"]).causes[0].sentence
    assert not any("Labels" in one for one in done.assumptions)


def test_only_rules_with_labels_is_no_fault_of_the_change(story: Story) -> None:
    text = POLICY.replace("when: {cross_team: true}", "when: {labels: [security]}")
    done = look(story.repo, staff=Staff(), policy=text, registry=FORGE)
    assert codes(merge_of(done, story["small"])) == ["no-label"]
    none = POLICY.replace("when: {cross_team: true}", 'when: {paths: ["nothing/**"]}')
    real = look(story.repo, staff=Staff(), policy=none, registry=FORGE)
    assert codes(merge_of(real, story["small"])) == ["no-rule"]
    assert not merge_of(real, story["small"]).is_false_stop


def test_registers_are_taken_as_met_and_that_is_said(story: Story) -> None:
    asks = (
        "terms:\n  own: {title: Own work, text: It is mine.}\nprerequisites:\n"
        "  - {id: mine, for: [contributors], terms: own}\n  - {id: gxp, for: [approvers], training: GXP-1}\n"
        "  - {id: export, for: [contributors, approvers], clearance: EXP-1}\n"
    )
    done = look(story.repo, staff=Staff(), policy=POLICY + asks)
    assert done.stops == ()
    assert any("mine, gxp, export are taken as met" in one for one in done.assumptions)


@pytest.mark.parametrize(
    ("pairs", "entity", "code"),
    [
        ('[["Aster AG", "Bora SE"]]', "Bora SE", []),
        ('[["Cyan Ltd", "Bora SE"]]', "Bora SE", ["prerequisite"]),
        ('[["Cyan Ltd", "Bora SE"]]', None, ["entity-unknown"]),
    ],
)
def test_legal_entities_stop_by_the_policy_or_for_want_of_knowing(
    story: Story, pairs: str, entity: str | None, code: list[str]
) -> None:
    text = f"{POLICY}prerequisites:\n  - {{id: pairs, for: [contributors], entities: {pairs}}}\n"
    said = f"    entity: {entity}\n" if entity else ""
    registry = REGISTERED.replace("    mode: observe\n", f"    mode: observe\n{said}")
    small = merge_of(look(story.repo, staff=Staff(), policy=text, registry=registry), story["small"])
    assert codes(small) == code
    assert small.is_false_stop is (code == ["entity-unknown"])
    alone = look(story.repo, policy=text, registry=None)
    assert alone.stops == ()
    assert any("Legal entities are not known" in one for one in alone.assumptions)


def test_a_rule_about_entities_knows_the_repositorys(story: Story) -> None:
    text = also("when: {cross_entity: true}")
    assert look(story.repo, staff=Staff(), policy=text, registry=FORGE).stops == ()
    unsaid = look(story.repo, staff=Staff(), policy=text)
    assert codes(merge_of(unsaid, story["small"])) == ["entity-unknown"]


def test_layers_are_asked_as_well(story: Story) -> None:
    done = look(story.repo, staff=Staff(), layers=[LAYER])
    assert "2 qa" in merge_of(done, story["small"]).needs
    with pytest.raises(InputError, match="does not apply to main of ledger-core"):
        look(story.repo, layers=[LAYER.replace("[ledger-core]", "[other]")])
    with pytest.raises(InputError, match="policy `elsewhere` is not declared"):
        look(story.repo, layers=[LAYER.replace("extends: base", "extends: elsewhere")])


def test_what_people_would_do_in_the_gate_is_said_to_be_missing(story: Story) -> None:
    text = (ROOT / "tests" / "vectors" / "worked.yaml").read_text(encoding="utf-8")
    if load_cel() is None:
        pytest.skip(f"not installed: {INSTALL}")
    said = " ".join(look(story.repo, policy=text, registry=None).assumptions)
    for word in ("Vetoes", "Delegations", "broken the glass", "Exemptions", "Registers"):
        assert word in said
    reviewed = POLICY.replace("meaning: technical-review}]", "meaning: technical-review, forge_review: true}]")
    assert any("Reviews made on the forge" in one for one in look(story.repo, policy=reviewed).assumptions)
    few = " ".join(look(story.repo).assumptions)
    for word in (
        "Delegations",
        "broken the glass",
        "Exemptions",
        "Registers",
        "Reported checks",
        "entities",
        "expr",
        "forge",
    ):
        assert word not in few


def test_who_commits_a_squash_is_the_forge_and_a_robots_push_may_have_a_hand_in_it(story: Story) -> None:
    done = look(story.repo, staff=Staff())
    assert merge_of(done, story["squash"]).outcome == "signatures"
    assert any(FORGE_COMMITTER in one for one in done.assumptions)
    mixed = merge_of(done, story["mixed"])
    assert (mixed.outcome, mixed.out_of_scope) == ("signatures", None)


def test_a_commit_made_by_the_forge_inside_a_branch_is_still_nobodys(story: Story, tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "ledger-core")
    first = repo.commit({"a": "1\n"}, "First", author=identity("bob"), branch=MAIN)
    head = repo.commit({"b": "1\n"}, "Edited", author=identity("anna"), committer=("GitHub", FORGE_COMMITTER))
    merged = repo.merge(first, head, branch=MAIN)
    assert merge_of(look(repo, staff=Staff()), merged).causes[0].addresses == (FORGE_COMMITTER,)


def test_a_clock_of_the_year_9999_is_not_believed(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "ledger-core")
    tree = repo.tree({"a": "1\n"})
    person = "{} <{}> 253402300799 +0000".format(*identity("anna"))
    raw = f"tree {tree}\nauthor {person}\ncommitter {person}\n\nLate\n"
    late = repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.encode())
    repo.git("update-ref", MAIN, late)
    assert merge_of(look(repo, staff=Staff()), late).outcome == "signatures"


def test_it_is_judged_as_any_branch(story: Story, tmp_path: Path) -> None:
    policy = tmp_path / "base.yaml"
    policy.write_text(POLICY.replace('branches: ["*"]', 'branches: ["release/*"]'), encoding="utf-8")
    words = ["preview", "--repo", str(story.repo.path), "--policy", str(policy), "--days", "7000"]
    refused = CliRunner().invoke(main, words)
    assert (refused.exit_code, "--as" in refused.stderr) == (2, True)
    done = CliRunner().invoke(main, [*words, "--as", "release/1.0"])
    assert done.exit_code == 0
    assert "ledger-core, branch release/1.0, policy base" in done.stdout


def test_the_last_so_many_are_looked_at(story: Story) -> None:
    done = look(story.repo, staff=Staff(), days=None, newest=2)
    assert [one.sha for one in done.merges] == [story["squash"], story["mixed"]]
    assert done.headline == "Of the last 2 merges, 0 would stop"


def test_false_and_real_stops_are_told_apart_with_the_mend_of_each(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "ledger-core")
    repo.commit({"a": "1\n"}, "First", author=identity("bob"), branch=MAIN)
    strange = [land(repo, {"b": f"{n}\n"}, ("X", f"x{n}@y.example"), f"Strange {n}") for n in range(12)]
    empty = repo.commit({}, "Nothing", author=identity("anna"), branch=MAIN)
    done = look(repo, staff=Staff())
    assert (done.false_stops, done.count("stop")) == (12, 13)
    assert [(one.code, one.kind, one.count) for one in done.stops] == [
        ("unattributed", Kind.FALSE, 12),
        ("no-changes", Kind.REAL, 1),
    ]
    assert done.stops[0].examples[0].sha == strange[-1]
    text = "\n".join(render_lines(done))
    falsely, _, real = text.partition("Would stop by the policy, by cause:")
    assert "Would stop falsely" in falsely
    assert CAUSES["unattributed"].mend in falsely
    assert "and 2 more, with --json" in falsely
    assert empty[:12] in real
    assert CAUSES["no-changes"].mend in real
    assert f"{strange[0][:12]} " not in text
    assert text.count("false stop") == 0
    assert "\n".join(render_lines(done, Listed.STOPS)).count(" false stop ") == 12


def test_every_refusal_that_signatures_cannot_mend_has_a_title_and_a_mend() -> None:
    """The codes that evaluation gives for what a preview can hold, of ``gate/policy``."""
    given: Sequence[str] = (
        "unattributed", "robot-without-sponsor", "missing-facts", "group-unreadable", "group-empty", "no-owner",
        "no-rule", "no-changes", "prerequisite", "change_request", "freeze",
    )  # fmt: skip
    assert set(given) <= set(CAUSES)
    for one in CAUSES.values():
        assert one.mend.endswith((".", "!"))
    assert NOW.tzinfo is not None
