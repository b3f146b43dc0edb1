"""The package publishes packages, as soon as it is imported or Python starts.

**What it looks for.** Commands that publish on an index of packages or of extensions (`twine upload`, `npm publish`,
`poetry publish`, `cargo publish`, `vsce publish` and their like), and calls of the libraries behind them, that run at start-up
or import.

**Why it matters.** A worm spreads so: with the tokens that it finds on the machine it publishes itself under the names of the
person who sits there. A library that was merely imported has nothing to publish.

**What is not flagged.** Tools that publish when somebody calls them, and a `setup.py` with a word of its own for that.

**When it is a false alert.** A release script that was packed by mistake, and publishes when it is imported. It should be left
out all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, at, check, runs_command
from bonded.facts.known import PUBLISHERS
from bonded.facts.model import Facts
from bonded.values.finding import Severity, When

_PUBLISHES = re.compile(
    r"(?i)(?:^|[\s;&|/\\\"'])(?:twine(?:\.exe)?\s+upload|(?:poetry|flit|hatch|uv|pdm|maturin|npm|pnpm|yarn|bun|cargo|vsce|ovsx)(?:\.cmd|\.exe)?"
    r"\s+(?:-\S+\s+|npm\s+){0,3}publish|gem\s+push|\S*setup\.py\s+(?:\S+\s+){0,4}upload)(?=\s|$|[;&|\"'])"
)


@check(
    name="publishes-by-itself",
    version=1,
    severity=Severity.CRITICAL,
    sentence="The package publishes packages, as soon as it is imported or Python starts.",
)
def publishes(facts: Facts) -> Iterator[Hit]:
    """Look at commands and calls that run by themselves; what runs while something is built is somebody's own release."""
    for module in facts.modules:
        for call in module.calls:
            if call.when not in (When.STARTUP, When.IMPORT):
                continue
            line = command_text(call) if runs_command(call) else ""
            if call.name in PUBLISHERS or _PUBLISHES.search(line):
                yield at(module, call, "packages are published", 0.9, (f"line {call.line}: {line[:160] or call.name}",))
