"""One finding about well-formed policy files: where, how bad, what is the matter, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gate.policy.source import Place, Source


class Severity(StrEnum):
    """An error has no effect or can never be satisfied; a warning is probably not meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    severity: Severity
    code: str
    file: str
    line: int
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity.value}: {self.sentence} {self.remedy}".strip()


def build_finding(
    source: Source, place: Place, severity: Severity, code: str, sentence: str, remedy: str = ""
) -> Finding:
    return Finding(
        severity=severity,
        code=code,
        file=source.name,
        line=source.line_of(place),
        sentence=sentence,
        remedy=remedy,
    )
