"""The package makes a program start by itself, at every log-in or at set times.

**What it looks for.** Files that are written or copied to where programs are started from: the start-up folder, autostart and
launch agents, tables of scheduled jobs, services, profiles of shells, terminals and sessions, the keys that may log in, the
start-up of Python and of notebooks, hooks of a version control system, settings of package tools, editors and assistants,
extensions of editors, the code of another program or package; values under the `Run` keys of the registry; programs tied to
events of the system; and commands that arrange the same (`schtasks`, `reg add`, `crontab`, `systemctl enable`, `git config
--global`). As soon as it is installed or imported, also commands that make accounts or have a browser load an extension.

**Why it matters.** A payload that has run once wants to run again. A library has no reason to: what shall start by itself is
for the owner of the machine to say.

**What is not flagged.** Reading such files, and paths that a caller hands in.

**When it is a false alert.** Tools that manage services or jobs do this when they are asked to; what runs only when it is
called weighs less, unless what shall start is fetched from somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, labels_of
from bonded.checks.staying import arrangements
from bonded.facts.files import WRITE
from bonded.facts.model import Call, Facts
from bonded.facts.value import DOWNLOADED
from bonded.values.finding import Severity, When

_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


@check(
    name="starts-by-itself",
    version=1,
    severity=Severity.CRITICAL,
    sentence="The package makes a program start by itself, at every log-in or at set times.",
)
def starts(facts: Facts) -> Iterator[Hit]:
    """Look at written files, the registry, and commands."""
    for module, call, what in arrangements(facts):
        sure = 0.9 if call.when in _SOON or call.depth or _fetched(call) else 0.5
        yield _weighed(at(module, call, what, sure, (f"line {call.line}: {call.name}",)), call)


def _weighed(hit: Hit, call: Call) -> Hit:
    """What only a caller starts may be what the caller wants."""
    if call.when in _SOON:
        return hit
    return graver(hit, Severity.HIGH if call.depth or _fetched(call) else Severity.MEDIUM)


def _fetched(call: Call) -> bool:
    """Whether what shall start is not the program that the caller has, but something from elsewhere."""
    return call.name == WRITE and DOWNLOADED in labels_of(call.arguments[1:])
