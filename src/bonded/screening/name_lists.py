"""Names that new projects must not resemble: popular ones, and those that are kept for the organisation."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from bonded.checks.context import Neighbour
from bonded.checks.near import nearest
from bonded.checks.popular import popular
from bonded.values.names import normalize
from bonded.values.text import written

_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
_PATTERN = re.compile(r"^[A-Za-z0-9*?][A-Za-z0-9._*?-]*$")


class BadNames(Exception):
    """A list of names cannot be used; the message is one sentence that says which and why."""


@dataclass(frozen=True, slots=True)
class NameLists:
    """`private` are patterns in their normal form, `popular` normal names."""

    private: tuple[str, ...] = ()
    popular: frozenset[str] = field(default_factory=popular)

    def private_pattern(self, key: str) -> str:
        """The pattern that keeps the project `key` for the organisation, "" for none."""
        return next((one for one in self.private if fnmatch.fnmatchcase(key, one)), "")

    def nearest(self, key: str) -> Neighbour | None:
        """The popular or private project whose name is nearest."""
        whole = frozenset(one for one in self.private if not set(one) & {"*", "?"})
        return nearest(key, self.popular | whole if whole else self.popular)

    def fingerprint(self) -> str:
        """A hash of what the operator added, "" for nothing: other names, other findings."""
        more = sorted(self.popular - popular())
        plain = "\n".join([*self.private, "", *more])
        return hashlib.sha256(plain.encode()).hexdigest() if self.private or more else ""


def load_names(private: tuple[str, ...], path: Path | None) -> NameLists:
    """The lists of the operator, on top of the built-in one. Raises BadNames."""
    for one in private:
        if not _PATTERN.match(one):
            raise BadNames(f"setting `screening.private_names`: {one[:60]!r} is no name and no pattern of names")
    more = _read(path) if path else frozenset()
    return NameLists(tuple(normalize(one) for one in private), popular() | more)


def _read(path: Path) -> frozenset[str]:
    try:
        text = written(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadNames(f"setting `screening.popular_names`: {path} cannot be read: {error}") from None
    names = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if words and not _NAME.match(words[0]):
            raise BadNames(f"line {number} of {path} (setting `screening.popular_names`) begins with no project's name")
        names |= {normalize(word) for word in words[:1]}
    return frozenset(names)
