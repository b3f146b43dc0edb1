"""Code that runs by itself breaks, blinds or wears out the machine.

**What it looks for.** Commands and calls that switch the machine off, delete or overwrite what is not the package's own, remove
backups, switch off virus scanners or firewalls, wipe logs, start a fork bomb, clear a telephone's storage, stop what the system
needs, or mine coins; files that are read, encrypted and written back; files that are looked for in the user's folders and
deleted or written over.

**Why it matters.** Nobody installs a library for that.

**What is not flagged.** Deleting folders of the package's own or of the build, and stopping programs that a caller names; stopping a
miner, or asking after one; a store of the program's own that is kept encrypted, and a file that somebody chose to have encrypted.

**When it is a false alert.** Tools for administrators have such commands inside functions; what runs only when it is called
weighs less, and a function that switches the machine off is only noted: assistants that hear commands have one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.harm import SWITCHED_OFF, harm_of
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command
from bonded.facts import footholds
from bonded.facts.files import ERASED, WRITE
from bonded.facts.known import DELETERS
from bonded.facts.model import Argument, Call, Facts
from bonded.facts.value import ENCRYPTED, FILE, FOUND, GAP
from bonded.values.finding import Severity, When

_OFF = (".NtRaiseHardError", ".ExitWindowsEx", ".InitiateSystemShutdownW")
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
_MADE_AGAIN = frozenset(
    {"__pycache__", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db"}
)  # fmt: skip
_ROOTS = frozenset({"/", "~", "/home", "/root", "/etc", "/usr", "c:\\", "c:/", "c:\\windows", "c:/windows"})


@check(
    name="destructive-command",
    version=1,
    severity=Severity.CRITICAL,
    sentence="Code that runs by itself breaks, blinds or wears out the machine.",
)
def destructive(facts: Facts) -> Iterator[Hit]:
    """Look at every command, and at calls that delete whole trees."""
    for module in facts.modules:
        for call in module.calls:
            what = _what(call)
            if _enciphers(call):
                what = "files are read, encrypted and written back"
            if what:
                hit = at(module, call, what, 0.9)
                yield hit if call.when in _SOON else graver(hit, _when_called(call, what))


def _when_called(call: Call, what: str) -> Severity:
    """How bad it is in a function that somebody calls; what is hidden in the code is not there for him."""
    if call.depth:
        return Severity.HIGH
    return Severity.INFO if what == SWITCHED_OFF else Severity.MEDIUM


def _enciphers(call: Call) -> bool:
    """Whether a file is encrypted that is not the one which a caller names."""
    if call.name != WRITE or not {ENCRYPTED, FILE} <= labels_of(call.arguments[1:]):
        return False
    where = labels_of(call.arguments[:1])
    return call.when in _SOON or FOUND in where or not ("parameter" in where or _is_one_place(call.arguments[0]))


def _is_one_place(path: Argument) -> bool:
    """Whether a path is always the same: a store of the program's own, and not what lies about."""
    place = path.text or path.shape
    return bool(place) and GAP not in place


def _is_made_again(call: Call) -> bool:
    """Whether what is deleted bears a name that tools give to what they make anew."""
    place = (call.arguments[0].text or call.arguments[0].shape) if call.arguments else ""
    return re.split(r"[/\\]", place)[-1] in _MADE_AGAIN


def _what(call: Call) -> str:
    tidies = call.when not in _SOON and (call.name == ERASED or _is_made_again(call))  # when somebody calls for it
    if call.name in (*DELETERS, ERASED) and not tidies and FOUND in labels_of(call.arguments):
        return "files that were looked for in the user's folders are deleted"
    if call.name == "shutil.rmtree" and call.arguments:
        place = call.arguments[0].text or call.arguments[0].shape
        text = place.lower().rstrip("/\\") or place
        return (
            "files that are not the package's own are deleted" if text in _ROOTS or footholds.is_persons(place) else ""
        )
    if call.name == WRITE and call.when in _SOON and FOUND in labels_of(call.arguments[:1]):
        return "files that were looked for in the user's folders are written over"
    if call.name == WRITE and call.arguments and footholds.is_disk(call.arguments[0].text or ""):
        return "a disk itself is overwritten"
    if call.name.startswith("ctypes.") and call.name.endswith(_OFF):
        return SWITCHED_OFF
    if not runs_command(call):
        return ""
    return harm_of(command_text(call), unasked=call.when in _SOON)
