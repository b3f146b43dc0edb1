"""What `bonded fsck` can find: one value per finding, and the catalogue of its codes with cause and cure.

Codes are stable: scripts and alarms match them. A finding with a code that is not in the catalogue cannot be made.
"""

from __future__ import annotations

from dataclasses import dataclass

CODES: dict[str, tuple[str, str]] = {}
"""Code -> (what disagrees, what to do)."""


def define(code: str, meaning: str, cure: str) -> str:
    """Add a code to the catalogue; called beside the look that finds it. Raises ValueError for a second meaning."""
    if CODES.setdefault(code, (meaning, cure)) != (meaning, cure):
        raise ValueError(f"two disagreements share the code {code}")
    return code


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing that does not agree with another.

    `subject` names the object, row or role; `sentence` says what was expected and what is there. `warning`: nothing is
    wrong yet; the exit status stays 0.
    """

    code: str
    subject: str
    sentence: str
    warning: bool = False

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code} is not in the catalogue of disagreements")

    def line(self) -> str:
        """One line for a terminal or a log: code, subject, sentence."""
        head = f"warning {self.code}" if self.warning else self.code
        return f"{head} {self.subject}: {self.sentence}"
