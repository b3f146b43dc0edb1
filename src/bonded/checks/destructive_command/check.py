"""Code that runs by itself breaks, blinds or wears out the machine.

**What it looks for.** Commands and calls that switch the machine off, delete or overwrite what is not the package's own, remove
backups, switch off virus scanners or firewalls, wipe logs, start a fork bomb, or mine coins; files that are read, encrypted and
written back; files that are looked for in the user's folders and deleted or written over.

**Why it matters.** Nobody installs a library for that.

**What is not flagged.** Deleting folders of the package's own or of the build, and stopping programs that a caller names.

**When it is a false alert.** Tools for administrators have such commands inside functions; what runs only when it is called is
a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command
from bonded.facts import footholds
from bonded.facts.files import ERASED, WRITE
from bonded.facts.known import DELETERS
from bonded.facts.model import Call, Facts
from bonded.facts.value import ENCRYPTED, FILE, FOUND
from bonded.values.finding import Severity, When

_HARM = (
    ("the machine is switched off", re.compile(r"(?i)^\s*(sudo\s+)?(shutdown|poweroff|reboot|halt|init\s+0)(\.exe)?\b")),
    (
        "files that are not the package's own are deleted",
        re.compile(
            r"(?i)\brm\s+(-\w+\s+|--[\w-]+\s+)*[\"']?(/|~|\$HOME|/home|/\*|/root|/etc|/usr|/var)[/*\"']*(\s|$|;|&)"
            r"|\b(del|rd|rmdir)\b\s+(/\w\s+)+[\"']?(c:|%userprofile%|%systemroot%|%windir%)[\\/*.\"']*(\s|$|system32)|\bformat\s+[a-z]:"
            r"|\bmkfs(\.\w+)?\s+/dev/|\bdd\s+[^\n]{0,80}of=/dev/(sd|nvme|hd|vd)|\bshred\b[^\n]{0,60}/(dev|home|etc)|\bch(mod|own)\s+-R\s+\S{1,20}\s+(/|~|/home)(\s|$)"
        ),
    ),
    (
        "backups or logs are wiped",
        re.compile(r"(?i)vssadmin\S*\s+delete|wmic\S*\s+shadowcopy\s+delete|wevtutil\S*\s+cl\b|bcdedit\b[^\n]{0,80}recoveryenabled|history\s+-c"),
    ),
    (
        "protection is switched off",
        re.compile(
            r"(?i)set-mppreference\b[^\n]{0,200}-disable|add-mppreference\b[^\n]{0,200}-exclusion|netsh\b[^\n]{0,60}firewall\b[^\n]{0,60}\boff\b"
            r"|sc(\.exe)?\s+(stop|delete|config)\s+(windefend|mpssvc|wscsvc)|taskkill\b[^\n]{0,100}(msmpeng|avast|avg|mbam|defender)"
            r"|\bsetenforce\s+0|\bufw\s+disable|iptables\s+-F|disableantispyware|disablerealtimemonitoring"
        ),
    ),
    ("the machine is filled with processes", re.compile(r":\s*\(\)\s*\{\s*:\s*\|\s*:\s*&\s*\}|%0\s*\|\s*%0")),
    (
        "coins are mined",
        re.compile(r"(?i)stratum\+(tcp|ssl)://|\bxmrig\b|--donate-level|\bminerd\b|\bethminer\b|\bnbminer\b|\bphoenixminer\b|\bt-rex\b.*-a\s"),
    ),
)  # fmt: skip
_OFF = (".NtRaiseHardError", ".ExitWindowsEx", ".InitiateSystemShutdownW")
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
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
                yield hit if call.when in _SOON else graver(hit, Severity.HIGH if call.depth else Severity.MEDIUM)


def _enciphers(call: Call) -> bool:
    """Whether a file is encrypted that is not the one which a caller names."""
    if call.name != WRITE or not {ENCRYPTED, FILE} <= labels_of(call.arguments[1:]):
        return False
    where = labels_of(call.arguments[:1])
    return call.when in _SOON or FOUND in where or "parameter" not in where


def _what(call: Call) -> str:
    tidies = call.name == ERASED and call.when not in _SOON  # when somebody calls for it
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
        return "the machine is switched off"
    if not runs_command(call):
        return ""
    line = command_text(call)
    return next((what for what, pattern in _HARM if pattern.search(line)), "")
