"""A new project's name is easily taken for that of a popular one.

**What it looks for.** The nearest popular project: one letter more, less, other or swapped; letters that look alike (`0`
and `o`, `1` and `l`, `rn` and `m`); the same words in another order or with other separators; a digit, `python-`, `py` or
`-py` added. The list of popular names is `popular.txt` beside this check; an index may use a longer one.

**Why it matters.** People mistype names, and assistants make them up; whoever owns the mistyped name runs code on their
machines.

**What is not flagged.** Projects that exist already, names that are themselves on the list, names of fewer than five letters
that only differ by a letter, and longer names that contain a popular one (`flask-login`): plugins are called so. Names of
five or six letters with another letter in one place are flagged only where a finger or an ear slips (`nunpy` for `numpy`):
`locked` is a word of its own, not a slip of `locket`.

**When it is a false alert.** Honest names are near each other too, so this alone never does more than ask for a look.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind


@check(
    name="name-deception",
    version=2,
    severity=Severity.MEDIUM,
    sentence="A new project's name is easily taken for that of a popular one.",
    subject=SubjectKind.PROJECT,
    needs_context=True,
)
def deceptive(_facts: Facts, context: Context) -> Iterator[Hit]:
    """One hit when a popular project's name is near."""
    if not context.new_project or context.nearest is None:
        return
    near = context.nearest
    yield Hit(f"{context.project!r} looks like {near.name!r}: {near.how}", round(0.95 - near.distance, 3))
