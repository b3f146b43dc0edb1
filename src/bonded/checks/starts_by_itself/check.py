"""The package makes a program start by itself, at every log-in or at set times.

**What it looks for.** Files that are written or copied to where programs are started from: the start-up folder, autostart and
launch agents, tables of scheduled jobs, services, profiles of shells, the keys that may log in, the start-up of Python and of
notebooks, hooks of a version control system, settings of package tools, editors and assistants, the code of another program or
package; values under the `Run` keys of the registry; and commands that arrange the same (`schtasks`, `reg add`, `crontab`,
`systemctl enable`).

**Why it matters.** A payload that has run once wants to run again. A library has no reason to: what shall start by itself is
for the owner of the machine to say.

**What is not flagged.** Reading such files, and paths that a caller hands in.

**When it is a false alert.** Tools that manage services or jobs do this when they are asked to; what runs only when it is
called weighs less, unless what shall start is fetched from somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command
from bonded.facts import footholds
from bonded.facts.files import WRITE
from bonded.facts.model import Argument, Call, Facts
from bonded.facts.value import DOWNLOADED
from bonded.values.finding import Severity, When

_COMMAND = re.compile(
    r"(?i)\breg(\.exe)?[\"']?\s+add\b[^\n]{0,200}\\run|\bschtasks(\.exe)?\b[^\n]{0,200}/create|\bcrontab\s+(-\s*$|-\s|/|-u|\S+\.(txt|cron))"
    r"|\|\s*crontab\b|\bsystemctl\b[^\n]{0,60}\senable|\blaunchctl\s+(load|bootstrap)|\bsc(\.exe)?\s+create\b|new-scheduledtask|register-scheduledtask"
    r"|>>?\s*[\"']?(~|\$HOME|/root|/home/[^/\s]+)/\.(bashrc|zshrc|profile|bash_profile|ssh/authorized_keys)|>>?\s*/etc/(cron|profile|rc\.local|ld\.so)"
    r"|update-rc\.d|\b(copy|move|xcopy)\b[^\n]{0,300}start menu.programs.startup|add-mppreference|itemproperty[^\n]{0,160}currentversion\\run"
)
_SETS = ("winreg.SetValueEx", "winreg.SetValue", "_winreg.SetValueEx", "_winreg.SetValue")
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


@check(
    name="starts-by-itself",
    version=1,
    severity=Severity.CRITICAL,
    sentence="The package makes a program start by itself, at every log-in or at set times.",
)
def starts(facts: Facts) -> Iterator[Hit]:
    """Look at written files, the registry, and commands."""
    for module in facts.modules:
        key = any(footholds.is_run_key(_known(one)) for call in module.calls for one in _registry(call))
        for call in module.calls:
            what = _what(call, key)
            if what and not (footholds.OTHERS_CODE in what and _own(call, facts)):
                sure = 0.9 if call.when in _SOON or call.depth or _fetched(call) else 0.5
                yield _weighed(at(module, call, what, sure, (f"line {call.line}: {call.name}",)), call)


def _own(call: Call, facts: Facts) -> bool:
    """Whether the code that is written is the package's own."""
    inside = re.split(r"(?i)site-packages[/\\]+", _known(call.arguments[0]))[-1]
    return re.split(r"[/\\]", inside)[0].removesuffix(".py") in facts.naming.tops


def _registry(call: Call) -> tuple[Argument, ...]:
    return call.arguments if call.name.startswith(("winreg.", "_winreg.")) else ()


def _known(one: Argument) -> str:
    return one.text if one.text is not None else one.shape


def _what(call: Call, key: bool) -> str:
    if call.name == WRITE and call.arguments:
        place = footholds.kind_of_path(_known(call.arguments[0]))
        return f"a file is written to {place}" if place else ""
    if call.name in _SETS:
        return "a program is entered under a Run key of the registry" if key else ""
    if runs_command(call) and _COMMAND.search(command_text(call)):
        return "a command makes a program start by itself"
    return ""


def _weighed(hit: Hit, call: Call) -> Hit:
    """What only a caller starts may be what the caller wants."""
    if call.when in _SOON:
        return hit
    return graver(hit, Severity.HIGH if call.depth or _fetched(call) else Severity.MEDIUM)


def _fetched(call: Call) -> bool:
    """Whether what shall start is not the program that the caller has, but something from elsewhere."""
    return call.name == WRITE and DOWNLOADED in labels_of(call.arguments[1:])
