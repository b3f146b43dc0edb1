"""A finding: one piece of evidence about one subject, as checks yield it and reviewers read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is if the finding is right."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class When(StrEnum):
    """When the code in evidence runs, from soonest to never."""

    INSTALL = "install"
    STARTUP = "startup"
    IMPORT = "import"
    CALL = "call"
    NEVER = "never"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence.

    `path` is a member of the archive ("" for the archive itself or a project), `line`..`end_line` count from 1
    (0 when there is none), `excerpt` is text of the member as it stands, at most 2,000 characters, `trace` the steps
    from source to sink in order. `confidence` is in 0..1.
    """

    check: str
    version: int
    severity: Severity
    confidence: float
    message: str
    path: str = ""
    line: int = 0
    end_line: int = 0
    excerpt: str = ""
    when: When = When.UNKNOWN
    trace: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} of {self.check} is not in 0..1")
        if len(self.excerpt) > 2000:
            object.__setattr__(self, "excerpt", self.excerpt[:1999] + "…")
