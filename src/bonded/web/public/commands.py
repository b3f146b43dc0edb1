"""The lines that people copy: how to install a release from this index, and how to check a file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"[A-Za-z0-9._~+!=@/:%-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A command and the tool it is for."""

    tool: str
    text: str


def installs(base: str, key: str, pin: str) -> list[Line]:
    """Install lines; `pin` is a version, or "" for whatever is newest."""
    index = f"{base}simple/"
    exact = f"{key}=={pin}" if pin else key
    return [
        Line("pip", f"pip install --index-url {index} {quoted(exact)}"),
        Line("uv", f"uv pip install --index-url {index} {quoted(exact)}"),
        Line("Poetry", f"poetry source add bonded {index} && poetry add --source bonded {quoted(exact)}"),
    ]


def verified_install(base: str, key: str, version: str) -> str:
    """The line that checks everything through TUF."""
    return f"bonded-client --index {base} --root root.json download {quoted(f'{key}=={version}')}"


def requirement(key: str, version: str, digests: list[str]) -> str:
    """A line of a requirements file that takes these bytes only."""
    return " \\\n    ".join([f"{key}=={version}", *(f"--hash=sha256:{digest}" for digest in digests)])


def checksum(filename: str, sha256: str) -> str:
    """A line for a shell that checks a file that is already here."""
    return f"echo {quoted(f'{sha256}  {filename}')} | sha256sum --check"


def quoted(word: str) -> str:
    """`word` as one word of a shell; versions with `!` and names with odd letters need quotes."""
    if _PLAIN.fullmatch(word) and "!" not in word:
        return word
    return "'" + word.replace("'", "'\\''") + "'"
