"""A tool that the package offers to language models, or a file that assistants read before they work, tells them to do what
nobody asked for.

**What it looks for.** Functions that are offered as tools (`@server.tool()`), and in their descriptions: words that force (a
prerequisite, "you must", a tag such as `<IMPORTANT>`) together with reading, sending or changing what is secret, or the order
to keep something from the user. Files of instructions (`CLAUDE.md`, `AGENTS.md`, `.cursorrules`, skills) that order to read or
send secrets, or to fetch and run a program, and not to tell the user.

**Why it matters.** A program that calls tools for a person reads every description as an instruction, also those of tools that
are never called. Nobody else reads them.

**What is not flagged.** Advice on how a tool wants to be used, however urgent, and tools whose work it is to keep secrets.

**When it is a false alert.** Collections of such descriptions, made to test assistants. They belong into tests, not into what
is installed.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.facts.scripts import INSTRUCTIONS
from bonded.facts.shape import ORDERS
from bonded.values.finding import Severity, When


@check(
    name="orders-to-assistants",
    version=1,
    severity=Severity.CRITICAL,
    sentence="The description of a tool for language models tells them to do what nobody asked for.",
)
def orders(facts: Facts) -> Iterator[Hit]:
    """One hit for each module with such a description."""
    for module in facts.modules:
        for trait in module.traits if module.when is not When.NEVER else ():
            if trait.kind == ORDERS:
                yield Hit(
                    "the description of a tool orders language models about",
                    0.85,
                    module.path,
                    trait.line,
                    trait.line,
                    trait.excerpt,
                    When.CALL,
                )
    for script in facts.scripts:
        if script.language == INSTRUCTIONS and script.when is not When.NEVER:
            yield Hit("instructions to assistants keep from their user what they order", 0.85, script.path, 1, 1)
