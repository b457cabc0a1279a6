"""What `fixtures` and `tests` of a policy file look like, key by key. Shape only: ``read_cases.py`` makes cases of it.

A test starts from the fixture `base`, then from the fixture it names, and says only what differs: `change` and each of
`people` key by key, every list as a whole. A role is written `qa`, or `maintainer:ledger` for a team's; a training
`GXP-101`, or `GXP-101 until 2026-06-30T00:00:00Z`. Instants are UTC.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from gate.policy.shape_words import Label, Name, Prose, Shape, Team

T = TypeVar("T")
MOST = 100
Few = Annotated[list[T], Field(max_length=MOST)]
"""What one test may list of anything but paths: somebody waits while it is read and run."""


class SceneRepositoryShape(Shape):
    id: Name | None = None
    owning_teams: list[Team] = Field(default=[], min_length=1, max_length=MOST)
    entity: Label | None = None


class SceneChangeShape(Shape):
    head: Label = "h1"
    target: Label | None = None
    paths: list[str] = []
    renamed_from: list[str] = []
    files: int | None = Field(default=None, ge=1, le=100_000)
    lines: int | None = Field(default=1, ge=0)
    author: Label | None = None
    contributors: Few[Label] | None = None
    co_authors: Few[Label] = []
    pushers: Few[Label] = []
    unattributed: int = Field(default=0, ge=0, le=100)
    labels: Few[Label] | None = None
    draft: bool = False
    conflicts: bool = False
    change_request: Label | None = None


class ScenePersonShape(Shape):
    name: Label | None = None
    team: Team | None = None
    roles: Few[Label] = []
    training: Few[Label] = []
    terms: Few[Name] = []
    kind: Literal["person", "robot"] = "person"
    sponsor: Label | None = None
    entity: Label | None = None
    department: Label | None = None
    state: Literal["active", "locked", "disabled", "expired", "missing"] = "active"


class SceneApprovalShape(Shape):
    by: Label
    role: Label | None = Field(default=None, alias="as")
    meaning: Name | None = None
    head: Label | None = None
    target: Label | None = None
    at: Label | None = None
    expires: Label | None = None
    on_behalf_of: Label | None = Field(default=None, alias="for")
    kind: Literal["signature", "forge-review"] = "signature"
    carried_from: Label | None = None
    carried_by: Literal["same_diff", "same_tree"] | None = None
    policy: Literal["this", "earlier"] = "this"


class SceneVetoShape(Shape):
    by: Label
    role: Label | None = Field(default=None, alias="as")
    head: Label | None = None
    at: Label | None = None


class SceneClearanceShape(Shape):
    veto_of: Label
    by: Label
    role: Label = Field(alias="as")


class SceneExemptionShape(Shape):
    by: Label
    freeze: Name
    head: Label | None = None
    at: Label | None = None


class SceneDelegationShape(Shape):
    giver: Label = Field(alias="from")
    receiver: Label = Field(alias="to")
    role: Label
    starts: Label | None = None
    until: Label


class SceneBreakGlassShape(Shape):
    by: Label
    code: Name
    incident: Label
    reason: Prose
    at: Label | None = None
    head: Label | None = None
    cosigned_by: Few[Label] = []


class SceneOwedShape(Shape):
    number: int = Field(ge=1)
    due: Label


class SceneCheckShape(Shape):
    name: Label
    outcome: Literal["success", "failure", "error"] = "success"
    reporter: Label
    person: Label | None = None
    head: Label | None = None


class SceneDirectoryShape(Shape):
    read: Label | None = None
    error: Label | None = None


class SceneShape(Shape):
    """Everything a decision looks at; what is not said is nobody's, none, or the everyday value."""

    now: Label | None = None
    repository: SceneRepositoryShape | None = None
    directory: SceneDirectoryShape | None = None
    change: SceneChangeShape | None = None
    people: dict[Name, ScenePersonShape] = Field(default={}, max_length=MOST)
    approvals: Few[SceneApprovalShape] = []
    vetoes: Few[SceneVetoShape] = []
    clearances: Few[SceneClearanceShape] = []
    delegations: Few[SceneDelegationShape] = []
    exemptions: Few[SceneExemptionShape] = []
    break_glass: SceneBreakGlassShape | None = None
    owed_reviews: Few[SceneOwedShape] = []
    checks: Few[SceneCheckShape] = []


class TestShape(SceneShape):
    """`unmet`: exactly what is not met, by id (or by the code of a reason that has none, as `veto`)."""

    __test__ = False

    name: Label
    fixture: Name = "base"
    expect: Literal["approved", "overridden", "pending", "rejected", "blocked", "error"]
    unmet: Few[Label] | None = None
    level: Name | None = None
    until: Label | None = None
    review_due: Label | None = None
