"""What is known of popular projects: their names, import names, and marks of the best known ones. Pure data, read once.

`popular.txt` holds names and import names. `popular.json` holds, for projects whose archives were at hand, a sketch of the
code and hashes of summary, repository and authors: enough to recognise a copy, and none of their words. It is written by
`python -m tools.popular`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from bonded.facts.sketch import likeness
from bonded.values.names import normalize

_HOSTS = re.compile(
    r"^https?://(?:www\.)?(github\.com|codeberg\.org|bitbucket\.org|git(?:lab|ea)?\.[\w.-]+)/([\w.-]+)/([\w.-]+)",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\.\w+")


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of one popular project: hashes (`mark`) of its summary, repository and authors, the sketch of its code, and what
    it does by itself (`facts.profile`)."""

    summary: str
    repository: str
    authors: frozenset[str]
    sketch: tuple[int, ...]
    flows: frozenset[str]


@cache
def popular() -> frozenset[str]:
    """The built-in list of popular names, in their normal form."""
    return frozenset(import_names())


@cache
def import_names() -> Mapping[str, tuple[str, ...]]:
    """Popular projects and the names that they are imported under; stub and data packages have none of their own."""
    found: dict[str, tuple[str, ...]] = {}
    for line in resources.files(__package__).joinpath("popular.txt").read_text("utf-8").splitlines():
        name, *imports = line.split("#")[0].split() or [""]
        if name:
            found[normalize(name)] = tuple(imports) or (name.replace("-", "_"),)
    return found


@cache
def owners() -> Mapping[str, frozenset[str]]:
    """Import name -> popular projects that install it."""
    found: dict[str, set[str]] = {}
    for name, imports in import_names().items():
        for one in imports:
            found.setdefault(one, set()).add(name)
    return {one: frozenset(names) for one, names in found.items()}


@cache
def marks() -> Mapping[str, Marks]:
    """Marks by project."""
    raw = json.loads(resources.files(__package__).joinpath("popular.json").read_text("utf-8"))
    return {
        name: Marks(
            one["summary"], one["repository"], frozenset(one["authors"]), unpack(one["sketch"]), frozenset(one["flows"])
        )
        for name, one in raw.items()
    }


def warm() -> None:
    """Read everything now (in a process that will fork)."""
    owners()
    marks()
    by_hash()


@cache
def by_hash() -> Mapping[int, tuple[str, ...]]:
    """Hash of a sketch -> projects that have it: most archives are unlike every popular one, which shows at once."""
    found: dict[int, list[str]] = {}
    for name, one in marks().items():
        for value in one.sketch:
            found.setdefault(value, []).append(name)
    return {value: tuple(names) for value, names in found.items()}


def alike(own: Iterable[int], least: float) -> tuple[str, float] | None:
    """The popular project whose code is most like a sketch, and how much (0..1); None when none is `least` alike."""
    values = tuple(own)
    names = {name for value in values for name in by_hash().get(value, ())}
    best = max(((likeness(values, marks()[name].sketch), name) for name in sorted(names)), default=(0.0, ""))
    return (best[1], best[0]) if best[0] >= least else None


def mark(text: str) -> str:
    """A short hash of a text, without regard to case and white space; "" for no text."""
    plain = " ".join(text.lower().split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:12] if plain and plain != "unknown" else ""


def repository(link: str) -> tuple[str, str] | None:
    """(whole address, repository's own name) of a link into a public forge; None for other links."""
    found = _HOSTS.match(link)
    if not found:
        return None
    host, owner, name = (part.lower() for part in found.groups())
    name = name.removesuffix(".git")
    return f"{host}/{owner}/{name}", name


def addresses(metadata: Mapping[str, list[str]]) -> frozenset[str]:
    """Mail addresses of authors and maintainers, in lower case."""
    fields = ("author-email", "maintainer-email", "author", "maintainer")
    return frozenset(one.lower() for key in fields for text in metadata.get(key, []) for one in _EMAIL.findall(text))


def pack(sketch: Iterable[int]) -> str:
    """A sketch as text."""
    return "".join(f"{value:08x}" for value in sketch)


def unpack(text: str) -> tuple[int, ...]:
    """The sketch that `pack` wrote."""
    return tuple(int(text[at : at + 8], 16) for at in range(0, len(text), 8))
