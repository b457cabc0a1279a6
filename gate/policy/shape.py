"""What the two kinds of file look like, key by key: pydantic models, strict, no unknown keys.

Only shape; whether names are declared, patterns valid and rules complete is checked in ``parse.py`` and
``registry.py``. ``shape_of`` turns pydantic's findings into an ``InputError`` with line and what to write instead.
"""

from __future__ import annotations

import difflib
import types
import typing
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from gate.domain.errors import InputError
from gate.policy.shape_tests import SceneShape, TestShape
from gate.policy.shape_words import Label as Label
from gate.policy.shape_words import Name as Name
from gate.policy.shape_words import Prose, Team
from gate.policy.shape_words import Shape as Shape
from gate.policy.shape_words import Some as Some
from gate.policy.source import Place, Source

T = TypeVar("T", bound=BaseModel)


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


class RepositoryShape(Shape):
    id: Name
    url: Label
    title: Label
    description: str = ""
    protected: Some
    owning_teams: list[Team] = Field(min_length=1)
    mode: Literal["observe", "warn", "enforce"]
    contact: str = ""
    change_request: ChangeRequestShape | None = None
    hook: Literal["git", "github", "gitea"] = "git"
    entity: Label | None = None


class RobotShape(Shape):
    name: Label
    sponsor: Label
    login: Label | None = None
    address: Label | None = None
    repositories: Some = ["*"]


class ProposeShape(Shape):
    group: Label


class ApproveShape(Shape):
    group: Label
    count: int = Field(ge=1, le=20)
    meaning: Label


class ActivationShape(Shape):
    propose: ProposeShape
    approve: ApproveShape


class RepositoriesShape(Shape):
    api_version: Literal["gate/v1"] = Field(alias="apiVersion")
    kind: Literal["Repositories"]
    repositories: list[RepositoryShape] = Field(min_length=1)
    robots: list[RobotShape] = []
    activation: ActivationShape | None = None


def shape_of(model: type[T], source: Source) -> T:
    """``source`` as ``model``; the first finding by line becomes an ``InputError``."""
    if not isinstance(source.value, dict):
        raise source.error((), "The file must be a mapping.", "Start with `apiVersion: gate/v1`.")
    try:
        return model.model_validate(source.value)
    except ValidationError as error:
        # A misspelt key is the cause of the missing one beside it, so only the former is named.
        found = error.errors(include_url=False)
        misspelt = {one["loc"][:-1] for one in found if one["type"] == "extra_forbidden"}
        causes = [one for one in found if one["type"] != "missing" or one["loc"][:-1] not in misspelt]
        findings = [_finding(model, source, one) for one in causes]
        raise min(findings, key=lambda finding: finding.line or 0) from error


def _finding(model: type[BaseModel], source: Source, found: Any) -> InputError:
    place: Place = tuple(part for part in found["loc"] if part != "[key]")
    last, limits = str(place[-1]) if place else "file", found.get("ctx", {})
    match found["type"]:
        case "extra_forbidden":
            known = _keys(_model_at(model, place[:-1]))
            close = difflib.get_close_matches(last, known, n=1)
            remedy = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(known)}."
            return source.error(place, f"Unknown key `{last}`.", remedy)
        case "missing":
            return source.error(
                place[:-1], f"`{last}` is missing{_inside(place)}.", f"Add `{last}:`; it has no default."
            )
        case "string_pattern_mismatch":
            return source.error(
                place,
                f"`{found['input']}` is not a valid name.",
                "Use letters, digits, dot, dash and underscore, at most 63 (ids in lower case).",
            )
        case "literal_error":
            return source.error(
                place,
                f"`{_shown(found['input'])}` is not a possible value of `{last}`.",
                f"Write {limits['expected']}.",
            )
        case "too_short" | "string_too_short":
            return source.error(place, f"`{last}` is empty.", "Give at least one.")
        case "greater_than_equal":
            return source.error(place, f"`{last}` is {found['input']}.", f"Write {limits['ge']} or more.")
        case _:
            said = str(found["msg"]).removeprefix("Input ")
            return source.error(
                place, f"`{last}` {said}, but here stands {_shown(found['input'])}.", _wanted(found["type"])
            )


def _inside(place: Place) -> str:
    words = [str(part) for part in place[:-1] if isinstance(part, str)]
    return f" in `{words[-1]}`" if words else ""


def _wanted(kind: str) -> str:
    return {
        "bool_type": "Write true or false (yes, no, on and off are plain words).",
        "int_type": "Write a whole number without quotes.",
        "string_type": 'Write a text; put numbers and true or false in "quotes" if you mean text.',
        "list_type": "Write a list: [a, b].",
        "dict_type": "Write a mapping of name: value.",
        "model_type": "Write a mapping: {key: value}.",
    }.get(kind, "See docs/policy.md for the shape.")


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str() | int():
            text = str(value)
            return text if len(text) <= 60 else text[:57] + "..."
        case _:
            return "a structure"


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_at(model: type[BaseModel] | None, place: Place) -> type[BaseModel] | None:
    """The model that describes ``place``: follows fields by alias, list items and mapping values."""
    annotation: Any = model
    for part in place:
        current = _models_in(annotation)
        if current is not None and isinstance(part, str):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            if part in fields:
                annotation = fields[part].annotation
    return _models_in(annotation)


def _models_in(annotation: Any) -> type[BaseModel] | None:
    if (
        isinstance(annotation, type)
        and issubclass(annotation, BaseModel)
        and not isinstance(annotation, types.GenericAlias)
    ):
        return annotation
    for argument in typing.get_args(annotation):
        if (inner := _models_in(argument)) is not None:
            return inner
    return None
