"""A name looks the same as a well known one, written with other characters.

**What it looks for.** The project's name, where letters that look alike are all that separates it from a popular project
(`0` and `o`, `1`, `i` and `l`, `rn` and `m`, `3` and `e`); and import names, commands or the name itself written with letters
of another script that look like Latin ones.

**Why it matters.** Nobody sees the difference on a screen, in a review or in a list of requirements.

**What is not flagged.** Projects that exist on the index already, and names that are on the list of popular ones themselves.
Import names in another script that look like no Latin word.

**When it is a false alert.** Hardly ever: of 1,500 popular names, no two look alike in this way.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.checks.near import LOOKS_ALIKE, latin, nearest
from bonded.checks.popular import owners, popular
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.names import normalize
from bonded.values.states import SubjectKind


@check(
    name="homoglyph-name",
    version=1,
    severity=Severity.MEDIUM,
    sentence="A name looks the same as a well known one, written with other characters.",
    subject=SubjectKind.PROJECT,
    uses_context=True,
)
def homoglyph(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit for the project's name, and one for each name in it that is written in another script."""
    if context is None or context.new_project:
        name = own_name(facts, context)
        near = nearest(name) if context is None else context.nearest
        if near is not None and near.how == LOOKS_ALIKE:
            yield Hit(f"{name!r} and {near.name!r} differ only in letters that look alike", 0.9)
    known = {"import name": owners().keys(), "command": popular(), "project name": popular()}
    names = [("import name", one) for one in facts.naming.tops] + [("command", one) for one in facts.naming.scripts]
    for what, one in [*names, ("project name", facts.name.strip())]:
        plain = latin(one)
        if not one.isascii() and plain.isascii():
            sure = plain in known[what] or normalize(plain) in known[what]
            words = f"the {what} {one!r} is written with letters of another script: it looks like {plain!r}"
            yield Hit(words, 0.95 if sure else 0.8, severity=Severity.HIGH)
