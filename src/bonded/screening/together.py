"""What two findings say together and neither says alone: a package that is not what it says, or says nothing, does something.

An unfinished description is a beginner's, and code that starts with the computer may be wanted. Of the packages of the training
data that had both, none was ordinary. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from bonded.values.finding import Finding, Severity, When

NAME = "together"
VERSION = 1
UNANSWERED = frozenset(
    {
        "combosquat",
        "console-script-shadowing",
        "deceptive-metadata",
        "dependency-confusion",
        "homoglyph-name",
        "import-name-shadowing",
        "name-deception",
        "namespace-lookalike",
        "placeholder-metadata",
        "repository-mismatch",
        "requirement-deception",
        "self-described-attack",
        "trojanised-clone",
    }
)
"""Checks of what a package says of itself: nobody answers for it, or it passes for another."""
COMPARES = frozenset({"release-divergence"})
"""Checks whose finding is a difference from the release before. Training data are single archives: nothing says what a difference
weighs in company, and what the new code does is also a finding of the check for it."""
RUNS = (When.INSTALL, When.STARTUP, When.IMPORT, When.CALL)
_GRAVITY = {severity: at for at, severity in enumerate(Severity)}


def together(findings: Iterable[Finding]) -> Finding | None:
    """One finding more, as grave as the gravest behaviour, where `findings` hold both; None otherwise.

    Notes (`info`) count on neither side. The order of `findings` does not matter.
    """
    grave = [one for one in findings if one.severity is not Severity.INFO]
    said = sorted({one.check for one in grave if one.check in UNANSWERED})
    done = [one for one in grave if one.when in RUNS and one.check not in UNANSWERED | COMPARES]
    if not said or not done:
        return None
    worst = max(done, key=lambda one: (_GRAVITY[one.severity], one.check))
    message = f"what it says of itself ({', '.join(said)}) beside what it does ({worst.check}) is worse than either"
    return Finding(NAME, VERSION, worst.severity, 1.0, message)
