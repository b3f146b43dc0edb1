"""Which object of the public store a path asks for. Pure; the only place that knows the layout of URLs to files.

Everything not recognised here is not found: temporary files, compressed copies by their own name, `..`, and whatever else
might lie in the folder. Object names come out only of these patterns, so no path can leave the store.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

from bonded.values.names import normalize
from bonded.values.versions import spellings


class Class(Enum):
    """How long something may be kept by caches."""

    POINTER = "pointer"
    """timestamp.json: the one mutable pointer of TUF."""
    IMMUTABLE = "immutable"
    """Never other bytes under this name."""
    PAGE = "page"
    """A plain copy that changes with its project."""
    PACKAGE = "package"
    """Immutable, but may be withdrawn."""


JSON, HTML, BYTES = "application/json", "text/html", "application/octet-stream"
SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"


@dataclass(frozen=True, slots=True)
class Asset:
    """One object. `copies`: compressed copies may lie beside it, as `<name>.zst` and `<name>.gz`.

    `others`: where the same lies if it has not that name, of which one at most is there.
    """

    name: str
    type: str
    klass: Class
    copies: bool = True
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the simple API whose form (HTML or JSON) is negotiated: the folder that holds index.html and .json."""

    folder: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The same thing under its one right path (without query)."""

    path: str


Target = Asset | Page | Moved | None

LONGEST = 255
"""Characters of a part of an object's name. No store takes longer ones, so nothing is there under them, and the store need not be
asked: its complaint would look like a fault of the store."""

PREFIXES = ("/simple/", "/packages/", "/metadata/", "/publications/", "/pypi/")

_P = r"[a-z0-9](?:[a-z0-9]|-(?!-))*(?<!-)"  # a normalised name
_ANY_P = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_FILE = r"[A-Za-z0-9][A-Za-z0-9._+!~-]*"
_HASH = r"[0-9a-f]{64}"

_INDEX = re.compile(rf"simple/(?:({_P})/)?(?:{_HASH}\.)?index\.(html|json)", re.ASCII)
_FOLDER = re.compile(rf"simple/(?:({_P})/)?", re.ASCII)
_UNEVEN = re.compile(rf"(simple|pypi)/({_ANY_P})(/[^/]+)?(/json)?/?", re.ASCII)
_PACKAGE = re.compile(rf"packages/{_P}/({_FILE})", re.ASCII)
_METADATA = re.compile(r"metadata/((?:[0-9]+\.)?[a-z0-9][a-z0-9-]*)\.json", re.ASCII)
_PUBLICATION = re.compile(r"publications/(?:[0-9]+\.json|[0-9]{4}-[0-9]{2}-[0-9]{2}\.jsonl\.zst)", re.ASCII)
_PYPI = re.compile(rf"pypi/({_P})/(?:([A-Za-z0-9][A-Za-z0-9._+!-]*)/)?json", re.ASCII)
_ROOT = re.compile(r"metadata/[0-9]+\.root\.json", re.ASCII)


def is_static(path: str) -> bool:
    """True for paths that are answered out of the public store, whether it has them or not."""
    return path.startswith(PREFIXES) or path == "/simple"


def is_root(name: str) -> bool:
    """True for versions of TUF's root: clients ask for the next one before it exists."""
    return _ROOT.fullmatch(name) is not None


def may_change(name: str) -> bool:
    """True for objects, and compressed copies of them, that are other bytes under one name after the next publication."""
    found = target("/" + name.removesuffix(".zst").removesuffix(".gz"))
    return isinstance(found, Asset) and found.klass in (Class.PAGE, Class.POINTER)


def target(path: str) -> Target:
    """What `path` (still percent-encoded, no query) asks for; None when nothing can be there."""
    name = (unquote(path, errors="surrogateescape") if "%" in path else path)[1:]
    if len(name) > LONGEST and not fits(name):
        return None
    if name.startswith("simple"):
        return _simple(name)
    if name.startswith("packages/"):
        return _package(name)
    if name.startswith("metadata/"):
        return _metadata(name)
    if _PUBLICATION.fullmatch(name):
        packed = name.endswith(".zst")
        return Asset(name, "application/zstd" if packed else JSON, Class.IMMUTABLE, copies=not packed)
    return _pypi(name)


def fits(name: str) -> bool:
    """Whether a store can have an object of this name: no part is too long."""
    return all(len(part) <= LONGEST for part in name.split("/"))


def _simple(name: str) -> Target:
    if _FOLDER.fullmatch(name):
        return Page(name)
    if found := _INDEX.fullmatch(name):
        hashed = name.rpartition("/")[2].count(".") == 2
        form = HTML if found[2] == "html" else SIMPLE_JSON
        return Asset(name, form, Class.IMMUTABLE if hashed else Class.PAGE)
    if name == "simple":
        return Moved("/simple/")
    if (found := _UNEVEN.fullmatch(name)) and not found[3]:
        return Moved(f"/simple/{normalize(found[2])}/")
    return None


def _package(name: str) -> Target:
    found = _PACKAGE.fullmatch(name)
    if found is None:
        return None
    # Only metadata has compressed copies: beside x.tar, x.tar.gz would be another file.
    return Asset(name, BYTES, Class.PACKAGE, copies=found[1].endswith(".metadata"))


def _metadata(name: str) -> Target:
    found = _METADATA.fullmatch(name)
    if found is None:
        return None
    if found[1] == "timestamp":
        return Asset(name, JSON, Class.POINTER, copies=False)
    return Asset(name, JSON, Class.IMMUTABLE) if found[1][0].isdigit() else None


def _pypi(name: str) -> Target:
    if found := _PYPI.fullmatch(name):
        return Asset(name, JSON, Class.PAGE, others=_equal(name, *found.groups(default="")))
    found = _UNEVEN.fullmatch(name)
    if found and found[1] == "pypi" and (found[4] or found[3] == "/json"):
        right = f"pypi/{normalize(found[2])}{found[3] or ''}{found[4] or ''}"
        return Moved("/" + right) if right != name and _PYPI.fullmatch(right) else None
    return None


def _equal(name: str, project: str, version: str) -> tuple[str, ...]:
    """Where the document of an equal version would lie: a release is kept as its first upload wrote it, and 1.0.0 is 1.0."""
    names = (f"pypi/{project}/{one}/json" for one in spellings(version))
    return tuple(one for one in names if one != name and fits(one))
