"""What the file of kind Repositories looks like, key by key. Only shape, like ``shape.py``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gate.policy.shape import ChangeRequestShape
from gate.policy.shape_words import Label, Name, Shape, Some, Team


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
