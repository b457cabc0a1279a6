"""What `gate policy check` finds in well-formed files, each with line and severity, and what it does not find."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.policy.document import Classification, LevelPaths
from gate.policy.facts import RoleMembers
from gate.policy.lint import check_policies
from gate.policy.lint_finding import Finding
from gate.policy.lint_groups import groups_of
from gate.policy.lint_paths import check_classification, find_levels
from gate.policy.paths import path_matcher
from gate.policy.registry import build_policy_set
from gate.policy.shadows import is_taken
from gate.policy.source import parse_source
from tests.support.policies import EFFECTIVE, POLICY, REPOSITORIES
from tests.unit.test_policy_layers import HEAD

OTHER = """\
apiVersion: gate/v1
kind: ApprovalPolicy
metadata: {id: spare, title: Spare, owners: [board]}
applies_to: {repositories: [nothing-here], branches: [main]}
identity: {roles: {qa: {group: "cn=qa,dc=ex"}}}
ownership: [{paths: ["**"], team: quality}]
meanings: {look: {text: I looked., kind: review}}
rules:
  - {id: one, description: Quality looks., require: [{role: qa, count: 1, meaning: look}]}
"""


def check(policy: str = POLICY, *layers: str, groups: tuple[RoleMembers, ...] | None = None) -> tuple[Finding, ...]:
    files = {"policy.yaml": policy, "repositories.yaml": REPOSITORIES}
    files |= {f"layer{number}.yaml": text for number, text in enumerate(layers)}
    return check_policies(build_policy_set(files), files, groups)


def one_finding(found: tuple[Finding, ...], code: str, severity: str = "error") -> Finding:
    assert [(one.code, one.severity.value) for one in found] == [(code, severity)], [str(one) for one in found]
    return found[0]


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.req("POL-05")
def test_good_files_have_no_findings() -> None:
    assert check() == ()


@pytest.mark.req("POL-05")
def test_a_rule_that_never_applies() -> None:
    text = POLICY + "out_of_scope:\n  - {id: own, when: {cross_team: false}, because: They review themselves.}\n"
    found = one_finding(check(text), "unreachable-rule")
    assert found.line == line_of(text, "when: {cross_team: false}\n    require")
    assert "same-team-review" in found.sentence
    assert "`own`" in found.sentence
    text = POLICY.replace('branches: ["release/*"]}', "branches: [develop]}")
    found = one_finding(check(text), "unreachable-rule")
    assert found.line == line_of(text, "branches: [develop]")
    assert "main, release/*" in found.remedy


@pytest.mark.req("POL-05")
def test_a_branch_that_is_not_protected_is_a_warning_beside_one_that_is() -> None:
    found = one_finding(
        check(POLICY.replace('branches: ["release/*"]}', 'branches: ["release/*", develop]}')),
        "idle-branch",
        "warning",
    )
    assert "`develop`" in found.sentence


@pytest.mark.req("POL-05")
def test_an_entry_that_never_owns_anything() -> None:
    later = '  - {paths: ["payments/**"], team: payments}\n'
    text = POLICY.replace(later, later + '  - {paths: ["led*/"], team: other}\n')
    found = one_finding(check(text), "shadowed-ownership")
    assert found.line == line_of(text, '{paths: ["ledger/**"]')
    text = POLICY.replace(later, '  - {paths: ["ledger/a/*.py", "x/**"], team: payments}\n' + later)
    text = text.replace(later, later + '  - {paths: ["ledger/**", "y"], team: other}\n')
    assert [one.severity.value for one in check(text)] == ["error", "warning"]


@pytest.mark.req("POL-05")
def test_a_policy_or_layer_for_nothing() -> None:
    found = one_finding(check(POLICY, OTHER), "applies-nowhere", "warning")
    assert (found.file, found.line) == ("layer0.yaml", line_of(OTHER, "applies_to"))
    layer = HEAD.replace("branches: [main]", "branches: [develop]")
    assert one_finding(check(POLICY, layer), "applies-nowhere", "warning").file == "layer0.yaml"


@pytest.mark.req("POL-05")
def test_what_a_layer_says_for_nothing() -> None:
    layer = HEAD + "approval: {valid_for: 20d}\ntighten: [{rule: policy-change, require: 1, count: 2}]\n"
    assert [(one.code, one.line) for one in check(POLICY, layer)] == [("idle-tighten", 5), ("idle-tighten", 6)]
    layer = HEAD + (
        "rules:\n  - id: never\n    description: Never.\n    when: {branches: [develop]}\n"
        "    require: [{role: qa, count: 1, meaning: technical-review}]\n"
    )
    assert one_finding(check(POLICY, layer), "unreachable-rule").line == 8


# --- levels: no file with them is needed to judge them


def levels(*entries: tuple[str, str], default: str = "standard") -> Classification:
    paths = tuple(LevelPaths(level=level, paths=(pattern,)) for level, pattern in entries)
    return Classification(levels=("low", "standard", "critical"), default=default, paths=paths)


@pytest.mark.req("POL-05")
def test_levels_that_no_path_can_have() -> None:
    assert find_levels(levels(("low", "docs/**"))) == {"low", "standard"}
    assert find_levels(levels(("low", "docs/**"), ("critical", "docs/**"))) == {"standard", "critical"}
    assert find_levels(levels(("critical", "**"), ("low", "docs/**"))) == {"critical"}
    assert find_levels(levels(("low", "docs/*.md"), ("critical", "docs/secret.md"))) == {"low", "standard", "critical"}


@pytest.mark.req("POL-05")
def test_entries_of_the_classification_that_decide_nothing() -> None:
    source = parse_source("policy.yaml", POLICY)
    policy = replace(
        EFFECTIVE.policy, classification=levels(("low", "docs/**"), ("critical", "docs/"), ("critical", "docs/a/**"))
    )
    found = list(check_classification(policy, source))
    assert [one.code for one in found] == ["shadowed-classification", "repeated-classification"]
    assert [one.severity.value for one in found] == ["error", "warning"]
    assert not list(check_classification(replace(policy, classification=levels(("low", "docs/**"))), source))


# --- patterns


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("pattern", "by"),
    [
        ("ledger/**", "ledger/**"),
        ("ledger/**", "ledger/"),
        ("ledger/**", "ledger"),
        ("ledger/a.py", "ledger/**"),
        ("ledger/**/a.py", "*.py"),
        ("docs/*.md", "*.md"),
        ("docs/**", "**"),
        ("docs/**", "*"),
        ("a/b/**", "a/*/"),
        ("x?", "x?"),
        ("/docs/**", "docs/**"),
    ],
)
def test_taken(pattern: str, by: str) -> None:
    assert is_taken(pattern, [by])


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("pattern", "by"),
    [
        ("ledger/**", "ledger/*.py"),
        ("ledger/**", "ledger/posting/**"),
        ("*.md", "docs/*.md"),
        ("docs", "/docs"),
        ("**", "docs/**"),
        ("a/**/b", "a/*/b"),
        ("x?", "xa"),
        ("docs/*", "docs/*.*"),
        ("led*/", "ledger/"),
    ],
)
def test_not_taken(pattern: str, by: str) -> None:
    assert not is_taken(pattern, [by])


PARTS = st.sampled_from(["a", "b", "*", "**", "a*", "*.b"])
PATTERN = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "ab", "c.b", "x"]), min_size=1, max_size=4).map("/".join)


@pytest.mark.req("POL-05")
@given(PATTERN, st.lists(PATTERN, max_size=2), PATHS)
def test_no_path_escapes_a_pattern_that_is_called_taken(pattern: str, by: list[str], path: str) -> None:
    if is_taken(pattern, by) and path_matcher((pattern,))(path):
        assert path_matcher(tuple(by))(path)


# --- groups


def live(**sizes: int | None) -> tuple[RoleMembers, ...]:
    """Each group with so many members; None: there is no such group. Three people by default."""
    found = build_policy_set({"policy.yaml": POLICY, "repositories.yaml": REPOSITORIES})
    rows = []
    for group in groups_of(found):
        size = sizes.get(f"{group.role}_{group.team}" if group.team else group.role.replace("-", "_"), 3)
        row = RoleMembers(role=group.role, team=group.team, group_dn=group.group_dn)
        if size is None:
            rows.append(replace(row, error="The directory has no group."))
        else:
            rows.append(replace(row, members=tuple(f"corp:{group.team}-{number}" for number in range(size))))
    return tuple(rows)


@pytest.mark.req("POL-05")
def test_groups_as_they_should_be() -> None:
    assert check(groups=live()) == ()
    names = {(one.role, one.team) for one in live()}
    assert names >= {("maintainer", "ledger"), ("maintainer", "payments"), ("maintainer", "platform"), ("qa", None)}


@pytest.mark.req("POL-05", "INV-01")
def test_groups_that_are_missing_empty_or_too_small() -> None:
    found = one_finding(check(groups=live(qa=None)), "group-unreadable")
    assert found.line == line_of(POLICY, "qa: {group")
    assert "group-empty" in {one.code for one in check(groups=live(security=0))}
    found = one_finding(check(groups=live(change_board=1)), "count-above-group")
    assert found.line == line_of(POLICY, "role: change-board, count: 2")
    assert "2 of change-board, and there are 1" in found.sentence
    one_finding(check(groups=live(change_board=2)), "count-equals-group", "warning")


@pytest.mark.req("POL-05")
def test_every_owning_team_must_have_enough() -> None:
    text = POLICY.replace("of: each_owning_team, count: 1", "of: each_owning_team, count: 2")
    found = one_finding(check(text, groups=live(maintainer_payments=1)), "count-above-group")
    assert "maintainer of payments" in found.sentence
    text = POLICY.replace("of: any_owning_team, count: 1", "of: any_owning_team, count: 3")
    small = live(maintainer_payments=1, maintainer_ledger=1, maintainer_platform=2)
    assert "count-above-group" not in {one.code for one in check(text, groups=small)}


@pytest.mark.req("POL-05")
def test_a_rule_of_a_layer_is_judged_in_its_own_file() -> None:
    layer = HEAD + (
        "rules:\n  - id: more\n    description: More.\n"
        "    require: [{role: security, count: 4, meaning: technical-review}]\n"
    )
    found = one_finding(check(POLICY, layer, groups=live()), "count-above-group")
    assert (found.file, found.line) == ("layer0.yaml", 8)


ACTIVATION = """\
activation:
  propose: {group: "cn=board,dc=ex"}
  approve: {group: "cn=board,dc=ex", count: 2, meaning: I approve this policy.}
"""


def look_at_board(members: tuple[str, ...], error: str | None = None) -> tuple[Finding, ...]:
    files = {"policy.yaml": POLICY, "repositories.yaml": REPOSITORIES + ACTIVATION}
    found = build_policy_set(files)
    plain = [RoleMembers(role=one.role, team=one.team, group_dn=one.group_dn) for one in groups_of(found)]
    crowd = tuple(f"corp:p{number}" for number in range(9))
    read = [
        replace(one, members=members, error=error) if one.group_dn == "cn=board,dc=ex" else replace(one, members=crowd)
        for one in plain
    ]
    return check_policies(found, files, tuple(read))


@pytest.mark.req("POL-05")
def test_a_board_that_is_too_small_could_never_change_the_policies_again() -> None:
    found = one_finding(look_at_board(("corp:a", "corp:b")), "count-above-group")
    assert "there are 1: nobody could change the policies again" in found.sentence
    assert (found.file, found.line) == ("repositories.yaml", line_of(REPOSITORIES + ACTIVATION, "approve:"))
    one_finding(look_at_board(("corp:a", "corp:b", "corp:c")), "count-equals-group", "warning")
    assert look_at_board(("corp:a", "corp:b", "corp:c", "corp:d")) == ()


@pytest.mark.req("POL-05")
def test_a_board_that_is_missing_or_empty() -> None:
    assert [one.code for one in look_at_board((), "no such group")] == ["group-unreadable"] * 2
    assert [one.code for one in look_at_board(())] == ["group-empty"] * 2


@pytest.mark.req("POL-05")
def test_a_proposer_outside_the_board_leaves_all_of_it() -> None:
    files = {"repositories.yaml": REPOSITORIES + ACTIVATION.replace("cn=board,dc=ex", "cn=all,dc=ex", 1)}
    files["policy.yaml"] = POLICY
    found = build_policy_set(files)
    members = {"cn=all,dc=ex": ("corp:a", "corp:z"), "cn=board,dc=ex": ("corp:a", "corp:b")}
    read = tuple(
        RoleMembers(role=one.role, team=one.team, group_dn=one.group_dn, members=members[one.group_dn])
        for one in groups_of(found)
        if one.group_dn in members
    )
    one_finding(check_policies(found, files, read), "count-equals-group", "warning")
