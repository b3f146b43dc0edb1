"""The package wants to be taken before a private one of the same name.

**What it looks for.** Names that the operator keeps for the organisation (`screening.private_names`), as a new project. And versions
that are there to win: 99 and more nines, 999.0.1, 88.88.88, 9000.0.0, in an archive with next to no code.

**Why it matters.** An installer that sees two indexes takes the higher version. Whoever registers the name of a private package
on a public index, with a version that nobody reaches, runs code inside the organisation.

**What is not flagged.** Versions that count builds, years or releases of a browser (2026.1, 120.0.6099), and anything with real
code behind a high version. A private name once somebody has released the project.

**When it is a false alert.** The organisation's own first upload of a private package: somebody releases it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_WINS = re.compile(r"^(9{2,}|(\d)\2\.\2\2|[1-9]0{2,}|9\d{3,}|1?99\d*)(\.|$)")
_YEAR = re.compile(r"^(19|20)\d\d(\.|$)")
_LITTLE = 6_000
"""Bytes of code: what tests whether a name is installed needs no more."""


@check(
    name="dependency-confusion",
    version=2,
    severity=Severity.MEDIUM,
    sentence="The package wants to be taken before a private one of the same name.",
    uses_context=True,
)
def confusion(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit for a private name, one for a version that is there to win."""
    if context is not None and context.new_project and context.private:
        # A rule of the operator, not evidence of intent: the fit knows versions that win, and must not have this one rejected.
        said = f"{context.project!r} is kept for this organisation by the setting {context.private!r}"
        yield Hit(said, 0.9, severity=Severity.HIGH)
    version = facts.version.strip()
    new = context is None or context.new_project
    if new and _WINS.match(version) and not _YEAR.match(version) and facts.naming.code_bytes < _LITTLE:
        yield Hit(f"version {version[:30]} is there to win, over {facts.naming.code_bytes} bytes of code", 0.6)
