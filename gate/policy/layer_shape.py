"""What a file of kind RepositoryLayer looks like, key by key. Whatever is not a key here, no layer can touch.

Only shape, like ``shape.py``; what it adds to the policy it extends is read in ``layers.py``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gate.policy.shape import (
    AppliesShape,
    ChangeRequestShape,
    CheckShape,
    FreezeShape,
    LevelPathsShape,
    OwnershipShape,
    PrerequisiteShape,
    RuleShape,
)
from gate.policy.shape_tests import SceneShape, TestShape
from gate.policy.shape_words import Label, Name, Shape, Some


class TightenShape(Shape):
    rule: Name
    require: int = Field(ge=1, le=100)
    count: int = Field(ge=1, le=20)


class LayerMetadataShape(Shape):
    id: Name
    title: Label
    extends: Name
    owners: Some


class LayerApprovalShape(Shape):
    valid_for: Label | None = None
    carry_over: Literal["none", "same_tree", "same_diff"] | None = None


class LayerVetoShape(Shape):
    roles: Some


class LayerClassificationShape(Shape):
    paths: list[LevelPathsShape] = Field(min_length=1)


class LayerBreakGlassShape(Shape):
    never_waives: list[Name] = Field(min_length=1)


class LayerShape(Shape):
    api_version: Literal["gate/v1"] = Field(alias="apiVersion")
    kind: Literal["RepositoryLayer"]
    metadata: LayerMetadataShape
    applies_to: AppliesShape
    rules: list[RuleShape] = []
    tighten: list[TightenShape] = []
    approval: LayerApprovalShape = LayerApprovalShape()
    ownership: list[OwnershipShape] = []
    classification: LayerClassificationShape | None = None
    prerequisites: list[PrerequisiteShape] = []
    checks: list[CheckShape] = []
    freezes: list[FreezeShape] = []
    veto: LayerVetoShape | None = None
    change_request: ChangeRequestShape | None = None
    break_glass: LayerBreakGlassShape | None = None
    fixtures: dict[Name, SceneShape] = {}
    tests: list[TestShape] = []
