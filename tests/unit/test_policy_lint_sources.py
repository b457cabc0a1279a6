"""What `gate policy check` says of facts that nobody would record: an error at the line that asks."""

from __future__ import annotations

import pytest

from gate.policy.lint import check_policies
from gate.policy.lint_finding import Finding
from gate.policy.registry import build_policy_set
from tests.support.policies import POLICY, REPOSITORIES
from tests.unit.test_policy_layers import HEAD

WITH_ENTITY = REPOSITORIES.replace("mode: enforce}", "mode: enforce, entity: Bank AG}")
ASKS = "when: {cross_team: false}"
PAIRS = "  - {id: contracts, for: [contributors], entities: [[Vendor Ltd, Bank AG]]}\n"


def check(policy: str, repositories: str = REPOSITORIES, **layers: str) -> tuple[Finding, ...]:
    files = {"policy.yaml": policy, "repositories.yaml": repositories}
    files |= {f"{name}.yaml": text for name, text in layers.items()}
    return check_policies(build_policy_set(files), files)


def only(found: tuple[Finding, ...], part: str, text: str) -> Finding:
    assert [(one.code, one.severity.value) for one in found] == [("no-source", "error")], [str(one) for one in found]
    assert found[0].line == text[: text.index(part)].count("\n") + 1
    return found[0]


@pytest.mark.req("POL-05")
def test_labels_that_nobody_records() -> None:
    asked = "when: {cross_team: false, labels: [security]}"
    text = POLICY.replace(ASKS, asked, 1)
    assert "nobody reports those of core" in only(check(text), asked, text).sentence
    assert check(text, REPOSITORIES.replace("mode: enforce}", "mode: enforce, hook: github}")) == ()


FORGE = "meaning: technical-review, forge_review: true}"


@pytest.mark.req("POL-05", "RCV-08")
def test_reviews_on_a_forge_that_nobody_reports() -> None:
    text = POLICY.replace("meaning: technical-review}", FORGE, 1)
    assert "nobody reports those of core" in only(check(text), FORGE, text).sentence
    connected = REPOSITORIES.replace("mode: enforce}", "mode: enforce, hook: gitea}")
    assert check(text, connected) == ()
    other = (
        '  - {id: other, url: "https://git.example/o.git", title: O, protected: [main], owning_teams: [a], mode: warn}'
    )
    found = check(
        text.replace("repositories: [core", "repositories: [other, core"),
        connected.replace("robots:", f"{other}\nrobots:"),
    )
    assert [(one.code, one.severity.value) for one in found] == [("no-source", "warning")]
    assert "other" in found[0].sentence


@pytest.mark.req("POL-05")
def test_an_entity_that_the_register_does_not_name() -> None:
    asked = "when: {cross_team: false, cross_entity: true}"
    text = POLICY.replace(ASKS, asked, 1)
    found = only(check(text), asked, text)
    assert "core" in found.sentence
    assert "repositories.yaml" in found.remedy
    assert check(text, WITH_ENTITY) == ()


@pytest.mark.req("POL-05")
def test_pairs_of_entities_ask_for_it_too() -> None:
    text = POLICY.replace("prerequisites:\n", "prerequisites:\n" + PAIRS, 1)
    assert "`contracts`" in only(check(text), PAIRS, text).sentence
    assert check(text, WITH_ENTITY) == ()


@pytest.mark.req("POL-05")
def test_a_layer_is_judged_in_its_own_file() -> None:
    layer = HEAD + "prerequisites:\n" + PAIRS
    found = only(check(POLICY, more=layer), PAIRS, layer)
    assert found.file == "more.yaml"
