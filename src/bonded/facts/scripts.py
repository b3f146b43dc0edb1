"""Members that another interpreter runs: shell, batch, PowerShell, Windows Script Host. Read as text, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bonded.facts import layout
from bonded.facts.model import Script
from bonded.values.finding import When

_LANGUAGES: Final = {
    ".sh": "shell",
    ".bash": "shell",
    ".zsh": "shell",
    ".command": "shell",
    ".bat": "batch",
    ".cmd": "batch",
    ".ps1": "PowerShell",
    ".psm1": "PowerShell",
    ".vbs": "VBScript",
    ".vbe": "VBScript",
    ".wsf": "VBScript",
    ".hta": "VBScript",
    ".jse": "JScript",
}
_INTERPRETERS: Final = ((b"bash", "shell"), (b"/sh", "shell"), (b"zsh", "shell"), (b"pwsh", "PowerShell"))
MOST_TEXT: Final = 8_000
MOST: Final = 40


def language(path: str, data: bytes) -> str:
    """The language of a script, by its ending, else by its first line; "" for any other member."""
    base = path.rpartition("/")[2].lower()
    known = _LANGUAGES.get(base[base.rfind(".") :]) if "." in base else None
    if known or not data.startswith(b"#!"):
        return known or ""
    first = data[:120].split(b"\n", 1)[0]
    return next((name for word, name in _INTERPRETERS if word in first), "")


def scripts_of(found: Mapping[str, bytes], kind: str) -> tuple[Script, ...]:
    """The scripts of an archive in the order of their paths, those outside tests and documentation first."""
    rows = sorted((_when(path, kind) is When.NEVER, path) for path in found)[:MOST]
    return tuple(
        Script(path, language(path, found[path]), _text(found[path]), _when(path, kind))
        for _, path in sorted(rows, key=lambda row: row[1])
    )


def _when(path: str, kind: str) -> When:
    """A script runs when somebody calls it, unless its folder is for tests or documentation."""
    return When.NEVER if layout.when_of(path, kind) is When.NEVER else When.CALL


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data[: 2 * MOST_TEXT].decode("utf-16", "replace")[:MOST_TEXT]
    return data[: 2 * MOST_TEXT].decode("utf-8", "replace").replace("\r\n", "\n")[:MOST_TEXT]
