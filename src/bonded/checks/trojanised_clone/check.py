"""The code is that of a popular project under another name, with something added that acts by itself.

**What it looks for.** Archives whose functions are mostly those of one popular project (two sketches of them are compared, so
the version does not matter), under another name; and of these, above all, those that reach the network, run a command or run
code when they are installed, started or imported, where the popular project does nothing of the sort.

**Why it matters.** A copy works as the original does, so nobody who installed the wrong name notices; the small part that was
added works too.

**What is not flagged.** The popular projects themselves, projects that exist on the index already, and code in folders of vendored
projects. Small packages have too few functions to be compared.

**When it is a false alert.** A fork under its own name is a copy too: alone it is a hint. Ask what was changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.checks.popular import alike, marks, popular
from bonded.facts.model import Facts
from bonded.facts.profile import SOON, flows_of
from bonded.values.finding import Severity

_COPY = 0.6
_USUAL = "install command"
"""Builds run compilers; a popular project known by its wheel only would seem not to."""
_WORDS = {"network": "the network is reached", "command": "a command is run", "code": "code is put together and run"}


@check(
    name="trojanised-clone",
    version=1,
    severity=Severity.LOW,
    sentence="The code is that of a popular project under another name, with something added that acts by itself.",
    uses_context=True,
)
def clone(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit for each call that the original has nothing like, or one for the copy."""
    name = own_name(facts, context)
    if name in popular() or (context is not None and not context.new_project):
        return
    like = alike(facts.naming.sketch, _COPY)
    if like is None:
        return
    other, share = like
    copy = f"{share:.0%} of its functions are those of {other!r}"
    added = False
    for module in facts.modules:
        for call in module.calls if module.when in SOON else ():
            for flow in flows_of(call):
                when, _, what = flow.partition(" ")
                if when in SOON and flow != _USUAL and flow not in marks()[other].flows:
                    added = True
                    words = f"{copy}, and {_WORDS[what]} at {when}, which {other} does not do"
                    yield Hit(
                        words,
                        0.85,
                        module.path,
                        call.line,
                        call.end_line,
                        call.excerpt,
                        call.when,
                        (copy,),
                        Severity.HIGH,
                    )
    if not added:
        yield Hit(copy, 0.35)
