"""What every key's shape is made of: a strict, frozen model and the words that names, labels and texts may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Team = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]
Some = Annotated[list[Label], Field(min_length=1)]


class Shape(BaseModel):
    """Strict: unknown keys are refused, and nothing is taken for something else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
