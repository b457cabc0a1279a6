"""Layers: what they add decides, what they could weaken they cannot, and every mistake names file and line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gate.domain.errors import InputError
from gate.policy.approvals import permitted_carry_over
from gate.policy.classification import Level
from gate.policy.decision import Answer, RuleState
from gate.policy.document import (
    BreakGlass,
    CarryOver,
    CarryOverAt,
    ChangeRequest,
    Classification,
    Freeze,
    LevelPaths,
    Of,
    OwedReview,
    Ownership,
    Policy,
    Requirement,
)
from gate.policy.effective import EffectivePolicy, build_effective
from gate.policy.evaluate import evaluate
from gate.policy.explain import explain_policy
from gate.policy.facts import BreakGlassFacts, CosignFacts, Facts
from gate.policy.layer_document import Layer, Tightened
from gate.policy.layers import apply_layers
from gate.policy.registry import PolicySet, build_policy_set
from tests.support.policies import (
    EFFECTIVE,
    NOW,
    POLICY,
    REPOSITORIES,
    approve,
    build_check,
    build_facts,
    build_policy,
    contributor,
    members,
    paths,
)
from tests.unit.test_policy_properties import situations

HEAD = """\
apiVersion: gate/v1
kind: RepositoryLayer
metadata: {id: core-more, title: Core asks more, extends: baseline, owners: [core-team]}
applies_to: {repositories: [core], branches: [main]}
"""
ADDITIONS = {
    "rules": """\
rules:
  - id: security-look
    description: Security looks at everything here.
    require: [{role: security, count: 1, meaning: technical-review}]
""",
    "tighten": "tighten: [{rule: qa-signoff, require: 1, count: 2}]\n",
    "approval": "approval: {valid_for: 7d, carry_over: none}\n",
    "ownership": 'ownership: [{paths: ["ledger/**"], team: payments}]\n',
    "prerequisites": "prerequisites: [{id: course, for: [approvers], training: SEC-1}]\n",
    "checks": "checks: [{name: scan, reporters: [ci]}]\n",
    "veto": "veto: {roles: [change-board]}\n",
    "change_request": 'change_request: {pattern: "CHG-[0-9]{2,}", example: CHG-10}\n',
}
FULL = HEAD + "".join(ADDITIONS.values())


def build_set(*layers: str, policy: str = POLICY) -> PolicySet:
    files = {"policy.yaml": policy, "repositories.yaml": REPOSITORIES}
    return build_policy_set(files | {f"layer{number}.yaml": text for number, text in enumerate(layers)})


def layered(*names: str, branch: str = "main") -> EffectivePolicy:
    found = build_set(HEAD + "".join(ADDITIONS[name] for name in names)).policy_for("core", branch)
    assert found is not None
    return found


def under(policy: EffectivePolicy, facts: Facts) -> Facts:
    """The same facts as they would be under ``policy``: its digest everywhere, its groups read."""
    acts = tuple(replace(one, policy_digest=policy.digest) for one in facts.approvals)
    facts = replace(facts, policy_digest=policy.digest, approvals=acts)
    return replace(facts, role_members=members(policy, facts))


GOOD = (approve("bob", "maintainer:ledger"), approve("dana", "qa", index=11))
MORE = (*GOOD, approve("sam", "security", index=12))


@pytest.mark.req("POL-01")
def test_where_no_layer_applies_nothing_changes() -> None:
    found = build_set(FULL).policy_for("core", "release/1")
    assert found is not None
    assert found.digest == build_set().policy_for("core", "release/1").digest  # type: ignore[union-attr]
    assert found.policy.layers == ()
    assert layered(*ADDITIONS).digest != EFFECTIVE.digest
    assert layered(*ADDITIONS).policy.layers == ("core-more",)
    assert layered(*ADDITIONS).id == "baseline"


@pytest.mark.req("INV-02")
@pytest.mark.parametrize("name", ADDITIONS)
def test_every_addition_is_part_of_what_approvals_bind(name: str) -> None:
    assert layered(name).digest != EFFECTIVE.digest


@pytest.mark.req("POL-01")
@pytest.mark.parametrize(
    ("name", "lacking", "enough"),
    [
        ("rules", {"approvals": GOOD}, {"approvals": MORE}),
        ("tighten", {"approvals": GOOD}, {"approvals": (*GOOD, approve("ivan", "qa", index=12))}),
        (
            "approval",
            {"approvals": tuple(replace(one, signed_at=NOW - timedelta(days=8)) for one in GOOD)},
            {"approvals": tuple(replace(one, signed_at=NOW - timedelta(days=6)) for one in GOOD)},
        ),
        ("checks", {}, {"checks": (build_check(), build_check(name="scan"))}),
        ("change_request", {"change_request": "CHG-7"}, {"change_request": "CHG-77"}),
        ("veto", {"approvals": (*GOOD, replace(approve("liz", "change-board", index=13), act="reject"))}, {}),
        (
            "ownership",
            {"contributors": (contributor("carl"),), "author": "corp:carl", "paths": paths("ledger/a", "docs/a")},
            {
                "contributors": (contributor("carl"),),
                "author": "corp:carl",
                "paths": paths("ledger/a", "docs/a"),
                "approvals": (*GOOD, approve("pat", "maintainer:platform", index=12),
                              approve("paula", "maintainer:payments", index=13)),
            },
        ),
    ],
)  # fmt: skip
def test_what_is_added_decides(name: str, lacking: dict[str, object], enough: dict[str, object]) -> None:
    policy = layered(name)
    base: dict[str, object] = {"approvals": GOOD}
    if name == "ownership":
        base = {"approvals": (*GOOD, approve("pat", "maintainer:platform", index=12))}
    facts = build_facts(**{**base, **lacking})  # type: ignore[arg-type]
    assert evaluate(EFFECTIVE, facts).answer.allows or name == "veto"
    assert not evaluate(policy, under(policy, facts)).answer.allows
    assert evaluate(policy, under(policy, build_facts(**{**base, **enough}))).answer is Answer.APPROVED  # type: ignore[arg-type]


@pytest.mark.req("POL-01")
def test_added_owners_are_asked_and_stand_in_for_nobody() -> None:
    """The leak of "the last match wins", closed: who is added as an owner does not become one who may let it pass."""
    policy = layered("ownership")
    by_payments = (approve("paula", "maintainer:payments"), approve("dana", "qa", index=11))
    decision = evaluate(policy, under(policy, build_facts(approvals=by_payments)))
    assert decision.is_cross_team, "Alice of payments, which a layer added, contributes from another team still"
    assert {reason.rule for reason in decision.reasons} == {"owner-review"}
    assert "ledger" in decision.reasons[0].sentence
    same_team = build_facts(
        author="corp:carl",
        contributors=(contributor("carl"),),
        paths=paths("ledger/a"),
        approvals=(approve("paula", "maintainer:payments"),),
    )
    answer = evaluate(policy, under(policy, same_team))
    assert {reason.rule for reason in answer.reasons} == {"same-team-review"}
    elsewhere = build_facts(paths=paths("docs/a"), approvals=(approve("pat", "maintainer:platform"),))
    assert evaluate(policy, under(policy, elsewhere)).answer is Answer.APPROVED, "payments was added to the ledger only"


@pytest.mark.req("INV-01")
def test_a_rule_of_a_layer_allows_nothing_where_no_rule_of_the_policy_applies() -> None:
    start = POLICY.index("  - id: owner-review")
    only_posting = POLICY[:start] + POLICY[POLICY.index("  - id: qa-signoff") :]
    always = HEAD + ADDITIONS["rules"]
    for files in ((), (always,)):
        policy = build_set(*files, policy=only_posting).policy_for("core", "main")
        assert policy is not None
        facts = build_facts(policy=policy, paths=paths("docs/a"), approvals=(approve("sam", "security"),))
        decision = evaluate(policy, under(policy, facts))
        assert decision.answer is Answer.ERROR
        assert "no-rule" in {reason.code for reason in decision.reasons}


@pytest.mark.req("INV-12")
def test_added_owners_are_said_in_words() -> None:
    lines = [line for section in explain_policy(layered("ownership")) for line in section.lines]
    assert "Besides its owners, by a layer of the repository: ledger/**: payments." in lines


# --- a layer never weakens

TEAMS = st.sampled_from(["ledger", "payments", "platform", None])
PATTERNS = st.sampled_from([("ledger/**",), ("docs/**",), ("payments/**", "policies/**"), ("**",)])
ROLES = ["maintainer", "qa", "security", "change-board"]
BASE_RULES = [rule.id for rule in EFFECTIVE.policy.rules]
PARSED = build_set(FULL).layers[0]


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    """A layer with any of its members, each of any strength the file could give it."""
    role = draw(st.sampled_from(ROLES))
    ask = Requirement(
        roles=(role,),
        of=draw(st.sampled_from([Of.EACH_OWNING_TEAM, Of.ANY_OWNING_TEAM])) if role == "maintainer" else None,
        count=draw(st.integers(1, 2)),
        meaning="technical-review",
    )
    rule = replace(PARSED.rules[0], require=(ask,))
    owner = st.builds(Ownership, paths=PATTERNS, team=TEAMS)
    tighten = st.builds(Tightened, rule=st.sampled_from(BASE_RULES), number=st.just(0), count=st.integers(1, 3))

    def some() -> bool:
        return draw(st.booleans())

    return replace(
        PARSED,
        rules=(rule,) if some() else (),
        tighten=tuple(draw(st.lists(tighten, max_size=2))),
        valid_for=draw(st.sampled_from([None, timedelta(days=7), timedelta(days=30)])),
        carry_over=draw(st.sampled_from([None, *CarryOver])),
        ownership=tuple(draw(st.lists(owner, max_size=2))),
        prerequisites=PARSED.prerequisites if some() else (),
        checks=PARSED.checks if some() else (),
        veto_roles=tuple(draw(st.lists(st.sampled_from(ROLES), max_size=2, unique=True))),
        change_request=PARSED.change_request if some() else None,
    )


@pytest.mark.req("INV-01")
@given(situations(), st.lists(layers(), min_size=1, max_size=2))
def test_a_layer_never_weakens_the_policy(facts: Facts, given_layers: list[Layer]) -> None:
    policy = build_effective(apply_layers(EFFECTIVE.policy, given_layers), EFFECTIVE.repository, EFFECTIVE.robots)
    if evaluate(policy, under(policy, facts)).answer.allows:
        assert evaluate(EFFECTIVE, facts).answer.allows


LEVELS = """\
classification:
  levels: [low, standard, critical]
  default: standard
  paths:
    - {level: low, paths: ["docs/**"]}
    - {level: critical, paths: ["ledger/posting/**"]}
break_glass:
  invoker: {role: security}
  cosign: {role: change-board, count: 1, meaning: policy-approval}
  reason: {codes: [outage], incident: {pattern: "INC-[0-9]+", example: INC-1}, min_chars: 10}
  waives: [qa-signoff, low-look, freeze]
  valid_for: 4h
  review: {role: qa, independent_of: [author, contributors, invoker], within: 2bd, meaning: technical-review}
freezes:
  - {id: close, window: {start: "2026-06-30T00:00", end: "2026-07-03T00:00", tz: UTC}, because: Closing., at: [low],
     exempt: {role: change-board, count: 1, meaning: policy-approval}}
rules:
  - id: low-look
    description: Security looks at what is called harmless.
    when: {classification: [low]}
    require: [{role: security, count: 1, meaning: technical-review}]
"""
RICH_TEXT = POLICY.replace("rules:\n", LEVELS, 1).replace(
    "for: [contributors, approvers], training: GXP-101}", "for: [approvers], training: GXP-101, at: [low, critical]}"
)
RICH = build_policy(RICH_TEXT)
RICH_LAYER = """\
classification:
  paths:
    - {level: critical, paths: ["docs/**", "ledger/b.py"]}
    - {level: standard, paths: ["payments/**"]}
freezes:
  - {id: own, window: {start: "2026-07-01T00:00", end: "2026-07-02T00:00", tz: UTC}, because: Moving., at: [critical],
     exempt: {role: qa, count: 1, meaning: technical-review}}
break_glass: {never_waives: [low-look, freeze]}
prerequisites: [{id: course, for: [approvers], training: GXP-101, at: [standard]}]
rules:
  - id: critical-look
    description: Security looks at what is critical.
    when: {classification: [critical]}
    require: [{role: security, count: 1, meaning: technical-review}]
"""
RICH_PARSED = build_set(HEAD + RICH_LAYER, policy=RICH_TEXT).layers[0]


@st.composite
def rich_layers(draw: st.DrawFn) -> Layer:
    """Any of the later members."""

    def some(name: str) -> tuple[Any, ...]:
        return getattr(RICH_PARSED, name) if draw(st.booleans()) else ()

    return replace(
        draw(layers()),
        rules=some("rules"),
        raised=some("raised"),
        freezes=some("freezes"),
        prerequisites=some("prerequisites"),
        never_waives=some("never_waives"),
    )


@st.composite
def rich_situations(draw: st.DrawFn) -> Facts:
    facts = draw(situations(RICH))
    exempt = replace(approve("liz", "change-board", index=60, policy=RICH), freeze="close")
    own = replace(approve("dana", "qa", index=61, policy=RICH), freeze="own", meaning="technical-review")
    more = draw(
        st.lists(st.sampled_from([exempt, own, approve("sam", "security", index=62, policy=RICH)]), unique=True)
    )
    facts = replace(facts, approvals=(*facts.approvals, *more))
    if draw(st.booleans()):
        return facts
    cosigner = CosignFacts(index=71, person="corp:lou", name="Lou", role="change-board", signed_at=NOW)
    glass = BreakGlassFacts(
        index=70,
        person="corp:sam",
        name="Sam",
        role="security",
        code="outage",
        incident="INC-7",
        reason_chars=40,
        head=facts.head,
        target=facts.target,
        policy_digest=RICH.digest,
        invoked_at=NOW - timedelta(hours=1),
        cosigners=(cosigner,),
    )
    return replace(facts, break_glass=glass)


@pytest.mark.req("INV-01", "POL-01")
@settings(max_examples=100)
@given(rich_situations(), rich_layers())
def test_a_layer_never_weakens_by_levels_freezes_or_ceilings(facts: Facts, layer: Layer) -> None:
    policy = build_effective(apply_layers(RICH.policy, [layer]), RICH.repository, RICH.robots)
    facts = under(RICH, facts)
    glass = facts.break_glass
    moved = replace(facts, break_glass=replace(glass, policy_digest=policy.digest) if glass is not None else None)
    after = evaluate(policy, under(policy, moved))
    event(f"layered: {after.answer.value}")
    if after.answer.allows:
        assert evaluate(RICH, facts).answer.allows


@pytest.mark.req("INV-01", "POL-01")
def test_raising_a_path_keeps_the_rules_of_its_own_level() -> None:
    policy = build_effective(apply_layers(RICH.policy, [RICH_PARSED]), RICH.repository, RICH.robots)
    facts = build_facts(policy=policy, paths=paths("docs/a"))
    applied = {rule.id for rule in evaluate(policy, facts).rules if rule.state is not RuleState.NOT_APPLICABLE}
    assert {"low-look", "critical-look"} <= applied
    assert {one.id for one in evaluate(policy, facts).freezes} == {"close", "own"}


# --- the merge, member by member


def rich() -> Policy:
    """A policy with the members that only the merge is looked at here."""
    board = Requirement(roles=("change-board",), of=None, count=2, meaning="policy-approval")
    freezes = tuple(
        Freeze(id=id, start=NOW, end=NOW + timedelta(days=1), zone="UTC", because="Closing.")
        for id in ("close", "audit")
    )
    return replace(
        EFFECTIVE.policy,
        carry_over=CarryOver.SAME_DIFF,
        classification=Classification(
            levels=("low", "high"), default="low", paths=(LevelPaths(level="high", paths=("ledger/**",)),)
        ),
        freezes=freezes,
        break_glass=BreakGlass(
            invoker="security",
            cosign=board,
            codes=("outage",),
            incident=ChangeRequest(pattern="INC-[0-9]+", example="INC-1"),
            min_chars=30,
            waives=("qa-signoff", "freeze"),
            never_waives=("separation", "veto"),
            valid_for=timedelta(hours=4),
            review=OwedReview(role="qa", within_days=2, meaning="technical-review"),
        ),
    )


@pytest.mark.req("POL-01")
def test_the_later_members_are_merged_to_the_stricter() -> None:
    policy = rich()
    raised = (LevelPaths(level="high", paths=("docs/**",)),)
    more = Freeze(id="own", start=NOW, end=NOW + timedelta(days=9), zone="UTC", because="Moving.")
    layer = replace(PARSED, carry_over=CarryOver.NONE, raised=raised, freezes=(more,), never_waives=("close",))
    merged = apply_layers(policy, [layer])
    assert merged.carry_over is CarryOver.NONE
    assert merged.classification is not None
    assert merged.classification.raised == raised
    assert merged.classification.paths == policy.classification.paths  # type: ignore[union-attr]
    assert [one.id for one in merged.freezes] == ["close", "audit", "own"]
    assert merged.break_glass is not None
    assert merged.break_glass.waives == ("qa-signoff", "audit")
    assert "close" in merged.break_glass.never_waives
    for named in ("freeze", "qa-signoff"):
        held = apply_layers(policy, [replace(PARSED, never_waives=(named,))]).break_glass
        assert held is not None
        assert named not in held.waives
        assert named in held.never_waives
    assert policy == rich(), "a merge changes nothing it was given"


@pytest.mark.req("POL-01")
def test_the_smaller_number_and_the_larger_count_win() -> None:
    looser = replace(
        PARSED, valid_for=timedelta(days=90), tighten=(Tightened(rule="policy-change", number=0, count=1),)
    )
    merged = apply_layers(EFFECTIVE.policy, [looser])
    assert merged.valid_for == timedelta(days=14)
    assert next(rule for rule in merged.rules if rule.id == "policy-change").require[0].count == 2
    without_age = replace(EFFECTIVE.policy, valid_for=None, veto=None)
    merged = apply_layers(without_age, [PARSED])
    assert merged.valid_for == timedelta(days=7)
    assert merged.veto is not None
    assert merged.veto.survives_push
    assert apply_layers(EFFECTIVE.policy, []) == EFFECTIVE.policy


# --- mistakes

MISTAKES = {
    "a rule of the policy": ("id: security-look", "id: qa-signoff", "is taken", "tighten"),
    "the name of a ceiling": ("id: security-look", "id: veto", "means something else", "another name"),
    "a check of the policy": ("name: scan", "name: build", "is taken", "another name"),
    "a prerequisite of the policy": ("id: course", "id: gxp-training", "is taken", "another name"),
    "an unknown policy": ("extends: baseline", "extends: base", "`base` is not declared", "baseline"),
    "an unknown rule": ("rule: qa-signoff", "rule: qa", "`qa` is not declared", "qa-signoff"),
    "a requirement that is not there": ("require: 1, count: 2", "require: 2, count: 2", "has 1 entry", "Write 1"),
    "a role of its own": ("role: security, count: 1", "role: boss, count: 1", "`boss` is not declared", "security"),
    "a meaning of its own": ("meaning: technical-review", "meaning: lgtm", "`lgtm` is not declared", "declare it"),
    "terms of its own": ("training: SEC-1", "terms: mine", "`mine` is not declared", "inner-source-terms-v3"),
    "a veto by nobody": ("veto: {roles: [change-board]}", "veto: {roles: [boss]}", "`boss`", "declare it"),
    "identity": ("tighten:", "identity: {roles: {qa: {group: cn=me}}}\ntighten:", "Unknown key `identity`", "Known"),
    "out of scope": ("tighten:", "out_of_scope: []\ntighten:", "Unknown key `out_of_scope`", "Known"),
    "carrying over": ("carry_over: none", "carry_over: anything", "`anything`", "none"),
    "a veto that ends": ("roles: [change-board]}", "roles: [change-board], survives_push: false}", "Unknown", "Known"),
    "a group": ('team: payments}', 'team: "x,dc=evil"}', "not a team", "{repository}"),
    "no duration": ("valid_for: 7d", "valid_for: soon", "not a duration", "14d"),
    "a break-glass of its own": (
        "tighten:", "break_glass: {never_waives: [qa-signoff]}\ntighten:", "has no break-glass", "Remove it",
    ),
    "levels of its own": (
        "tighten:", 'classification: {paths: [{level: high, paths: ["a/**"]}]}\ntighten:', "`high`", "none",
    ),
}  # fmt: skip


@pytest.mark.req("POL-05")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_layer_names_the_line_and_the_mend(name: str) -> None:
    good, bad, said, remedy = MISTAKES[name]
    assert good in FULL, "the case no longer fits the layer"
    with pytest.raises(InputError) as caught:
        build_set(FULL.replace(good, bad, 1))
    assert caught.value.file == "layer0.yaml"
    assert said in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.line == FULL[: FULL.index(good)].count("\n") + 1


@pytest.mark.req("POL-05")
def test_layers_are_checked_together() -> None:
    with pytest.raises(InputError, match="already has the id `core-more`"):
        build_set(FULL, FULL)
    with pytest.raises(InputError, match="already has the id `baseline`"):
        build_set(FULL.replace("id: core-more", "id: baseline"))
    with pytest.raises(InputError, match="`security-look` is also in the layer core-more") as caught:
        build_set(FULL, FULL.replace("id: core-more", "id: other"))
    assert caught.value.file == "layer1.yaml"
    assert caught.value.line == FULL[: FULL.index("rules:")].count("\n") + 1
    apart = FULL.replace("id: core-more", "id: other").replace("branches: [main]", 'branches: ["release/*"]')
    assert len(build_set(FULL, apart).layers) == 2


@pytest.mark.req("INV-02", "POL-09")
@pytest.mark.parametrize("layer", CarryOver)
@pytest.mark.parametrize("at", CarryOver)
@pytest.mark.parametrize("base", CarryOver)
def test_a_layer_only_tightens_what_is_carried_over(base: CarryOver, at: CarryOver, layer: CarryOver) -> None:
    strictest_first = (CarryOver.NONE, CarryOver.SAME_TREE, CarryOver.SAME_DIFF)
    policy = replace(rich(), carry_over=base, carry_over_at=(CarryOverAt(level="high", carry_over=at),))
    merged = apply_layers(policy, [replace(PARSED, carry_over=layer)])
    for level, own in (("high", at), ("low", base)):
        found = permitted_carry_over(merged, Level(name=level, because="", held=frozenset({level})))
        assert found is min(own, layer, key=strictest_first.index)
    assert apply_layers(policy, [replace(PARSED, carry_over=None)]).carry_over_at == policy.carry_over_at
