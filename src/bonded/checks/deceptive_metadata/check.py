"""The metadata are those of another project.

**What it looks for.** Marks of a popular project in another one: its summary word for word, its functions, a description that tells
readers to install it and never this one; and beside one of these its author, its repository or its import name. Two of the
last three are enough under a name of mostly the same words (`acme-cloud-sdk` beside `acme-cl-sdk`).

**Why it matters.** Copied metadata make a new package look like the work of people whom everybody trusts: stars, badges and
maintainers of the real project are shown beside it.

**What is not flagged.** The author or the repository of a popular project alone: people make more than one, and one repository
may hold many. One mark alone, if the popular name is part of this one (plugins). Projects that exist on the index already.

**When it is a false alert.** Renamed forks that were not described anew. Ask the owner to do that.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import acts_soon, claims, own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.checks.popular import addresses, mark, marks, popular, repository
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_WORDS = 3
"""Names of fewer words have too little in common when one is another."""


@check(
    name="deceptive-metadata",
    version=1,
    severity=Severity.MEDIUM,
    sentence="The metadata are those of another project.",
    uses_context=True,
)
def deceptive_metadata(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit for the popular project that most marks speak of."""
    name = own_name(facts, context)
    if name in popular() or (context is not None and not context.new_project):
        return
    said = {other: claims(facts, other) for other in _suspects(facts)}
    other = min(said, key=lambda one: (-len(said[one].copied), -len(said[one].shared), one), default="")
    family = other and (other in name or name.startswith(other.split("-")[0] + "-"))
    near = other and len(said[other].shared) > 1 and _abbreviated(name, other)
    if other and (said[other].plain or near):
        grave = said[other].plain and acts_soon(facts) and not family
        words = f"it passes for {other!r}: {'; '.join(said[other].words)}"
        severity = Severity.HIGH if grave else Severity.MEDIUM
        yield Hit(words, 0.8 if grave or near else 0.4, severity=severity, trace=said[other].words)
    elif other and said[other].copied and not family:
        yield Hit(f"it passes for {other!r}: {said[other].copied[0]}", 0.25, severity=Severity.LOW)


def _abbreviated(name: str, other: str) -> bool:
    """Whether `name` is `other` with one of three words or more written otherwise, and not longer."""
    own, theirs = name.split("-"), other.split("-")
    unlike = sum(one != two for one, two in zip(own, theirs, strict=False))
    return len(own) == len(theirs) >= _WORDS and unlike == 1 and len(name) <= len(other)


def _suspects(facts: Facts) -> set[str]:
    """Popular projects that any mark speaks of."""
    summary, authors = mark(facts.metadata.get("summary", [""])[0]), {mark(one) for one in addresses(facts.metadata)}
    found = set(facts.naming.installs) & popular()
    links = [one for link in facts.naming.links if (one := repository(link))]
    found |= {name for _, name in links if name in popular()}
    whole = {mark(one) for one, _ in links}
    for other, known in marks().items():
        if (summary and known.summary == summary) or known.repository in whole or not known.authors.isdisjoint(authors):
            found.add(other)
    return found
