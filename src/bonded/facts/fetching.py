"""What command lines fetch into files, and which of these they run: a download in one command is followed into the next. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

_TOOL: Final = re.compile(
    r"(?:^|[\s;&|\"'(/\\])(curl|wget|aria2c|iwr|invoke-webrequest|certutil|bitsadmin|git\s+clone)(?:\.exe)?\s",
    re.IGNORECASE,
)
_INTO: Final = re.compile(
    r"\s(?:-o|--output|-O|--output-document|-out|-outfile)[ =]\s*[\"']?([^\s\"';&|>]{4,200})", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"(?:https?|ftp|ssh|git)://[^\s\"';&|>]{4,400}|\S{1,40}@\S{4,200}:\S{2,200}")
_LAST: Final = re.compile(r"[^/?#:]+(?=/?(?:[?#]|$))")
_NAMED_SO: Final = re.compile(r"\s-[a-zA-Z]*O|--remote-name")
_AFTER: Final = re.compile(r"\s+[\"']?([^\s\"';&|>-][^\s\"';&|>]{2,200})")
_RUNNER: Final = (
    r"(?:^|[;&|\n]\s*|\s)(?:(?:sudo|nohup|exec|start(?:\s+(?:/\w+|\"\"))*|call|open|mono|cmd(?:\.exe)?\s+/c|java\s+-jar|source"
    r"|(?:ba|z|da)?sh|(?:\S*/)?python[\d.]*w?(?:\.exe)?|node|perl|ruby|php|lua|\N{HORIZONTAL ELLIPSIS}|\?)\s+(?:-\w+\s+)*)"
)
_MOST: Final = 8
_BUILDS: Final = re.compile(
    r"(?:^|[/\\])(?:setup|configure|bootstrap|autogen|build|make|install|waf|get-pip)[\w.-]*$", re.IGNORECASE
)
"""Programs of a source archive that build what is in it."""


def saved_by(line: str) -> Iterator[str]:
    """Files and folders into which the command line fetches something, as they are named on it."""
    for tool in islice(_TOOL.finditer(line), _MOST):
        rest = re.split(r"[;&|\n]", line[tool.end() - 1 :], maxsplit=1)[0]
        address = _ADDRESS.search(rest)
        if address is None:
            continue
        name = tool[1].lower()
        last = _LAST.search(address[0].partition("://")[2] or address[0])
        own = last[0].removesuffix(".git") if last and "/" in address[0].partition("://")[2] else ""
        if name in ("certutil", "bitsadmin") or name.startswith("git"):
            target = _AFTER.match(rest, address.end())
            yield target[1] if target else own
        elif name == "curl" and not _given(rest):
            yield own if _NAMED_SO.search(rest) else ""
        else:
            yield _given(rest) or own


def _given(rest: str) -> str:
    found = _INTO.search(rest)
    return found[1] if found and "://" not in found[1] else ""


def runs(line: str, path: str) -> bool:
    """Whether the command line starts the file at `path`, or one in that folder, as a program."""
    for found in islice(re.finditer(re.escape(path), line), _MOST):
        at = found.start()
        before, after = line[:at], line[at + len(path) :]
        inner = re.match(r"[^\s\"';&|]*", after)
        whole = path + (inner[0] if inner else "")
        begins = not before.strip() or re.search(r"(?:[;&|\n]|&&)\s*(?:\./)?$|^\s*[\"']?(?:\./)$", before) is not None
        if (not after or after[0] in "/\\\"' ;&|\n") and (begins or re.search(_RUNNER + r"[\"']?(?:\./)?$", before)):
            return not _BUILDS.search(whole)
    return False
