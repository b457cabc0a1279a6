"""What a policy file may not say: each mistake names file and line, what is wrong and what to write instead."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.policy.document import Of, Subject
from gate.policy.parse import parse_policy
from gate.policy.registry import build_policy_set, parse_registry
from gate.policy.source import parse_source
from tests.support.policies import POLICY, REPOSITORIES

OWNER = "require: [{role: maintainer, of: each_owning_team, count: 1, meaning: technical-review}]"


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def error_of(text: str | bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_policy("baseline.yaml", text)
    assert caught.value.file == "baseline.yaml"
    return caught.value


# name: (what stands in the good file, what is put in its place, a word of the message, a word of the remedy)
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "unknown key": ("survives_push: true", "survive_push: true", "survive_push", "survives_push"),
    "unknown section": ("change_request:", "changerequest:", "changerequest", "change_request"),
    "unknown key in a rule": ("when: {cross_team: true}", "if: {cross_team: true}", "Unknown key `if`", "Known here"),
    "unknown condition": ("when: {cross_team: true}", "when: {crossteam: true}", "crossteam", "cross_team"),
    "forgotten count": (OWNER, OWNER.replace("count: 1, ", ""), "`count` is missing", "no default"),
    "count of zero": (OWNER, OWNER.replace("count: 1", "count: 0"), "`count` is 0", "1 or more"),
    "negative count": (OWNER, OWNER.replace("count: 1", "count: -1"), "`count` is -1", "1 or more"),
    "count as text": (OWNER, OWNER.replace("count: 1", 'count: "1"'), "`count`", "without quotes"),
    "count with a fraction": (OWNER, OWNER.replace("count: 1", "count: 1.5"), "`count`", "whole number"),
    "empty require": (OWNER, "require: []", "`require` is empty", "at least one"),
    "require forgotten": (OWNER, "", "`require` is missing", "Add"),
    "undeclared role": (OWNER, OWNER.replace("role: maintainer", "role: boss"), "`boss` is not declared", "maintainer"),
    "undeclared meaning": (
        OWNER,
        OWNER.replace("technical-review", "lgtm"),
        "`lgtm` is not declared",
        "technical-review",
    ),
    "undeclared terms": (
        "terms: inner-source-terms-v3}",
        "terms: cla}",
        "`cla` is not declared",
        "inner-source-terms-v3",
    ),
    "undeclared veto role": ("roles: [maintainer, qa, security]", "roles: [maintainer, boss]", "`boss`", "declare it"),
    "per-team role without of": (
        OWNER,
        OWNER.replace("of: each_owning_team, ", ""),
        "`of` is missing",
        "any_owning_team",
    ),
    "of for a role that is not per team": (
        "{role: qa, count",
        "{role: qa, of: any_owning_team, count",
        "not a role per team",
        "Remove `of`",
    ),
    "unknown of": (OWNER, OWNER.replace("each_owning_team", "every_team"), "every_team", "each_owning_team"),
    "no as a word": ("when: {cross_team: false}", "when: {cross_team: no}", "cross_team", "true or false"),
    "two rules of one name": ("- id: qa-signoff", "- id: owner-review", "declared twice", "another name"),
    "yes for true": (
        "survives_push: true",
        "survives_push: yes",
        'is true or false, but here stands the text "yes"',
        "true",
    ),
    "a group of people that is none": (
        "for: [contributors, approvers]",
        "for: [contributors, approver]",
        "possible value of `for`",
        "'approvers'",
    ),
    "two prerequisites of one name": ("id: terms-accepted", "id: gxp-training", "declared twice", "another name"),
    "duplicate key": (
        "approval: {",
        "approval: {valid_for: 1d}\napproval: {",
        "stands twice",
        "Keep one",
    ),
    "duplicate role": ("    qa: {group", "    maintainer: {group: cn=x}\n    qa: {group", "stands twice", "Keep one"),
    "prerequisite of nothing": (", training: GXP-101}", "}", "exactly one of", "training:"),
    "prerequisite of both": (
        "training: GXP-101}",
        "training: GXP-101, terms: inner-source-terms-v3}",
        "exactly one",
        "terms",
    ),
    "prerequisite for nobody": ("for: [contributors]", "for: []", "`for` is empty", "at least one"),
    "no catch-all": ('paths: ["**"], team: platform', 'paths: ["src/**"], team: platform', "no catch-all", '"**"'),
    "catch-all that takes everything": ('paths: ["payments/**"]', 'paths: ["**"]', "last match wins", "first entry"),
    "negated path": ('"ledger/posting/**"', '"!docs/**"', "starts with !", ""),
    "path with dots": ('"ledger/posting/**"', '"../ledger/**"', "../", ""),
    "absolute by backslash": ('"ledger/posting/**"', '"ledger\\\\posting"', "backslash", ""),
    "team that breaks a DN": ("team: ledger}", 'team: "x,dc=evil"}', "not a team", "{repository}"),
    "full ref as branch": ("branches: [main,", "branches: [refs/heads/main,", "full ref", ""),
    "regex as branch": ("branches: [main,", 'branches: ["^main$",', "wildcard", ""),
    "bad regular expression": ('"CHG-[0-9]+"', '"CHG-[0-9"', "not a regular expression", "CHG-"),
    "expression that looks ahead": ('"CHG-[0-9]+"', '"CHG-(?=1)[0-9]+"', "not a regular expression of RE2", "CHG-"),
    "example that does not fit": ("example: CHG-1042", "example: TICKET-1", "does not match", "whole"),
    "pattern that requires nothing": ('"CHG-[0-9]+", example: CHG-1042', '".*", example: CHG-1042', "empty id", "CHG-"),
    "duration in words": ("valid_for: 14d", "valid_for: two weeks", "not a duration", "14d"),
    "duration of zero": ("valid_for: 14d", "valid_for: 0d", "not a duration", "14d"),
    "people not distinct": ("distinct_people: true", "distinct_people: false", "distinct_people", "true"),
    "committers may approve": (
        "exclude: [author, committers,",
        "exclude: [author,",
        "`committers` is left out",
        "pushers",
    ),
    "only the last revision": ("over: all_revisions", "over: last_revision", "last_revision", "all_revisions"),
    "unattributed allowed": ("unattributed: deny", "unattributed: allow", "allow", "deny"),
    "bound to nothing": ("binding: {to: head}", "binding: {to: branch}", "branch", "head"),
    "unknown kind of meaning": ("kind: review", "kind: lgtm", "lgtm", "review"),
    "braces in a group": ("cn={team}-maintainers", "cn={group}-maintainers", "braces", "{team}"),
    "group that is no DN": (
        'group: "cn=qa-approvers,ou=groups,dc=ex,dc=com"',
        "group: qa",
        "not a directory group",
        "DN",
    ),
    "id in capitals": ("{id: baseline,", "{id: Baseline,", "not a valid name", "lower case"),
    "another version": ("apiVersion: gate/v1", "apiVersion: gate/v2", "gate/v2", "gate/v1"),
    "a tab": ("  - id: owner-review", "  -\tid: owner-review", "tab", "spaces"),
    "an anchor": ("owners: [change-board]", "owners: &o [change-board]", "Anchors", "in full"),
    "an alias": ("owners: [change-board]", "owners: *o", "Anchors", "in full"),
    "a tag": ("title: Baseline", "title: !!python/name:os.system Baseline", "Tags", "plain"),
    "a list where a mapping belongs": (
        "veto: {roles: [maintainer, qa, security], survives_push: true}",
        "veto: [qa]",
        "`veto`",
        "mapping",
    ),
    "a text where a list belongs": ("owners: [change-board]", "owners: change-board", "`owners`", "list"),
    "a number where a text belongs": ("title: Baseline", "title: 12", "`title`", "quotes"),
    "a description forgotten": (
        "    description: The board approves changes of policy.\n",
        "",
        "`description` is missing",
        "Add",
    ),
}


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_the_line_and_the_mend(name: str) -> None:
    good, bad, said, remedy = MISTAKES[name]
    assert good in POLICY, "the case no longer fits the policy"
    text = POLICY.replace(good, bad, 1)
    error = error_of(text)
    assert said in error.message
    assert remedy in error.remedy
    assert error.line is not None
    first = POLICY[: POLICY.index(good)].count("\n") + 1
    above = 3 if "is missing" in said else 1  # what is missing has no line of its own: that of the entry is given
    assert first - above <= error.line <= first + max(1, bad.count("\n"))


@pytest.mark.req("POL-05")
def test_the_whole_file_can_be_wrong() -> None:
    assert "apiVersion" in error_of(POLICY.replace("apiVersion: gate/v1\n", "")).message
    assert "empty" in error_of("").message
    assert "mapping" in error_of("- a\n- b\n").message
    assert "UTF-8" in error_of(POLICY.encode() + b"\xff").message
    assert "UTF-8" in error_of(POLICY + "# \ud800").message
    assert "256,000" in error_of(POLICY + "#" * 256_000).message
    assert "Nested" in error_of("a: " + "[" * 40 + "]" * 40).message
    assert "second document" in error_of(POLICY + "---\na: 1\n").message
    assert "not valid YAML" in error_of("a: [1\nb: 2\n").message
    assert "word" in error_of("[a, b]: 1\n").message
    assert "cannot be seen" in error_of("a: \x07\n").message
    assert "U+D800" in error_of('a: "\\ud800"\n').message
    assert "U+D800" in error_of('"\\ud800": 1\n').message
    assert "`rules` is empty" in error_of(POLICY[: POLICY.index("rules:")] + "rules: []\n").message


@pytest.mark.req("POL-05")
def test_alias_bombs_are_refused_before_they_are_built() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    assert error_of(bomb).line == 1


@pytest.mark.req("POL-01")
def test_a_good_file_is_read_as_written() -> None:
    policy = parse_policy("baseline.yaml", POLICY)
    assert policy.id == "baseline"
    assert [role.name for role in policy.roles if role.is_per_team] == ["maintainer"]
    assert policy.rules[0].require[0].of is Of.EACH_OWNING_TEAM
    assert policy.prerequisites[0].subjects == (Subject.CONTRIBUTORS, Subject.APPROVERS)
    assert policy.valid_for is not None
    assert policy.valid_for.days == 14
    assert policy.role("qa").group.startswith("cn=qa")
    assert policy.meaning("policy-approval").kind == "approval"


def refusal(parse: Callable[[str, str], object], text: str) -> InputError | None:
    try:
        parse("x.yaml", text)
    except InputError as error:
        return error
    return None


@pytest.mark.req("POL-05")
@given(st.text(alphabet=string.printable + "äß\u2028\x00\ud800", max_size=200))
def test_nothing_but_an_input_error_escapes(text: str) -> None:
    for parse in (parse_policy, parse_registry):
        error = refusal(parse, text)
        assert error is not None
        assert error.file == "x.yaml"
    refusal(parse_source, text)


PUT = st.text(alphabet=" :{}[]&*!|>-'\"\n#x,?@%", max_size=3)


@pytest.mark.req("POL-05")
@given(st.integers(0, len(POLICY) - 1), PUT, st.integers(0, 5))
def test_a_damaged_file_is_read_or_refused_with_a_line(at: int, put: str, cut: int) -> None:
    error = refusal(parse_policy, POLICY[:at] + put + POLICY[at + cut :])
    assert error is None or (error.line is not None and error.message)


# --- the files together


def set_error(policy: str = POLICY, repositories: str = REPOSITORIES, **more: str) -> InputError:
    files = {"policy.yaml": policy, "repositories.yaml": repositories}
    files |= {f"{name}.yaml": text for name, text in more.items()}
    with pytest.raises(InputError) as caught:
        build_policy_set(files)
    return caught.value


@pytest.mark.req("POL-05")
def test_the_files_are_checked_together() -> None:
    assert "already has the id" in set_error(more=POLICY.replace("[core]", "[other]")).message
    overlapping = set_error(more=POLICY.replace("id: baseline", "id: second"))
    assert "Two policies apply to `main`" in overlapping.message
    assert overlapping.line == line_of(REPOSITORIES, "protected")
    assert (
        "No policy covers"
        in set_error(policy=POLICY.replace('branches: [main, "release/*"]', "branches: [main]", 1)).message
    )
    assert (
        "No policy covers" in set_error(policy=POLICY.replace("repositories: [core]", "repositories: [other]")).message
    )
    assert "already the file" in set_error(more=REPOSITORIES).message
    assert "not a kind" in set_error(more="apiVersion: gate/v1\nkind: Nonsense\n").message
    with pytest.raises(InputError, match="No file of kind Repositories"):
        build_policy_set({"policy.yaml": POLICY})


@pytest.mark.req("POL-05")
@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("mode: enforce", "mode: block", "`block` is not a possible value"),
        (
            "owning_teams: [platform]",
            "owning_teams: platform",
            '`owning_teams` is a list, but here stands the text "platform"',
        ),
        ("protected: [main, ", "protected: [refs/heads/main, ", "full ref"),
        ("owning_teams: [platform]", "owning_teams: []", "`owning_teams` is empty"),
        ("owning_teams: [platform]", 'owning_teams: ["a)(b"]', "not a valid name"),
        ("login: orphan, ", "", "neither `login` nor `address`"),
        ("sponsor: nobody-here", "sponsor: Orphan", "its own sponsor"),
        ("login: orphan", "login: RENOVATE", "already known by"),
        ("sponsor: alice, ", "", "`sponsor` is missing"),
        (
            "robots:",
            "- {id: core, url: x, title: x, protected: [main], owning_teams: [a], mode: warn}\nrobots:",
            "twice",
        ),
    ],
)
def test_mistakes_in_the_register(good: str, bad: str, said: str) -> None:
    text = REPOSITORIES.replace(good, bad if not bad.startswith("- {id") else "  " + bad, 1)
    with pytest.raises(InputError) as caught:
        parse_registry("repositories.yaml", text)
    assert said in caught.value.message
    assert caught.value.line is not None
    assert caught.value.line > 2


@pytest.mark.req("POL-01")
def test_policy_for_branches() -> None:
    found = build_policy_set({"policy.yaml": POLICY, "repositories.yaml": REPOSITORIES})
    main = found.policy_for("core", "refs/heads/main")
    assert main is not None
    assert main.uri == "gate:policy/baseline"
    assert found.policy_for("core", "main") == main
    assert found.policy_for("core", "release/2.1") is not None
    assert found.policy_for("core", "develop") is None
    assert found.policy_for("unknown", "main") is None
    assert found.is_protected("core", "refs/heads/release/9")
    assert not found.is_protected("core", "topic")


@pytest.mark.req("POL-01")
def test_what_a_new_installation_starts_from_is_good() -> None:
    folder = Path(__file__).parents[2] / "policies"
    found = build_policy_set({path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))})
    assert all(found.policy_for(one.id, branch) for one in found.registry.repositories for branch in one.protected)
