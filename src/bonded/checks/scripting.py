"""What a script of another language does, read from its text. Pure; the lines that tell are found by `commands`."""

from __future__ import annotations

import re
from itertools import islice

from bonded.checks.commands import read_command, telling_lines
from bonded.facts.layout import is_command
from bonded.facts.model import Script
from bonded.facts.scripts import CMAKE, JAVASCRIPT, MAKE, MESON, NPM, PICKLE, RUST, YAML
from bonded.values.finding import When

_HOST = re.compile(
    r"(?i)createobject\([^)\n]{0,60}(shell|xmlhttp|adodb\.stream|filesystemobject)|new\s+activexobject|getobject\(.?winmgmts"
)
_WINDOWS = frozenset({"VBScript", "JScript"})
_SHELLS = frozenset({"shell", "batch", "PowerShell"})
_SECRETS = r"(?:~|\$\{?HOME\}?|%USERPROFILE%)[/\\]\.(?:ssh|aws|gnupg|netrc|docker|kube|config/gcloud)"
_SENDS = re.compile(
    rf"\bcurl\b[^\n]{{0,200}}\s(?:-d|--data\S*|-F|--form|-T|--upload-file)\s[^\n]{{0,200}}(?:\$\((?:env|printenv|cat\s)|{_SECRETS})"
    rf"|{_SECRETS}[^\n]{{0,200}}\|\s*(?:curl|nc|ncat|wget)\b|\b(?:env|printenv)\s*\|[^\n]{{0,200}}\b(?:curl|nc|ncat|wget)\b",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\|\s*crontab\b|\badd-mppreference\b|\bschtasks\b[^\n]{0,200}/create|currentversion\\run\b", re.IGNORECASE
)
_LIFE = re.compile(r"\"(?:pre|post)?(?:install|prepare)\"\s*:\s*\"((?:[^\"\\\n]|\\.){1,2000})\"")
"""Commands that npm runs when it installs."""
_SAVED = re.compile(r"file\s*\(\s*DOWNLOAD\s+\S+\s+\"?([^\s\")]+)", re.IGNORECASE)
_RUN = re.compile(r"\bCOMMAND\s+\"?([^\s\")]+)", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"^[ \t]*(?:export[ \t]+|set[ \t]+|\$)?([A-Za-z_]\w{0,40})[ \t]?=[ \t]?(?:\"([^\"\n]{1,400})\""
    r"|'([^'\n]{1,400})'|(\$\([^)\n]{1,400}\)|[^\s\"'\n;]{1,400}))[ \t]*$",
    re.MULTILINE,
)
_USED = re.compile(r"\$\{?([A-Za-z_]\w{0,40})\}?|%([A-Za-z_]\w{0,40})%")
_LOADED = re.compile(
    r":(?:(?:os|posix|nt)\.(?:system|popen|startfile|exec\w+|spawn\w+)|subprocess\.\w+|(?:builtins\.)?(?:exec|eval)|pty\.spawn)\b"
)
"""What a tag of YAML calls when it is loaded."""
_SAVER = re.compile(
    r"curl|wget|bitsadmin|certutil|downloadfile|downloadstring|powershell|invoke-webrequest|\biwr\b|base64",
    re.IGNORECASE,
)
_JS_FETCHES = re.compile(r"\bhttps?\b['\"]?\)?\.(?:get|request)\s*\(|\bfetch\s*\(|\baxios\b|XMLHttpRequest")
_JS_RUNS = re.compile(r"\beval\s*\(|\bvm\b['\"]?\)?\.run")
_JS_VEILED = re.compile(r"\b_0x[0-9a-f]{4,8}\b")
_MOST_VEILED = 8
"""Names that only a program makes up; a script with so many went through one that hides."""
_LONGEST = 12_000
_QUOTED = re.compile(r'"([^"\n]{0,400})"')
_BUILT = (CMAKE, MESON, RUST, MAKE)
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


def reading_of(script: Script) -> tuple[str, int, float]:
    """What the script does, on which line, and how sure that is."""
    if script.language in (PICKLE, YAML):
        told = script.language == PICKLE or _LOADED.search(script.text)
        return ("data that runs something as soon as it is loaded", 1, 0.8) if told else ("", 0, 0.0)
    if script.language == NPM:
        return _of_npm(script)
    windows = script.language in _WINDOWS
    lines = enumerate(script.text.split("\n"), 1) if windows else telling_lines(script.text)
    known = "powershell " if script.language == "PowerShell" else ""
    for number, line in lines:
        reading = read_command(known + line)
        if reading is not None:
            plain = not known or read_command(line) is not None
            return reading.what, number, _sureness(script) if plain else 0.5
        if windows and _HOST.search(line):
            return "a script of Windows Script Host runs programs or writes files", number, 0.8
        if script.language in _SHELLS and _SENDS.search(line):
            return "a script sends secrets or the environment to another machine", number, 0.8
    return _whole(script)


def _sureness(script: Script) -> float:
    if script.when in _SOON:
        return 0.9
    hint = script.language in ("shell", *_BUILT) and not is_command(script.path)
    return 0.3 if hint else 0.8


def _of_npm(script: Script) -> tuple[str, int, float]:
    for found in _LIFE.finditer(script.text):
        reading = read_command(found[1].replace('\\"', '"'))
        if reading is not None:
            return reading.what, script.text.count("\n", 0, found.start()) + 1, 0.5
    return "", 0, 0.0


def _whole(script: Script) -> tuple[str, int, float]:
    """What shows only when several lines are read together: values of variables, and a file that is run lines later."""
    text = script.text
    if script.language == CMAKE:
        run = {found[1] for found in _RUN.finditer(text)}
        for found in _SAVED.finditer(text):
            if found[1] in run:
                what = "a file is downloaded and run while the package is built"
                return what, text.count("\n", 0, found.start()) + 1, _sureness(script)
    if script.language == JAVASCRIPT and script.when in _SOON:
        told = bool(_JS_FETCHES.search(text) and _JS_RUNS.search(text)) or len(_JS_VEILED.findall(text)) >= _MOST_VEILED
        return ("a script fetches what it runs, or hides what it does", 1, 0.8) if told else ("", 0, 0.0)
    if script.language == RUST:
        started = _started(text)
        reading = read_command(started) if started else None
        return (reading.what, 1, _sureness(script)) if reading is not None else ("", 0, 0.0)
    if script.language not in _SHELLS:
        return "", 0, 0.0
    plain = unfolded(text)
    again = _AGAIN.search(plain)
    reading = read_command(plain) if _SAVER.search(plain) else None
    if reading is not None or again:
        first = _SAVER.search(text) or re.search("(?i)crontab|mppreference|schtasks|currentversion", text)
        what = reading.what if reading is not None else "a script makes a program start by itself, or protects it"
        return what, text.count("\n", 0, first.start() if first else 0) + 1, _sureness(script)
    return "", 0, 0.0


def _started(text: str) -> str:
    """The programs that Rust starts, with what it gives them, as command lines one after the other."""
    parts = text[:_LONGEST].split("Command::new(")[1:]
    return "\n".join(" ".join(_QUOTED.findall(one.split(";", 1)[0])) for one in parts[:40])


def unfolded(text: str) -> str:
    """A script with its lines put together that go on, and its plain variables filled in."""
    text = re.sub(r"[\\^`]\n[ \t]*", " ", text)
    values = {found[1].lower(): found[2] or found[3] or found[4] for found in islice(_ASSIGNED.finditer(text), 40)}

    def value(found: re.Match[str]) -> str:
        return values.get((found[1] or found[2]).lower(), found[0])

    return _USED.sub(value, text)[:_LONGEST]
