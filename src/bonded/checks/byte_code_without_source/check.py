"""Python's byte code is shipped without the source that it was made from.

**What it looks for.** Members that are byte code by their first bytes, whatever they are called, for which there is no `.py`
of the same name: neither beside them nor above their `__pycache__`; and commands that run a `.pyc` by its path.

**Why it matters.** Python runs byte code without asking for source, and hardly any scanner reads it.

**What is not flagged.** Byte code beside its source, as build tools leave it; tests and documentation.

**When it is a false alert.** A few companies ship nothing but byte code. A single module without source among others with
source is another matter, and weighs more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, at, check, runs_command
from bonded.facts.layout import when_of
from bonded.facts.magic import PYC
from bonded.facts.model import Facts
from bonded.values.finding import Severity, When

_FILE = re.compile(r"__pycache__/\S+\.pyc\b|[\w/]\.py[co](?=\s|$|[\"'])")


@check(
    name="byte-code-without-source",
    version=1,
    severity=Severity.HIGH,
    sentence="Python's byte code is shipped without the source that it was made from.",
)
def sourceless(facts: Facts) -> Iterator[Hit]:
    """One hit for each module of byte code that has no source; they weigh less where all modules are so."""
    yield from _run(facts)
    if not any(one.form == PYC for one in facts.members):
        return
    paths = {one.path for one in facts.members}
    alone = [
        one.path
        for one in facts.members
        if one.form == PYC and when_of(one.path, facts.kind) is not When.NEVER and paths.isdisjoint(_sources(one.path))
    ]
    if not alone:
        return
    sources = sum(path.endswith(".py") and not path.endswith(("/setup.py", "/__init__.py")) for path in paths)
    few = len(alone) <= max(2, sources)
    for path in alone:
        named = path.endswith((".pyc", ".pyo"))
        what = "byte code without its source" if named else "byte code under the name of something else"
        severity = Severity.HIGH if few or not named else Severity.MEDIUM
        yield Hit(what, 0.75 if named else 0.9, path, severity=severity)


def _run(facts: Facts) -> Iterator[Hit]:
    """Commands that run byte code by its file: nobody does so who has the source."""
    for module in facts.modules:
        for call in module.calls:
            words = command_text(call) if runs_command(call) and call.when is not When.NEVER else ""
            if _FILE.search(words):
                yield at(module, call, "byte code is run by the name of its file", 0.75)


def _sources(path: str) -> tuple[str, ...]:
    """Where the source of a compiled module would be."""
    folder, _, base = path.rpartition("/")
    stem = base.split(".", 1)[0]
    above = folder.removesuffix("__pycache__").rstrip("/")
    return tuple(f"{place}/{stem}{end}".lstrip("/") for place in (folder, above) for end in (".py", ".pyw"))
