"""The mirror on real repositories: fetching, facts of a revision, hostile content, bounds."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.domain.contribution import Identity, PathChange, StepKind
from gate.domain.errors import ConflictError, InputError, NotFoundError, UnavailableError
from gate.git import process
from gate.git.commits import fetch_commits, parse_identity
from gate.git.mirror import Mirror, open_clone
from gate.git.process import GitProcess, build_remote_environment, parse_version, redact
from tests.support.repos import ANNA, BO, Repo, make_repo

MAIN = "refs/heads/main"
NOWHERE = "0123456789012345678901234567890123456789"


@pytest.fixture
def origin(tmp_path: Path) -> Repo:
    repo = make_repo(tmp_path / "origin.git", bare=True)
    repo.commit({"README": "one\n", "src/app.py": "print(1)\n"}, "first", branch=MAIN)
    return repo


@pytest.fixture
def mirror(tmp_path: Path, origin: Repo) -> Mirror:
    made = Mirror(tmp_path / "mirrors" / "app.git", str(origin.path), "app")
    made.fetch()
    return made


def test_fetch_follows_branches_and_prunes(origin: Repo, mirror: Mirror) -> None:
    work = origin.commit({"a": "1"}, parents=[str(origin.tip(MAIN))], branch="refs/heads/contrib/main/x")
    origin.git("tag", "v1", work)
    mirror.fetch()
    assert mirror.tip("refs/heads/contrib/main/x") == work
    assert mirror.tip("refs/tags/v1") is None
    origin.git("update-ref", "-d", "refs/heads/contrib/main/x")
    mirror.fetch()
    assert mirror.tip("refs/heads/contrib/main/x") is None
    assert mirror.has(work), "a head that was deleted can still be looked at"
    mirror.maintain()
    assert mirror.has(work)


def test_the_head_of_a_fork_is_fetched_by_its_own_ref(origin: Repo, mirror: Mirror) -> None:
    fork = origin.commit({"f": "1"}, parents=[str(origin.tip(MAIN))], branch="refs/pull/7/head")
    mirror.fetch()
    assert not mirror.has(fork)
    mirror.fetch("refs/pull/7/head")
    assert mirror.tip("refs/pull/7/head") == fork
    mirror.fetch()
    assert mirror.tip("refs/pull/7/head") == fork
    assert mirror.branches() == (MAIN,)
    with pytest.raises(UnavailableError):
        mirror.fetch("refs/pull/8/head")
    with pytest.raises(InputError):
        mirror.fetch("refs/heads/*")


def test_fetch_follows_a_forced_push_and_a_branch_that_becomes_a_folder(origin: Repo, mirror: Mirror) -> None:
    old = str(origin.tip(MAIN))
    new = origin.commit({"b": "2"}, parents=[])
    origin.git("update-ref", MAIN, new)
    origin.git("update-ref", "refs/heads/topic", old)
    mirror.fetch()
    assert mirror.tip(MAIN) == new
    origin.git("update-ref", "-d", "refs/heads/topic")
    origin.git("update-ref", "refs/heads/topic/one", old)
    mirror.fetch()
    assert mirror.tip("refs/heads/topic/one") == old


def test_an_empty_origin_is_a_mirror_without_branches(tmp_path: Path) -> None:
    empty = make_repo(tmp_path / "empty.git", bare=True)
    mirror = Mirror(tmp_path / "m.git", str(empty.path), "empty")
    mirror.fetch()
    assert mirror.tip(MAIN) is None
    assert not mirror.has(NOWHERE)


def test_sha256_repositories_are_mirrored(tmp_path: Path) -> None:
    origin = make_repo(tmp_path / "o.git", bare=True, object_format="sha256")
    base = origin.commit({"a": "1\n"}, branch=MAIN)
    head = origin.commit({"a": "2\n"}, parents=[base], branch="refs/heads/x")
    mirror = Mirror(tmp_path / "m.git", str(origin.path), "new")
    mirror.fetch()
    revision = mirror.revision(head, MAIN)
    assert len(revision.head) == 64
    assert revision.merge_tree == revision.tree


@pytest.mark.req("INV-01")
def test_an_outage_is_an_error_that_hides_credentials(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "m.git", "https://robot:s3cret@127.0.0.1:9/app.git", "app", timeout_s=10)
    with pytest.raises(UnavailableError) as caught:
        mirror.fetch()
    assert caught.value.code == "unreachable"
    assert "s3cret" not in str(caught.value)
    assert not (tmp_path / "m.git").exists()


@pytest.mark.req("GND-06")
def test_credentials_never_stand_in_an_address_given_to_git() -> None:
    environment = build_remote_environment("https://robot:s3%40cret@git.example/app.git")
    assert environment["GIT_CONFIG_VALUE_0"] == "https://git.example/app.git"
    assert environment["GIT_CONFIG_VALUE_1"] == "Authorization: Basic cm9ib3Q6czNAY3JldA=="
    assert redact("fatal: https://a:b@h/x and ssh://c@h/y") == "fatal: https://***@h/x and ssh://***@h/y"


def test_other_transports_are_refused(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for url in (f"ext::touch {touched}", "git://127.0.0.1/x", "http://127.0.0.1:9/x"):
        with pytest.raises(UnavailableError, match="not allowed"):
            Mirror(tmp_path / "m.git", url, "app", timeout_s=20).fetch()
    assert not touched.exists()


@pytest.mark.req("INV-01")
def test_a_hung_git_ends_within_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(UnavailableError, match="did not finish within"):
        GitProcess(git_dir=tmp_path, timeout_s=0.2).run("version")


def test_a_missing_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError) as caught:
        GitProcess(git_dir=tmp_path).run("version")
    assert caught.value.code == "misconfigured"


def test_the_lock_is_waited_for_and_then_given_up(tmp_path: Path, origin: Repo) -> None:
    mirror = Mirror(tmp_path / "m.git", str(origin.path), "app", timeout_s=0.2)
    handle = os.open(tmp_path / "m.git.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(UnavailableError, match="Another process"):
        mirror.fetch()
    os.close(handle)
    replace(mirror, timeout_s=30).fetch()
    assert mirror.tip(MAIN) == origin.tip(MAIN)


def test_several_processes_make_and_fetch_one_mirror(tmp_path: Path, origin: Repo) -> None:
    code = (
        "import sys; from pathlib import Path; from gate.git.mirror import Mirror\n"
        "m = Mirror(Path(sys.argv[1]), sys.argv[2], 'app'); m.fetch(); m.fetch(); print(m.tip('refs/heads/main'))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "m.git"), str(origin.path)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(4)]
    told = {one.communicate(timeout=60)[0].decode().strip() for one in running}
    assert told == {origin.tip(MAIN)}


def test_too_much_output_is_an_error_never_a_cut_list(origin: Repo, mirror: Mirror) -> None:
    with pytest.raises(UnavailableError) as caught:
        replace(mirror.git, limit=10).run("cat-file", "-p", str(origin.tip(MAIN)))
    assert caught.value.code == "truncated"
    origin.commit({"a": "1"}, branch=MAIN)
    mirror.fetch()
    with pytest.raises(UnavailableError) as caught:
        fetch_commits(mirror.git, MAIN, limit=1)
    assert caught.value.code == "truncated"


def test_revision_says_everything(origin: Repo, mirror: Mirror) -> None:
    base = str(origin.tip(MAIN))
    message = "Add b\n\nWhy.\n\nCo-authored-by: Bo Lind <bo@south.example>\nco-AUTHORED-by: nobody in particular\n"
    one = origin.commit({"b": "1\n2\n"}, message, parents=[base])
    two = origin.commit({"src/app.py": None, "src/main.py": "print(1)\n"}, "move", parents=[one], committer=BO)
    origin.git("update-ref", "refs/heads/contrib/main/b", two)
    tip = origin.commit({"README": "one\ntwo\n"}, "meanwhile", branch=MAIN)
    mirror.fetch()
    revision = mirror.revision(two, MAIN)
    assert (revision.head, revision.target_tip, revision.merge_base) == (two, tip, base)
    assert revision.tree == origin.git("rev-parse", f"{two}^{{tree}}")
    assert revision.merge_tree == origin.git("merge-tree", "--write-tree", tip, two)
    assert [commit.sha for commit in revision.commits] == [one, two]
    first, second = revision.commits
    assert first.co_authors == (Identity(name=BO[0], address=BO[1]), Identity(name="nobody in particular", address=""))
    assert (first.author, first.subject) == (Identity(name=ANNA[0], address=ANNA[1]), "Add b")
    assert (second.committer, second.co_authors) == (Identity(name=BO[0], address=BO[1]), ())
    shown = origin.git("show", one)
    assert first.patch_id == origin.git("patch-id", "--stable", stdin=shown.encode()).split()[0]
    assert revision.paths == (
        PathChange(path="b", status="A", old_mode="000000", new_mode="100644", added=2, deleted=0),
        PathChange(
            path="src/main.py",
            old_path="src/app.py",
            status="R",
            old_mode="100644",
            new_mode="100644",
            added=0,
            deleted=0,
        ),
    )
    assert revision.patch_id


def test_commits_that_came_in_by_a_second_parent_are_counted(origin: Repo, mirror: Mirror) -> None:
    base = str(origin.tip(MAIN))
    side = origin.commit({"side": "1"}, "from a colleague", parents=[base], author=BO)
    mine = origin.commit({"mine": "1"}, parents=[base])
    head = origin.merge(mine, side, branch="refs/heads/contrib/main/x")
    mirror.fetch()
    revision = mirror.revision(head, MAIN)
    assert {commit.sha for commit in revision.commits} == {side, mine, head}
    merged = next(commit for commit in revision.commits if commit.sha == head)
    assert merged.patch_id is None
    assert merged.parents == (mine, side)


def test_hostile_paths_modes_links_and_submodules(origin: Repo, mirror: Mirror) -> None:
    base = str(origin.tip(MAIN))
    names = {
        'a "quote"': "1\n",
        "new\nline": "2\n",
        "tab\there": "3\n",
        "bad\udcff": "4\n",
        "å/ö": "5\n",
        ":100644 x": "6\n",
        "1\t1\tfake": "7\n",
    }
    files: dict[str, str | bytes | None] = {
        **names,
        "120000:link": "/etc/passwd",
        "160000:lib": base,
        "100755:run": "#!/bin/sh\n",
        "bin": b"\x00\x01",
        ".gitmodules": '[submodule "lib"]\npath = lib\nurl = x\nignore = all\n',
        ".gitattributes": "* -diff\n*.py diff=evil\n",
    }
    head = origin.commit(files, parents=[base], branch="refs/heads/x")
    mirror.fetch()
    found = {change.path: change for change in mirror.revision(head, MAIN).paths}
    assert set(found) == {
        'a "quote"',
        "new\nline",
        "tab\there",
        "bad\\xff",
        "å/ö",
        ":100644 x",
        "1\t1\tfake",
        "link",
        "lib",
        "run",
        "bin",
        ".gitmodules",
        ".gitattributes",
    }
    assert found["link"].new_mode == "120000"
    assert found["lib"].new_mode == "160000"
    assert found["run"].new_mode == "100755"
    assert (found["bin"].added, found["bin"].deleted) == (None, None)
    assert found["new\nline"].added == 1


def test_odd_people_and_times_do_not_confuse(origin: Repo, mirror: Mirror) -> None:
    tree = origin.git("rev-parse", f"{MAIN}^{{tree}}")
    base = origin.tip(MAIN)
    raw = (
        f"tree {tree}\nparent {base}\nauthor \xc5ke | \x01x <> 99999999999999999999 +0000\n"
        f"committer B <b@x <c@y>> 253402300800 +0000\nencoding ISO-8859-1\n\nSubj\xe9ct\x01\n\n"
        "Co-authored-by: \x01\nCo-authored-by: Zoe <zoe@z.example>\n"
    ).encode("latin-1")
    head = origin.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    origin.git("update-ref", "refs/heads/x", head)
    mirror.fetch()
    (commit,) = mirror.revision(head, MAIN).commits
    assert commit.author.name.startswith("Åke")
    assert commit.subject == "Subjéct\x01"
    assert commit.committed_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert commit.co_authors == (Identity(name="\x01", address=""), Identity(name="Zoe", address="zoe@z.example"))
    assert commit.patch_id is None


def test_configuration_of_the_user_changes_nothing(
    origin: Repo, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = str(origin.tip(MAIN))
    head = origin.commit({"src/app.py": "print(2)\n"}, parents=[base], branch="refs/heads/x")
    mirror.fetch()
    wanted = mirror.revision(head, MAIN)
    touched = tmp_path / "touched"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".mailmap").write_text("Mallory <m@evil.example> <anna@north.example>\n")
    (home / ".gitconfig").write_text(
        f"[diff]\n external = touch {touched}\n noprefix = true\n renames = false\n"
        f"[mailmap]\n file = {home}/.mailmap\n[log]\n mailmap = true\n showSignature = true\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {touched}")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_TRACE", str(touched))
    assert mirror.revision(head, MAIN) == wanted
    assert not touched.exists()


def test_replace_refs_and_grafts_are_not_believed(origin: Repo, mirror: Mirror) -> None:
    base = str(origin.tip(MAIN))
    head = origin.commit({"evil": "1"}, parents=[base], branch="refs/heads/x")
    harmless = origin.commit({"README": "two\n"}, parents=[base], branch="refs/heads/y")
    mirror.fetch()
    wanted = mirror.revision(head, MAIN)
    GitProcess(git_dir=mirror.path).run("update-ref", f"refs/replace/{head}", harmless)
    (mirror.path / "info").mkdir(exist_ok=True)
    (mirror.path / "info" / "grafts").write_text(f"{head}\n")
    assert mirror.revision(head, MAIN) == wanted


def test_a_conflict_has_no_merge_tree_and_nothing_is_written(origin: Repo, mirror: Mirror) -> None:
    base = str(origin.tip(MAIN))
    head = origin.commit({"README": "mine\n"}, parents=[base], branch="refs/heads/x")
    clean = origin.commit({"c": "1\n"}, parents=[base], branch="refs/heads/y")
    tip = origin.commit({"README": "theirs\n"}, branch=MAIN)
    mirror.fetch()
    before = sorted(mirror.path.rglob("*"))
    assert mirror.revision(head, MAIN).merge_tree is None
    assert mirror.merge_tree(tip, clean) == origin.git("merge-tree", "--write-tree", tip, clean)
    assert sorted(mirror.path.rglob("*")) == before


def test_git_older_than_needed_is_named(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "git_version", lambda: parse_version("git version 2.37.7"))
    tip = str(mirror.tip(MAIN))
    with pytest.raises(UnavailableError, match=r"git 2\.37\.7 .* Install git 2\.38") as caught:
        mirror.merge_tree(tip, tip)
    assert caught.value.code == "misconfigured"
    assert parse_version("git version 2.47.1.windows.2") == (2, 47, 1)
    with pytest.raises(UnavailableError):
        parse_version("no numbers")


def test_unknown_things_are_said_to_be_unknown(origin: Repo, mirror: Mirror) -> None:
    tip = str(origin.tip(MAIN))
    with pytest.raises(NotFoundError, match="no commit"):
        mirror.revision(NOWHERE, MAIN)
    with pytest.raises(NotFoundError, match="no branch"):
        mirror.revision(tip, "refs/heads/other")
    tree = origin.git("rev-parse", f"{MAIN}^{{tree}}")
    assert not mirror.has(tree)
    for bad in ("--all", "HEAD", "abc", tip.upper(), f"{tip}\n", "refs/heads/main"):
        with pytest.raises(InputError):
            mirror.has(bad)
    for ref in ("main", "--exec=x", "refs/heads/a b", "refs/heads/a..b", "refs/heads/\n"):
        with pytest.raises(InputError):
            mirror.tip(ref)
    stranger = origin.commit({"x": "1"}, parents=[], branch="refs/heads/z")
    mirror.fetch()
    with pytest.raises(InputError, match="shares no history"):
        mirror.revision(stranger, MAIN)


@pytest.mark.req("INV-11")
def test_first_parents_and_their_count_agree(origin: Repo, mirror: Mirror) -> None:
    base = str(origin.tip(MAIN))
    one = origin.commit({"1": "1"}, branch=MAIN)
    side = origin.commit({"2": "2"}, parents=[base])
    two = origin.merge(one, side, branch=MAIN)
    mirror.fetch()
    assert mirror.first_parents(base, two) == (one, two)
    assert mirror.first_parents(None, two) == (base, one, two)
    assert mirror.first_parents(two, two) == ()
    assert mirror.first_parent_count(base, two) == 2
    assert mirror.first_parent_count(None, two) == 3
    assert mirror.is_ancestor(side, two)
    assert not mirror.is_ancestor(two, side)
    for old, new in ((two, one), (side, two), (side, one)):
        with pytest.raises(ConflictError) as caught:
            mirror.first_parents(old, new)
        assert caught.value.code == "history-rewritten"


@pytest.mark.req("PRV-01")
def test_merges_of_anyones_clone_for_preview(tmp_path: Path) -> None:
    work = make_repo(tmp_path / "work")
    base = work.commit({"a": "1"}, branch=MAIN)
    side = work.commit({"b": "1"}, parents=[base])
    merged = work.merge(base, side, branch=MAIN)
    direct = work.commit({"c": "1"}, branch=MAIN)
    clone = open_clone(work.path, "mine")
    old, merge, single = clone.merges(MAIN, datetime(2025, 1, 1, tzinfo=UTC))
    assert (old.sha, old.before) == (base, None)
    assert (merge.sha, merge.before, merge.head, merge.kind) == (merged, base, side, StepKind.MERGE)
    assert (single.sha, single.before, single.head, single.kind) == (direct, merged, direct, StepKind.FAST_FORWARD)
    assert clone.revision_at(merge.head, MAIN, base).commits[0].sha == side
    assert clone.merges(MAIN, datetime(2027, 1, 1, tzinfo=UTC)) == ()
    with pytest.raises(InputError):
        open_clone(tmp_path, "mine")


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Bo <bo@x>", "Bo", "bo@x"),
        ("  Bo Lind  < bo@x >  ", "Bo Lind", "bo@x"),
        ("<bo@x>", "", "bo@x"),
        ("bo@x", "bo@x", ""),
        ("Bo <bo@x> and <cy@x>", "Bo <bo@x> and <cy@x>", ""),
    ],
)
def test_trailer_identities(text: str, name: str, address: str) -> None:
    assert parse_identity(text) == Identity(name=name, address=address)
