"""What a command line breaks, blinds or wears out, read from its folded text. Pure."""

from __future__ import annotations

import re

SWITCHED_OFF = "the machine is switched off"
_HARM = (
    (SWITCHED_OFF, re.compile(r"(?i)^\s*(sudo\s+)?(shutdown|poweroff|reboot|halt|init\s+0)(\.exe)?\b")),
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
)  # fmt: skip
_UNASKED = re.compile(
    r"(?i)\brm\s+-\w*r\w*\s+[\"']?(?:/sdcard|/storage/emulated(?:/0)?)[/*\"']*(?:\s|$|;|&)"
    r"|\btaskkill\b[^\n]{0,60}\b(?:svchost|csrss|wininit|winlogon|lsass|smss)\b"
)
"""A telephone is cleared, or Windows stopped: what a caller may well want is harm where nobody asked."""
_MINERS = re.compile(
    r"(?i)stratum\+(tcp|ssl)://|\bxmrig\b|--donate-level|\bminerd\b|\bethminer\b|\bnbminer\b|\bphoenixminer\b|\bt-rex\b.*-a\s"
)
_MANAGED = re.compile(
    r"(?i)\b(?:systemctl|service|rc-service)\b(?![^;&|\n]*\b(?:start|enable)\b)[^;&|\n]*|\b(?:pkill|killall|pgrep|pidof|taskkill|tasklist)\b[^;&|\n]*"
)
"""Parts of a command line that stop a program or ask after it: what they name is not run."""


def harm_of(line: str, *, unasked: bool) -> str:
    """What harm a command line does, in words; "" for none. `unasked`: it runs before anybody calls for anything."""
    if unasked and _UNASKED.search(line):
        return "a telephone's storage is cleared, or what the system needs is stopped"
    if _MINERS.search(_MANAGED.sub("", line)):
        return "coins are mined"
    return next((what for what, pattern in _HARM if pattern.search(line)), "")
