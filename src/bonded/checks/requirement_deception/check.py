"""The package requires a project whose name is easily taken for a popular one, or an address.

**What it looks for.** Requirements (not those of extras) whose name is one letter, one look-alike or one
swapped word away from that of a popular project; those whose first word is one slip away from the one with
which several others begin (`acmecluod-core` beside `acmecloud-io` and `acmecloud-net`); and requirements that
name an address to install from instead of a project. It weighs more where the package is a copy of a popular project under
another name, or where its own name begins with the same swapped words. What is installed before an archive is built
(`build-system.requires`, `setup_requires`, dependencies of hooks) weighs more, and is compared with the names of build tools
as well.

**Why it matters.** A package can be empty and still harm: what it requires is installed with it. People read the list of
requirements less carefully than code.

**What is not flagged.** Requirements that are popular themselves, and those that differ in a number at the end. Indexes refuse
addresses in requirements by default (`upload.direct_references`); this check is for archives that come from elsewhere.

**When it is a false alert.** Honest projects have names near popular ones too: look at what the requirement is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.building import taken_for_tool
from bonded.checks.claims import copied_from, own_name
from bonded.checks.context import Neighbour
from bonded.checks.kit import Hit, at, check, graver
from bonded.checks.near import LOOKS_ALIKE, begins_so, nearest, one_apart
from bonded.facts.layout import SDIST
from bonded.facts.model import Facts
from bonded.values.finding import Severity, When
from bonded.values.names import normalize

_NEAR = 0.2
_LONG = 6
"""Letters of a first word that nobody writes wrong on purpose."""

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_WORDS = re.compile(r"(?:^|(?<=\s))[A-Za-z][A-Za-z0-9._-]*")
"""Names in requirements that were joined by spaces."""
_ADDRESS = re.compile(r"@\s*(?:git\+|hg\+|svn\+|https?:|ftp:|file:|ssh:)|^\s*(?:git\+|https?:)")


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
        yield _near(facts, name, near, words)
    for name, other in _slips(facts.naming.requires):
        yield Hit(f"it requires {name!r}, but {other!r} is how the others begin", 0.8, severity=Severity.MEDIUM)
    for line in facts.naming.direct:
        yield Hit(f"it requires an address: {line[:120]}", 0.3)
    if facts.kind == SDIST:
        yield from _building(facts.naming.builds)
        yield from _set_up(facts)


def _near(facts: Facts, name: str, near: Neighbour, words: str) -> Hit:
    """How much it weighs to require `name`: an honest slip is one slip, in a package of one's own."""
    copied = copied_from(facts)
    if copied is not None and copied[0] != name:
        words = f"{words}, and {copied[1]:.0%} of its functions are those of {copied[0]!r}"
        return Hit(words, 0.9, severity=Severity.HIGH)
    if begins_so(own_name(facts), name, near):
        return Hit(f"{words}, and its own name begins so too", 0.8, severity=Severity.MEDIUM)
    letters = near.how == LOOKS_ALIKE
    return Hit(words, 0.6 if letters else 0.3, severity=Severity.MEDIUM if letters else None)


def _building(lines: tuple[str, ...]) -> Iterator[Hit]:
    """What is installed, and may run, before the archive is built."""
    for line in lines:
        name = _NAME.match(line)
        if _ADDRESS.search(line):
            what = f"an address is installed before it is built: {line[:120]}"
            yield Hit(what, 0.8, when=When.INSTALL, severity=Severity.HIGH)
        elif name is not None and (tool := taken_for_tool(normalize(name[1]))):
            what = f"{name[1]!r} is installed before it is built, which looks like {tool!r}"
            yield Hit(what, 0.75, when=When.INSTALL, severity=Severity.MEDIUM)


def _set_up(facts: Facts) -> Iterator[Hit]:
    """What a call of `setup()` requires."""
    for module in facts.modules:
        for call in module.calls:
            if call.name != "setuptools.setup" or call.when is not When.INSTALL:
                continue
            given = {one.name: one.text or one.shape for one in call.arguments}
            before = _WORDS.findall(given.get("setup_requires", ""))
            linked = "://" in given.get("dependency_links", "")
            if "://" in given.get("setup_requires", "") or (before and linked):
                what = "an address is installed before it is built"
                yield graver(at(module, call, what, 0.8), Severity.HIGH)
            elif "://" in given.get("install_requires", ""):
                yield graver(at(module, call, "setup() requires an address", 0.75), Severity.MEDIUM)
            elif linked:
                yield at(module, call, "setup() names addresses to find requirements at", 0.3)
            for tool in (tool for word in before if (tool := taken_for_tool(normalize(word)))):
                what = f"what is installed before it is built looks like {tool!r}"
                yield graver(at(module, call, what, 0.75), Severity.MEDIUM)


def _slips(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Requirements whose first word is one slip away from the one with which at least two others begin."""
    first = [name.partition("-")[0] for name in names if "-" in name]
    often = sorted({word for word in first if first.count(word) >= 2 and len(word) >= _LONG})
    for name, own in ((name, name.partition("-")[0]) for name in names):
        yield from ((name, word) for word in often if first.count(own) == 1 and one_apart(own, word))
