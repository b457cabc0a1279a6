"""What a file of kind ApprovalPolicy looks like, key by key: pydantic models, strict, no unknown keys.

Only shape; whether names are declared, patterns valid and rules complete is checked in ``parse.py``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gate.policy.shape_tests import SceneShape, TestShape
from gate.policy.shape_words import Label, Name, Prose, Shape, Some


class MetadataShape(Shape):
    id: Name
    title: Label
    owners: Some


class AppliesShape(Shape):
    repositories: Some
    branches: Some


class RoleShape(Shape):
    group: Label


class IdentityShape(Shape):
    roles: dict[Name, RoleShape] = Field(min_length=1)


class OwnershipShape(Shape):
    paths: Some
    team: Label


class SeparationShape(Shape):
    exclude: list[Literal["author", "committers", "co_authors", "pushers"]]
    over: Literal["all_revisions"] = "all_revisions"
    unattributed: Literal["deny"] = "deny"


class BindingShape(Shape):
    to: Literal["head"]


class ApprovalShape(Shape):
    valid_for: Label | None = None
    distinct_people: Literal[True] = True
    carry_over: Literal["none", "same_diff", "same_tree"] = "none"
    carry_over_at: dict[Name, Literal["none", "same_diff", "same_tree"]] = {}


class MeaningShape(Shape):
    text: Label
    kind: Literal["review", "approval", "responsibility", "authorship"]


class VetoShape(Shape):
    roles: Some
    survives_push: bool
    cleared_by: list[Name] = []


class PrerequisiteShape(Shape):
    id: Name
    subjects: list[Literal["author", "contributors", "approvers"]] = Field(alias="for", min_length=1)
    terms: Name | None = None
    training: Label | None = None
    clearance: Label | None = None
    entities: list[Annotated[list[Label], Field(min_length=2, max_length=2)]] | None = None
    at: list[Name] = []


class TermsShape(Shape):
    title: Label
    text: Prose


class ChangeRequestShape(Shape):
    pattern: Label
    example: Label


class CheckShape(Shape):
    name: Label
    reporters: Some


class ScopeWhenShape(Shape):
    cross_team: Literal[False] | None = None
    robots: Literal[True] | None = None


class OutOfScopeShape(Shape):
    id: Name
    when: ScopeWhenShape
    because: Label


class WhenShape(Shape):
    cross_team: bool | None = None
    paths: Some | None = None
    branches: Some | None = None
    classification: Annotated[list[Name], Field(min_length=1)] | None = None
    author_kind: Annotated[list[Literal["person", "robot"]], Field(min_length=1)] | None = None
    labels: Some | None = None
    lines_over: int | None = Field(default=None, ge=0)
    files_over: int | None = Field(default=None, ge=0)
    cross_entity: Literal[True] | None = None
    expr: Prose | None = None


class RequirementShape(Shape):
    role: Name | None = None
    any_role: Annotated[list[Name], Field(min_length=2)] | None = None
    of: Literal["each_owning_team", "any_owning_team"] | None = None
    count: int = Field(ge=1, le=20)
    meaning: Name
    shared: bool = False
    forge_review: bool = False
    expr: Prose | None = None


class LevelPathsShape(Shape):
    level: Name
    paths: Some


class ClassificationShape(Shape):
    levels: list[Name] = Field(min_length=2)
    default: Name
    paths: list[LevelPathsShape] = Field(min_length=1)


class WindowShape(Shape):
    start: Label
    end: Label
    tz: Label


class FreezeShape(Shape):
    id: Name
    window: WindowShape
    because: Label
    at: list[Name] = []
    branches: list[Label] = []
    exempt: RequirementShape | None = None


class DelegationShape(Shape):
    roles: list[Name] = Field(min_length=1)
    max_period: Label
    depth: Literal[1] = 1
    prerequisites: Literal["delegate"] = "delegate"
    occupies_both: Literal[True] = True


class InvokerShape(Shape):
    role: Name


class OverrideReasonShape(Shape):
    codes: list[Name] = Field(min_length=1)
    incident: ChangeRequestShape
    min_chars: int = Field(ge=10, le=2000)


class OwedReviewShape(Shape):
    role: Name
    independent_of: list[Literal["author", "contributors", "invoker", "cosigner"]]
    within: Label
    meaning: Name
    overdue: Literal["lock_break_glass"] = "lock_break_glass"


class BreakGlassShape(Shape):
    invoker: InvokerShape
    cosign: RequirementShape
    reason: OverrideReasonShape
    waives: list[Name] = Field(min_length=1)
    never_waives: list[Name] = []
    valid_for: Label
    review: OwedReviewShape


class RuleShape(Shape):
    id: Name
    description: Label
    when: WhenShape = WhenShape()
    require: list[RequirementShape] = Field(min_length=1)
    controls: list[Label] = []


class PolicyShape(Shape):
    api_version: Literal["gate/v1"] = Field(alias="apiVersion")
    kind: Literal["ApprovalPolicy"]
    metadata: MetadataShape
    applies_to: AppliesShape
    identity: IdentityShape
    ownership: list[OwnershipShape] = Field(min_length=1)
    separation: SeparationShape | None = None
    binding: BindingShape | None = None
    approval: ApprovalShape = ApprovalShape()
    meanings: dict[Name, MeaningShape] = Field(min_length=1)
    veto: VetoShape | None = None
    prerequisites: list[PrerequisiteShape] = []
    terms: dict[Name, TermsShape] = {}
    change_request: ChangeRequestShape | None = None
    checks: list[CheckShape] = []
    out_of_scope: list[OutOfScopeShape] = []
    classification: ClassificationShape | None = None
    freezes: list[FreezeShape] = []
    delegation: DelegationShape | None = None
    break_glass: BreakGlassShape | None = None
    rules: list[RuleShape] = Field(min_length=1)
    fixtures: dict[Name, SceneShape] = {}
    tests: list[TestShape] = []
