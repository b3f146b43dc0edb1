"""A project's name is easily taken for that of a popular one.

**What it looks for.** The nearest popular project: one letter more, less, other or swapped; the same words in another order
or with other separators; another number at the end; `python-`, `py` or `-py` added. The list of popular names is
`popular.txt` in the folder of checks; an index may use a longer one, and adds its private names. A near name alone is a
hint. A very near one is graver for a project that is new to the index, or that holds nothing to import, and it is gravest
where the metadata or the code also claim to be the other project: its summary, its repository, its author, its import name,
its functions, or the advice to install it. Another number at the end is the weakest sign: successors are called so.

**Why it matters.** People mistype names, and assistants make them up; whoever owns the mistyped name runs code on their
machines.

**What is not flagged.** Projects that exist on the index already, names that are themselves on the list, names of fewer than
five letters that only differ by a letter, and longer names that contain a popular one (`flask-login`): plugins are called so.
Names of five or six letters with another letter in one place are flagged only where a finger or an ear slips (`nunpy` for
`numpy`): `locked` is a word of its own, not a slip of `locket`.

**When it is a false alert.** Honest names are near each other too, so a name alone never does more than ask for a look.
Continued forks keep the summary and the import name; ask whether the first project knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import acts_soon, claims, own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.checks.near import CLOSE, LOOKS_ALIKE, NUMBERED, nearest
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind


@check(
    name="name-deception",
    version=3,
    severity=Severity.MEDIUM,
    sentence="A project's name is easily taken for that of a popular one.",
    subject=SubjectKind.PROJECT,
    uses_context=True,
)
def deceptive(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit when a popular project's name is near, graver with every sign that this is meant."""
    if context is not None and not context.new_project:
        return
    name = own_name(facts, context)
    near = nearest(name) if context is None else context.nearest
    if near is None or near.how == LOOKS_ALIKE:
        return
    words = f"{name!r} looks like {near.name!r}: {near.how}"
    said = claims(facts, near.name)
    meant = near.how != NUMBERED
    if meant and (said.plain or (said.words and acts_soon(facts))):
        yield Hit(words, round(0.95 - near.distance, 3), severity=Severity.HIGH, trace=said.words)
    elif (meant and said.copied) or (context is not None and near.distance <= CLOSE):
        yield Hit(words, round(0.9 - near.distance, 3), trace=said.words)
    elif context is None and not facts.naming.tops and not facts.naming.requires and not facts.naming.binaries:
        yield Hit(f"{words}, and there is nothing in it", round(0.85 - near.distance / 2, 3))
    else:
        yield Hit(words, round(0.4 - near.distance / 2, 3), severity=Severity.LOW)
