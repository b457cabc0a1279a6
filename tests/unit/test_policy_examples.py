"""The policies we hand out keep what they promise: their tests pass, show every part at work, notice every weakening.

And they are honest about the standards they name: a clause has the same mark in the file's head and in controls.md.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gate.policy.coverage import check_coverage, parts_of
from gate.policy.explain import explain_policy
from gate.policy.lint import check_policies
from gate.policy.mutate import find_survivors, weaken
from gate.policy.parse import parse_policy
from gate.policy.registry import PolicySet, build_policy_set
from gate.policy.suite import run_suite
from gate.workflow.activate import load_proposals

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
EXAMPLES = ("iec-62304-class-c", "innersource-light", "iso-26262", "pci-dss", "sox")
FILES = {name: POLICIES / "examples" / f"{name}.yaml" for name in EXAMPLES} | {"default": POLICIES / "default.yaml"}
REPOSITORIES = """\
apiVersion: gate/v1
kind: Repositories
repositories:
  - {id: first, url: "https://git.example/first.git", title: First, protected: [main, "release/*"],
     owning_teams: [platform], mode: enforce, hook: gitea, entity: Motor AG}
"""
MARK = r"confirmed|title|not confirmed"


def read_text(name: str) -> str:
    return FILES[name].read_text(encoding="utf-8")


def build_set(name: str) -> PolicySet:
    return build_policy_set({"repositories.yaml": REPOSITORIES, f"{name}.yaml": read_text(name)})


def test_every_example_is_here() -> None:
    assert {path.name for path in (POLICIES / "examples").iterdir()} == {f"{name}.yaml" for name in EXAMPLES}


@pytest.mark.req("POL-01", "POL-05")
@pytest.mark.parametrize("name", FILES)
def test_it_is_read_with_a_register_and_says_nothing_idle(name: str) -> None:
    found = build_set(name)
    files = {"repositories.yaml": REPOSITORIES, f"{name}.yaml": read_text(name)}
    assert [str(one) for one in check_policies(found, files)] == []


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("name", FILES)
def test_its_tests_pass_and_show_every_part_at_work(name: str) -> None:
    policy = parse_policy(f"{name}.yaml", read_text(name))
    results = run_suite(policy)
    assert {one.case.name: one.differences for one in results if not one.passed} == {}
    assert check_coverage(parts_of(policy), results) == ()


@pytest.mark.req("POL-01")
@pytest.mark.parametrize("name", FILES)
def test_its_tests_notice_every_weakening(name: str) -> None:
    policy = parse_policy(f"{name}.yaml", read_text(name))
    alive, total = find_survivors(policy, weaken(policy))
    assert total > 5
    assert [one.what for one in alive] == []


@pytest.mark.parametrize("name", FILES)
def test_a_test_taken_away_leaves_something_unnoticed(name: str) -> None:
    """The two measures above are not always content: without any refusal they have something to say."""
    text = read_text(name)
    policy = parse_policy(f"{name}.yaml", text[: text.index("\ntests:")] + "\ntests: []\n")
    assert check_coverage(parts_of(policy), run_suite(policy))
    assert find_survivors(policy, weaken(policy))[0]


@pytest.mark.parametrize("name", FILES)
def test_it_is_explained_in_plain_words(name: str) -> None:
    effective = build_set(name).policy_for("first", "main")
    assert effective is not None
    said = "\n".join(line for section in explain_policy(effective) for line in section.lines)
    for rule in effective.policy.rules:
        assert rule.id in said or rule.description in said


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_clause_is_marked_in_the_file_and_in_the_page_alike(name: str) -> None:
    in_file = clauses_of_head(read_text(name))
    in_page = clauses_of_page(f"policies/examples/{name}.yaml")
    policy = parse_policy(f"{name}.yaml", read_text(name))
    named = {clause for rule in policy.rules for clause in rule.controls}
    assert named <= set(in_file)
    assert in_file == in_page


def clauses_of_head(text: str) -> dict[str, str]:
    head = text[: text.index("apiVersion")]
    return dict(re.findall(rf"^#   (\S+:\S+) +({MARK}) ", head, re.MULTILINE))


def clauses_of_page(file: str) -> dict[str, str]:
    page = (ROOT / "docs" / "controls.md").read_text(encoding="utf-8")
    section = next(part for part in page.split("\n## ") if f"`{file}`" in part.splitlines()[0])
    return dict(re.findall(rf"^\| (\S+:\S+) \| [^|]+ \| ({MARK}) \|", section, re.MULTILINE))


@pytest.mark.req("POL-04")
def test_only_the_top_of_the_folder_is_proposed(tmp_path: Path) -> None:
    shutil.copytree(POLICIES, tmp_path / "policies")
    found = load_proposals(tmp_path / "policies")
    assert set(found) == {"default.yaml", "repositories.yaml"}


def test_a_clause_is_nowhere_called_confirmed_without_a_source() -> None:
    page = (ROOT / "docs" / "controls.md").read_text(encoding="utf-8")
    for row in re.findall(r"^\|.*\| confirmed \|.*\|$", page, re.MULTILINE):
        assert row.split("|")[-2].strip() not in ("", "–"), row


def test_every_file_is_commented() -> None:
    """A compliance officer reads the head first: what it is for, how to use it, what was checked."""
    for name in EXAMPLES:
        head = read_text(name).split("apiVersion")[0]
        assert head.count("\n") >= 10
        assert "How to use it" in head
        assert "docs/controls.md" in head
