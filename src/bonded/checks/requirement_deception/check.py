"""The package requires a project whose name is easily taken for a popular one, or an address.

**What it looks for.** Requirements (not those of extras) whose name is one letter, one look-alike or one
swapped word away from that of a popular project; those whose first word is one slip away from the one with
which several others begin (`acmecluod-core` beside `acmecloud-io` and `acmecloud-net`); and requirements that
name an address to install from instead of a project.

**Why it matters.** A package can be empty and still harm: what it requires is installed with it. People read the list of
requirements less carefully than code.

**What is not flagged.** Requirements that are popular themselves, and those that differ in a number at the end. Indexes refuse
addresses in requirements by default (`upload.direct_references`); this check is for archives that come from elsewhere.

**When it is a false alert.** Honest projects have names near popular ones too: look at what the requirement is.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, check
from bonded.checks.near import LOOKS_ALIKE, nearest, one_apart
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_NEAR = 0.2
_LONG = 6
"""Letters of a first word that nobody writes wrong on purpose."""


@check(
    name="requirement-deception",
    version=1,
    severity=Severity.LOW,
    sentence="The package requires a project whose name is easily taken for a popular one, or an address.",
)
def requirement(facts: Facts) -> Iterator[Hit]:
    """One hit for each such requirement."""
    for name in facts.naming.requires:
        near = nearest(name)
        if near is None or near.distance > _NEAR:
            continue
        words = f"it requires {name!r}, which looks like {near.name!r}: {near.how}"
        alike = near.how == LOOKS_ALIKE
        yield Hit(words, 0.6 if alike else 0.3, severity=Severity.MEDIUM if alike else None)
    for name, other in _slips(facts.naming.requires):
        yield Hit(f"it requires {name!r}, but {other!r} is how the others begin", 0.8, severity=Severity.MEDIUM)
    for line in facts.naming.direct:
        yield Hit(f"it requires an address: {line[:120]}", 0.3)


def _slips(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Requirements whose first word is one slip away from the one with which at least two others begin."""
    first = [name.partition("-")[0] for name in names if "-" in name]
    often = sorted({word for word in first if first.count(word) >= 2 and len(word) >= _LONG})
    for name, own in ((name, name.partition("-")[0]) for name in names):
        yield from ((name, word) for word in often if first.count(own) == 1 and one_apart(own, word))
