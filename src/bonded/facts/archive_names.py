"""Rules for the names of members: no name may mean two places, or a place outside. Pure."""

from __future__ import annotations

import re
import unicodedata

from bonded.facts.archive_budget import Budget
from bonded.facts.archive_member import Kind
from bonded.values.text import has_control

_DRIVE = re.compile(r"^[A-Za-z]:")


def name_problem(path: str, budget: Budget) -> tuple[str, str] | None:
    """(code, sentence) of the first rule that `path` (without a folder's final slash) breaks, None when it is fine."""
    if not path:
        return "name-empty", "a member has an empty name"
    if not path.isprintable() and has_control(path):  # printable text has none, and is told quickly
        return "name-control", f"the member name {path!r} holds control characters or is not UTF-8"
    if "\\" in path:
        return "name-backslash", f"the member name {path!r} holds a backslash"
    if path.startswith("/") or _DRIVE.match(path):
        return "name-absolute", f"the member name {path!r} is absolute"
    parts = path.split("/")
    if ".." in parts:
        return "name-traversal", f"the member name {path!r} leads out of the archive"
    if "" in parts or "." in parts:
        return "name-odd", f"the member name {path!r} has an empty or '.' part"
    return _too_long(path, parts, budget)


def _too_long(path: str, parts: list[str], budget: Budget) -> tuple[str, str] | None:
    if len(parts) > budget.depth:
        return "name-deep", f"a member name has more than {budget.depth} parts"
    size = len(path.encode())
    if size > budget.path_bytes or (size > 255 and any(len(part.encode()) > 255 for part in parts)):
        return "name-long", f"the member name {path[:60]!r}... is too long"
    return None


class Names:
    """The names seen so far in one archive; finds those that meet on some file system."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[str, bool]] = {}
        self._parents: set[str] = set()

    def add(self, path: str, kind: Kind) -> tuple[str, str] | None:
        """Add a member; (code, sentence) when it is a second one, or meets another where case or form is ignored."""
        folder = kind is Kind.FOLDER
        key = folded(path)
        known = self._kinds.get(key)
        if known is not None and not (folder and known[1]):
            if known[0] == path:
                return "duplicate-member", f"the archive has two members named {path!r}"
            return "name-collision", f"{path!r} and {known[0]!r} are one name where case or Unicode form is ignored"
        self._kinds[key] = (path, folder)
        if not folder and key in self._parents:
            return "name-collision", f"{path!r} is a file and a folder at once"
        return self._add_parents(path, key)

    def _add_parents(self, path: str, key: str) -> tuple[str, str] | None:
        end = key.rfind("/")
        while end > 0:
            parent = key[:end]
            if parent in self._parents:
                return None
            self._parents.add(parent)
            known = self._kinds.get(parent)
            if known is not None and not known[1]:
                return "name-collision", f"{known[0]!r} is a file and a folder at once (it holds {path!r})"
            end = key.rfind("/", 0, end)
        return None


def folded(path: str) -> str:
    """`path` as the most forgetful file system sees it: no case, one Unicode form."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def link_problem(path: str, target: str, kind: Kind) -> tuple[str, str] | None:
    """(code, sentence) when a link leads out of the archive's top folder or could, None when it stays inside.

    A symbolic link counts from its own folder, a hard link from the root. '..' is allowed only at the beginning, where
    it names real folders: then no chain of such links can leave either.
    """
    if not target or target.startswith("/") or "\\" in target or _DRIVE.match(target) or has_control(target):
        return "link-outside", f"{path!r} is a link to {target!r}, which is not a place in the archive"
    parts = target.split("/")
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    if ".." in parts[ups:]:
        return "link-outside", f"{path!r} is a link to {target!r}, with '..' after a name"
    inside = path.count("/") - 1 if kind is Kind.SYMLINK else 0
    if ups > inside:
        return "link-outside", f"{path!r} is a link to {target!r}, outside the archive's folder"
    return None
