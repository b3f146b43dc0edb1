"""A release comes without provenance although the one before it had some.

**What it looks for.** A file without attestations, of a project whose release before had them for all of its files (PEP 740).

**Why it matters.** Attestations come from the build service. Whoever stole a token, or an account, uploads from elsewhere and
cannot make them: in several attacks on popular projects this was the first thing that anybody could have seen.

**What is not flagged.** Projects that never had attestations, and releases of which only some files had.

**When it is a false alert.** A project changes how it publishes, or somebody uploads by hand when the build service is away. So this is
a hint, which counts with what the release does.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind


@check(
    name="provenance-lost",
    version=1,
    severity=Severity.MEDIUM,
    sentence="A release comes without provenance although the one before it had some.",
    subject=SubjectKind.RELEASE,
    needs_context=True,
)
def provenance_lost(_facts: Facts, context: Context) -> Iterator[Hit]:
    """At most one hit."""
    if context.earlier is not None and context.earlier.attested and not context.attested:
        yield Hit(f"{context.earlier.version} had attestations of a build, and this file has none", 0.5)
