"""A person's signed word on one revision under one policy version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Act(StrEnum):
    """What a person may sign on a contribution."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


class MeaningKind(StrEnum):
    """The closed list a policy's meanings map to (21 CFR 11.50(a)(3))."""

    REVIEW = "review"
    APPROVAL = "approval"
    RESPONSIBILITY = "responsibility"
    AUTHORSHIP = "authorship"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One recorded act. ``index`` is its place in the audit log.

    ``person`` is ``PersonRef.key``; ``name`` the name as printed when signing; ``team`` the team
    the role was held for (None for roles that are not per team). ``policy_digest`` is the
    effective digest it binds. ``supersedes`` is the index a withdrawal takes back.
    """

    index: int
    act: Act
    person: str
    name: str
    role: str
    team: str | None
    meaning: str
    head: str
    target: str
    policy_digest: bytes
    signed_at: datetime
    expires_at: datetime | None = None
    supersedes: int | None = None
