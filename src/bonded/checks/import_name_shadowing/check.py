"""The package installs itself under an import name that belongs to another project or to Python.

**What it looks for.** Names at the top of the installation folder that belong to a popular project, or to the standard library,
in an archive of another project.

**Why it matters.** Whoever installs it next to the real project gets whichever was installed last: `import requests` then runs
somebody else's code.

**What is not flagged.** The project that owns the name, and those that are known to share it (several build OpenCV). Folders
that many projects leave behind (`tests`, `docs`). Backports, whose own name says which module they bring.

**When it is a false alert.** Forks keep the import name on purpose, so this is a hint; it weighs more where the names of the two
projects are near each other, because then nobody says openly that it is a fork.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check, word_set
from bonded.checks.near import nearest
from bonded.checks.popular import owners, popular
from bonded.checks.stdlib import STANDARD
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_COMMON = word_set(
    "tests test docs doc examples example tools utils scripts benchmarks setup src lib build dist data config core common "
    "google azure opentelemetry nvidia zope backports sphinxcontrib jaraco keyrings snowflake databricks dbt progress colors "
    "path names us schema translate"
)
"""Left behind by many, shared as namespaces, or words that more than one project calls itself."""


@check(
    name="import-name-shadowing",
    version=1,
    severity=Severity.LOW,
    sentence="The package installs itself under an import name that belongs to another project or to Python.",
    uses_context=True,
)
def shadowing(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit for each name that belongs to somebody else."""
    name = own_name(facts, context)
    if name in popular() or (context is not None and not context.new_project):
        return
    own = re.sub(r"[^a-z0-9]", "", name)
    for top in facts.naming.tops:
        plain = top.lower().strip("_").replace("_", "")
        if top.lower() in _COMMON or plain in own or "." in top or len(owners().get(top, ())) > 2:
            continue
        if top in owners():
            theirs = min(owners()[top])
            near = context.nearest if context is not None else nearest(name)
            words = f"it is imported as {top!r}, which is {theirs}"
            if near is not None and near.name in owners()[top]:
                yield Hit(words, 0.8, path=top, severity=Severity.MEDIUM)
            else:
                yield Hit(words, 0.25, path=top)
        elif top in STANDARD:
            yield Hit(f"it is imported as {top!r}, which is a module of Python itself", 0.3, path=top)
