"""``gate preview`` on real clones: what would stop and why, what nobody can know, and that nothing is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gate.cli.main import main
from gate.cli.preview_text import Listed, render_lines, show
from gate.domain.errors import InputError
from gate.git.mirror import Mirror, open_clone
from gate.git.process import GitProcess
from gate.git.survey import survey
from gate.workflow.preview import find_branch
from tests.support.directory_ldif import GROUPS
from tests.support.journey import POLICY, Staff, identity
from tests.support.previews import MAIN, REGISTERED, codes, import_merges, land, look, merge_of, quiet
from tests.support.repos import Repo, make_repo
from tests.support.slapd import quick_hash

pytestmark = pytest.mark.req("PRV-01")

STRANGER = ("Somebody", "me@laptop.local")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = make_repo(tmp_path / "ledger-core")
    made.commit({"README.md": "Ledger\n"}, "First", author=identity("bob"), branch=MAIN)
    return made


def test_each_merge_is_explained_and_stops_are_grouped_by_cause(repo: Repo) -> None:
    cross = land(repo, {"src/a.py": "1\n"}, "anna", "Retry")
    own = land(repo, {"src/b.py": "1\n"}, "carl", "Tidy")
    robot = land(repo, {"lock": "1\n"}, "robo", "Bump")
    strange = [land(repo, {"src/c.py": f"{n}\n"}, STRANGER, f"Fix {n}") for n in range(3)]
    other = land(repo, {"src/d.py": "1\n"}, ("X", "x@y.example"), "Odd")

    done = look(repo, staff=Staff())

    assert done.headline == (
        "Of 8 merges in 90 days, 4 would stop, 4 of them because of 2 unattributed addresses; 4 stop falsely"
    )
    (unknown,) = done.stops
    assert (unknown.code, unknown.count) == ("unattributed", 4)
    assert unknown.addresses == (("me@laptop.local", 3), ("x@y.example", 1))
    assert [merge_of(done, sha).outcome for sha in (*strange, other)] == ["stop"] * 4
    assert "me@laptop.local" in merge_of(done, strange[0]).causes[0].sentence
    needs = merge_of(done, cross)
    assert (needs.outcome, needs.needs) == ("signatures", ("1 maintainer of ledger", "1 qa"))
    assert "Anna Berg is of team payments" in needs.because[0]
    assert (merge_of(done, own).outcome, merge_of(done, own).out_of_scope) == ("out-of-scope", "same-team")
    assert merge_of(done, robot).out_of_scope == "robots"
    assert dict(done.out_of_scope) == {"same-team": 2, "robots": 1}, "Bob's first commit is his own team's"
    text = "\n".join(render_lines(done, Listed.ALL))
    for sha in (cross, own, robot, *strange, other):
        assert sha[:12] in text


def test_a_merge_whose_only_fault_is_a_co_author_stops(repo: Repo) -> None:
    sha = land(repo, {"a": "1\n"}, "anna", "One")
    head = repo.commit(
        {"b": "1\n"}, "Two\n\nCo-authored-by: Who <who@nowhere.example>\n", parents=[sha], author=identity("anna")
    )
    repo.git("update-ref", MAIN, head)
    merge = merge_of(look(repo, staff=Staff()), head)
    assert (merge.outcome, merge.causes[0].addresses) == ("stop", ("who@nowhere.example",))
    assert not merge.is_merge


def test_what_no_signature_mends_stops(repo: Repo) -> None:
    sha = land(repo, {"a": "1\n"}, "anna", "One without an id")
    good = land(repo, {"b": "1\n"}, "anna", "CHG-7 one with an id")
    asking = POLICY + 'change_request: {pattern: "CHG-[0-9]+", example: CHG-1}\n'
    done = look(repo, staff=Staff(), policy=asking)
    assert codes(merge_of(done, sha)) == ["change_request"]
    assert merge_of(done, good).outcome == "signatures"

    nobody = Staff(roles={"ledger-maintainers": ("anna",), "qa-approvers": ("dana",)})
    merge = merge_of(look(repo, staff=nobody), good)
    assert codes(merge) == ["nobody-can"]
    assert "Anna Berg wrote" in merge.causes[0].sentence

    assert codes(merge_of(look(repo, staff=Staff(roles={"qa-approvers": ("dana",)})), good)) == ["group-unreadable"]

    no_rule = POLICY.replace("when: {cross_team: true}", 'when: {paths: ["nothing/**"]}')
    assert codes(merge_of(look(repo, staff=Staff(), policy=no_rule), good)) == ["no-rule"]


def test_without_a_directory_it_says_what_cannot_be_known(repo: Repo) -> None:
    strange = land(repo, {"a": "1\n"}, STRANGER, "By somebody")
    nameless = land(repo, {"b": "1\n"}, ("Nobody", "not an address"), "By no address")
    empty = land(repo, {"c": "1\n"}, ("Nobody", ""), "By nothing")
    robot = land(repo, {"d": "1\n"}, "robo", "Bump")
    done = look(repo)
    assert merge_of(done, strange).needs == ("1 maintainer of ledger", "1 qa")
    assert [codes(merge_of(done, sha)) for sha in (nameless, empty)] == [["unattributed"]] * 2
    assert merge_of(done, empty).causes[0].addresses == ("(an empty address)",)
    assert merge_of(done, robot).out_of_scope == "robots"
    said = " ".join(done.assumptions)
    assert "No directory was asked" in said
    assert "every signature as obtainable" in said
    assert "as the directory has them today" not in said


def test_a_bare_policy_is_looked_at_with_a_made_up_repository(repo: Repo) -> None:
    sha = land(repo, {"a": "1\n"}, "anna", "One")
    assert merge_of(look(repo, registry=None), sha).needs == ("1 maintainer of owners", "1 qa")
    assert merge_of(look(repo, registry=None, teams=["ledger"], staff=Staff()), sha).outcome == "signatures"
    with pytest.raises(InputError, match="--team"):
        look(repo, registry=None, staff=Staff())


def test_prerequisites_and_checks_are_taken_as_given_and_that_is_said(repo: Repo) -> None:
    sha = land(repo, {"a": "1\n"}, "anna", "One")
    policy = (
        POLICY
        + "prerequisites:\n  - {id: gxp, for: [contributors, approvers], training: GXP-1}\n"
        + "checks:\n  - {name: build, reporters: [ci]}\n"
    )
    done = look(repo, staff=Staff(), policy=policy)
    assert merge_of(done, sha).outcome == "signatures"
    said = " ".join(done.assumptions)
    assert "gxp are taken as met" in said
    assert "build are taken as reported" in said


def test_a_robot_known_by_its_address_alone_needs_signatures(repo: Repo) -> None:
    sha = land(repo, {"lock": "1\n"}, ("Bot", "bot@deps.example"), "Bump")
    registry = REGISTERED.replace("login: robo, address: robo@example.org", "address: bot@deps.example")
    merge = merge_of(look(repo, staff=Staff(), registry=registry), sha)
    assert (merge.outcome, merge.out_of_scope) == ("signatures", None)


def test_strange_histories_do_not_crash(repo: Repo) -> None:
    tip = repo.tip(MAIN)
    assert tip is not None
    heads = [repo.commit({name: "1\n"}, name, parents=[tip], author=identity("anna")) for name in ("x", "y", "z")]
    tree = repo.tree({"x": "1\n", "y": "1\n", "z": "1\n"}, tip)
    octopus = repo.raw_commit(tree, (tip, *heads), "Octopus", identity("bob"), identity("bob"))
    root = repo.commit({"other": "1\n"}, "Another root", parents=[], author=identity("anna"))
    joined = repo.raw_commit(
        repo.tree({"other": "1\n"}, octopus), (octopus, root), "Join", identity("bob"), identity("bob")
    )
    odd = repo.commit({"160000:vendor": "1" * 40, "120000:link": "/etc", "a" * 40: "1\n", "tab\tand\nline": "1\n"},
                      "Odd names \x1b[31m", parents=[joined], author=identity("anna"))  # fmt: skip
    same = repo.raw_commit(
        repo.git("rev-parse", f"{odd}^{{tree}}"), (odd,), "Nothing changed", identity("anna"), identity("anna")
    )
    repo.git("update-ref", MAIN, same)
    done = look(repo, staff=Staff())
    assert [one.subject for one in done.merges][1:3] == ["Octopus", "Join"]
    assert (merge_of(done, octopus).commits, merge_of(done, octopus).paths) == (3, 3)
    assert merge_of(done, joined).commits == 1
    assert merge_of(done, odd).paths == 4
    assert codes(merge_of(done, same)) == ["no-changes"]
    assert done.merges[0].paths == 1, "a root is compared with nothing"
    assert any("more than two parents" in text for text in done.assumptions)
    assert "\x1b" not in "\n".join(render_lines(done, Listed.ALL))
    assert show("a\x1b[0m\nb") == "a\\u001b[0m\\u000ab"


def test_a_repository_without_commits_and_one_without_news(tmp_path: Path) -> None:
    empty = make_repo(tmp_path / "ledger-core")
    with pytest.raises(InputError, match="no commits"):
        find_branch(open_clone(empty.path, "empty"), None)
    empty.commit({"a": "1\n"}, "Old", author=identity("bob"), branch=MAIN)
    later = datetime(2026, 6, 1, tzinfo=UTC)
    clone = open_clone(empty.path, "ledger-core")
    assert survey(clone, MAIN, later, quiet) == ()
    assert look(empty, days=1).headline == "Of 0 merges in 1 day, 0 would stop"


def test_branches_are_found_also_where_only_origin_has_them(repo: Repo, tmp_path: Path) -> None:
    clone = open_clone(repo.path, "ledger-core")
    assert find_branch(clone, None) == ("main", MAIN)
    with pytest.raises(InputError, match="Name one with --branch: main"):
        find_branch(clone, "develop")
    repo.git("clone", "--quiet", str(repo.path), str(tmp_path / "work"))
    work = Repo(tmp_path / "work")
    work.git("checkout", "--quiet", "--detach")
    work.git("branch", "--quiet", "-D", "main")
    assert find_branch(open_clone(work.path, "work"), "main") == ("main", "refs/remotes/origin/main")


def test_commits_are_shared_out_as_git_says(repo: Repo) -> None:
    """The survey's commits of each landing are those of ``before..head``, asked one by one."""
    tip = repo.tip(MAIN)
    assert tip is not None
    long = repo.commit({"l": "1\n"}, "long 1", parents=[tip], author=identity("anna"))
    land(repo, {"a": "1\n"}, "carl", "A")
    crossed = repo.merge(long, repo.tip(MAIN) or "", message="main into long")
    after = repo.commit({"l": "2\n"}, "long 2", parents=[crossed], author=identity("anna"))
    land(repo, {"b": "1\n"}, "gil", "B")
    repo.merge(repo.tip(MAIN) or "", after, message="Long", branch=MAIN)
    clone = open_clone(repo.path, "ledger-core")
    for change in survey(clone, MAIN, datetime(2025, 1, 1, tzinfo=UTC), quiet):
        asked = clone.commits(change.landed.before, change.landed.head)
        assert {one.sha for one in change.commits} == {one.sha for one in asked}, change.landed.subject
        if change.landed.before is not None:
            base = clone.merge_base(change.landed.before, change.landed.head)
            paths = clone.revision_at(change.landed.head, MAIN, change.landed.before).paths
            assert base is not None
            assert {path.path for path in change.paths} == {one.path for one in paths}


def test_a_thousand_merges_take_few_git_processes(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    import_merges(repo, 1000)
    runs = 0
    pipe = GitProcess.pipe

    def counting(self: GitProcess, *args: Any, **kwargs: Any) -> Any:
        nonlocal runs
        runs += 1
        return pipe(self, *args, **kwargs)

    monkeypatch.setattr(GitProcess, "pipe", counting)
    done = look(repo, staff=Staff())
    assert (len(done.merges), done.count("signatures")) == (1001, 1000)
    assert runs < 30


def test_a_clone_is_only_read(repo: Repo) -> None:
    land(repo, {"a": "1\n"}, "anna", "One")
    (repo.path / "people.txt").write_text("mine, uncommitted\n")
    before = snapshot(repo.path)
    repo.path.chmod(0o555)
    try:
        look(repo)
    finally:
        repo.path.chmod(0o755)
    assert snapshot(repo.path) == before


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def test_a_shallow_clone_is_said_to_be_one(repo: Repo, tmp_path: Path) -> None:
    land(repo, {"a": "1\n"}, "anna", "One")
    land(repo, {"b": "1\n"}, "anna", "Two")
    repo.git("clone", "--quiet", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    done = look(Repo(tmp_path / "shallow"), staff=None)
    assert len(done.merges) == 1
    assert any("shallow" in text for text in done.assumptions)


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["preview", *map(str, args)], prog_name="gate")


def test_the_command_prints_text_or_json_and_needs_no_instance(repo: Repo, tmp_path: Path) -> None:
    sha = land(repo, {"a": "1\n"}, STRANGER, "One")
    policy, registry, people = tmp_path / "base.yaml", tmp_path / "repositories.yaml", tmp_path / "staff.ldif"
    policy.write_text(POLICY)
    registry.write_text(REGISTERED)
    people.write_text(Staff().ldif(quick_hash))
    common = ("--repo", repo.path, "--policy", policy, "--repositories", registry, "--days", "7000")
    text = run(*common, "--people", people)
    assert text.exit_code == 0, text.output
    assert "1 would stop, 1 of them because of 1 unattributed address; 1 stops falsely." in text.stdout
    assert "merges compared" in text.stderr
    assert "merges compared" not in text.stdout
    assert f"such as {sha[:12]} " in text.stdout
    assert f"\n{sha[:12]} " not in text.stdout
    assert "--stops lists" in text.stdout
    stops = run(*common, "--people", people, "--stops")
    assert f"Each merge that would stop, newest first:\n{sha[:12]} " in stops.stdout
    assert stops.stdout.count("false stop") == 1
    assert f"{sha[:12]} " not in run(*common, "--stops").stdout
    whole = run(*common, "--all")
    assert f"Each merge, newest first:\n{sha[:12]} " in whole.stdout
    assert "--stops" not in whole.stdout
    assert run(*common, "--merges", "1").stdout.startswith("Of 1 merge in 7000 days, 0 would stop.")
    body = json.loads(run(*common, "--json").stdout)
    assert (body["format"], body["counts"]["stop"]) == ("gate-preview/v1", 0)
    assert body["merges"][-1]["sha"] == sha
    assert body["merges"][-1]["outcome"] == "signatures"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("count: 1", "count: one"), "base.yaml:"),
        (('branches: ["*"]', "branches: [release]"), "does not apply to the branch main"),
        (('repositories: ["*"]', "repositories: [other]"), "does not apply to ledger-core"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(repo: Repo, tmp_path: Path, change: tuple[str, str], message: str) -> None:
    policy, registry = tmp_path / "base.yaml", tmp_path / "repositories.yaml"
    policy.write_text(POLICY.replace(*change))
    registry.write_text(REGISTERED)
    done = run("--repo", repo.path, "--policy", policy, "--repositories", registry)
    assert done.exit_code == 2
    assert message in done.stderr


def test_what_is_no_repository_and_two_directories_are_refused(repo: Repo, tmp_path: Path) -> None:
    policy = tmp_path / "base.yaml"
    policy.write_text(POLICY)
    (tmp_path / "plain").mkdir()
    assert run("--repo", tmp_path / "plain", "--policy", policy).exit_code == 2
    both = run("--repo", repo.path, "--policy", policy, "--people", policy, "--instance", tmp_path)
    assert both.exit_code == 2
    assert "Give one of them" in both.stderr


def test_groups_are_asked_for_by_the_policy_of_the_repository(repo: Repo) -> None:
    """A role per team names the owning team's group."""
    land(repo, {"a": "1\n"}, "anna", "One")
    merge = look(repo, staff=Staff(roles={"qa-approvers": ("dana",)})).merges[-1]
    assert f"cn=ledger-maintainers,{GROUPS}" in merge.causes[0].sentence


def test_a_mirror_is_as_good_as_a_clone(repo: Repo, tmp_path: Path) -> None:
    land(repo, {"a": "1\n"}, "anna", "One")
    mirror = Mirror(tmp_path / "m.git", str(repo.path), "ledger-core")
    mirror.fetch()
    assert look(Repo(tmp_path / "m.git"), staff=None).merges == look(repo).merges
