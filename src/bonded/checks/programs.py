"""Which programs a command line starts: those that no build needs, pages, and scripts that are not there. Pure."""

from __future__ import annotations

import re

_LEADS = r"(?:^|[;&|(]\s*)\s*(?:(?:sudo|nohup|exec|cmd(?:\.exe)?\s+/[ck]|(?:ba|z)?sh\s+-c)\s+[\"']?)*"
"""What may stand before the name of a program."""
_IDLE = re.compile(
    _LEADS
    + r"(?:\S*[\\/])?(?:calc|calculator|notepad|mspaint|xcalc|kcalc|galculator|gnome-calculator|whoami|id|w|ls|dir|ifconfig|ipconfig"
    r"|systeminfo|tasklist|netstat|say|msg|wall|xmessage|zenity|cowsay)(?:\.exe)?(?=$|[\s;&|\"')])",
    re.IGNORECASE,
)
_CALCULATOR = re.compile(
    r"\bopen\s+(?:-\w+\s+)*\S*calculator|^\s*touch\s+/|\bcat\s+/etc/(?:passwd|shadow|hosts)\b"
    r"|^\s*echo\b[^|;&>\n]*>>?\s*[\"']?(?:/tmp/|/var/tmp/|[a-z]:\\)",
    re.IGNORECASE,
)
_PAGE = re.compile(
    _LEADS
    + r"(?:\S*[\\/])?(?:start|explorer|open|xdg-open|sensible-browser|x-www-browser|firefox|google-chrome|chrome|msedge)(?:\.exe)?"
    r"\s+(?:[-/\"]\S*\s+)*[\"']?https?:",
    re.IGNORECASE,
)
_SCRIPT = re.compile(
    r"^\s*(?:(?:ba|z|da)?sh\s+)?(?P<file>(?:\./|\.\\)?[\w./\\-]+\.(?:sh|bash|bat|cmd|ps1))(?=$|\s)|^\s*\./(?P<program>[\w./-]+)(?=$|\s)",
    re.IGNORECASE,
)
_OWN_PROGRAM = re.compile(r"^\s*[\"']?/(?P<path>[^\s\"'?\N{HORIZONTAL ELLIPSIS}]+\.exe)(?=$|[\s\"'])", re.IGNORECASE)
"""A program by its whole path: `__file__` is the name of the member behind a slash."""
_STARTED = re.compile(
    r"^\s*(?:cmd(?:\.exe)?\s+/c\s+)?start\s+(?:/\w+\s+|\"\"\s+)*[\"']?(?P<path>[\w./\\-]+\.exe)(?=$|[\s\"'])",
    re.IGNORECASE,
)
"""A program that is opened in a window of its own; builds wait for theirs."""
_BUILDS = re.compile(r"config|autogen|bootstrap|build|make|install|compile|gen|waf|gradle|mvnw|env", re.IGNORECASE)
_UNKNOWN = re.compile("[?\N{HORIZONTAL ELLIPSIS}]")


def idle(line: str) -> bool:
    """Whether the command starts a program that no build needs: a calculator, a list of files, the user's name."""
    return bool(_IDLE.search(line) or _CALCULATOR.search(line))


def opens_page(name: str, line: str) -> bool:
    """Whether a call of `name` with this command line shows a page in a browser."""
    return bool(_PAGE.search(line)) or (name == "webbrowser.open" and "://" in line)


def absent_script(line: str, members: frozenset[str]) -> str:
    """The script or program of Windows that the command starts by a path within the archive, and that is in none of `members`;
    "" for none.

    Those whose name says that they build something may come from elsewhere, as a submodule does.
    """
    own = _OWN_PROGRAM.search(line)
    if own is not None:
        path = own["path"].replace("\\", "/")
        ours = any(one.partition("/")[0] == path.partition("/")[0] for one in members)
        return "" if not ours or path in members or _BUILDS.search(path.partition("/")[2]) else path.rpartition("/")[2]
    path = _script(line)
    name = re.split(r"[/\\]", path)[-1]
    if not name or path.startswith(("/", "..")) or _UNKNOWN.search(line) or _BUILDS.search(name):
        return ""
    return "" if any(one.rpartition("/")[2].startswith(name) for one in members) else name


def _script(line: str) -> str:
    """The path of the script or program that the command starts, "" for any other."""
    if started := _STARTED.search(line):
        return started["path"]
    found = _SCRIPT.search(line)
    return (found["file"] or found["program"]) if found else ""
