"""What an archive claims to be: names that it installs, commands, requirements, links, and words about itself. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from configparser import ConfigParser
from configparser import Error as ConfigError
from functools import partial
from typing import TYPE_CHECKING

from bonded.facts import layout
from bonded.facts.collect import CODE, Collected
from bonded.facts.metadata import MOST_TOML, project_of_filename
from bonded.facts.model import Naming
from bonded.facts.record import record_gaps
from bonded.facts.sketch import put_together
from bonded.values.finding import When
from bonded.values.names import normalize

if TYPE_CHECKING:
    from bonded.facts.marks import Marks

MOST = 200
"""Values kept of each sort."""
MOST_TEXT = 65_536
"""Characters of entry points that are read: they are parsed line by line."""
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_URL = re.compile(r"https?://[^\s<>()\[\]\"'`]{3,300}")
_HOST = re.compile(rb"https?://(?:[^\s/@\"']{1,80}@)?([A-Za-z0-9.-]{4,100})")
_INSTALL = re.compile(
    r"(?:pip3?|uv|pipx|poetry|conda) (?:pip )?(?:install|add)((?: +-[-\w=]+)*)((?: +[\w.-]{2,80}(?:\[[^\]]{0,40}\])?)+)"
)
_BINARY = (".so", ".pyd", ".dll", ".dylib", ".exe", ".pyc", ".node")
_VENDORED = re.compile(r"/_?(vendor(ed|s)?|(extern|external|externals)|third_party|_?lib3)/")
"""Folders of other projects' code: likeness there says nothing about the project itself."""
_TOPS = (".py", ".so", ".pyd", ".pyw")
_NO_PACKAGE = frozenset({"setup", "conftest", "noxfile", "tasks", "versioneer", "fabfile"})


def naming_of(found: Collected, marks: Marks) -> Naming:
    """Everything that the archive claims, each sort sorted and at most MOST long."""
    metadata = found.metadata
    text = _description(found)
    own = [path for path in sorted(found.sources) if _counts(found, path)]
    return Naming(
        tops=_first(_tops(found)),
        scripts=_first(_scripts(found)),
        requires=_first(_requires(found)),
        direct=_first(one for one in metadata.get("requires-dist", []) if "@" in one.split(";")[0]),
        links=_first(_links(metadata)),
        installs=_first(_installs(text)),
        described=len(text.strip()),
        text_links=len(_URL.findall(text)),
        words=" ".join(text.split())[:600],
        hosts=_first(host for path in own for host in marks.hosts(path)),
        binaries=_first(one.path for one in found.members if one.path.endswith(_BINARY)),
        record=record_gaps(found)[:20],
        sketch=put_together(
            (found.sources.sizes[path], partial(marks.tokens, path)) for path in own if not _VENDORED.search(path)
        ),
        code_bytes=sum(found.sources.sizes[path] for path in own),
        builds=_first(found.builds),
    )


def _counts(found: Collected, path: str) -> bool:
    """Whether the member is a module, and no test, example or documentation."""
    if not path.endswith(CODE):
        return False
    own = project_of_filename(found.filename).replace("-", "_")
    return layout.when_of(path, found.kind, own, not found.examples) is not When.NEVER


def _first(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({one for one in values if one})[:MOST])


def _description(found: Collected) -> str:
    """The long description, from the metadata's body or from its header."""
    for path, data in found.descriptions.items():
        if path.endswith(("/METADATA", "PKG-INFO")):
            text = data[:200_000].decode("utf-8", "replace").replace("\r\n", "\n")
            _, _, body = text.partition("\n\n")
            header = re.search(r"^Description:[ \t]*(.*(?:\n[ \t|].*)*)", text, re.MULTILINE)
            chosen = body if body.strip() else header.group(1) if header else ""
            return "" if chosen.strip() == "UNKNOWN" else chosen
    return ""


def _links(metadata: dict[str, list[str]]) -> Iterable[str]:
    yield from (one.strip() for one in metadata.get("home-page", []) if "://" in one)
    for one in metadata.get("project-url", []):
        label, _, address = one.partition(",")
        yield address.strip() or label.strip()


def _installs(text: str) -> Iterable[str]:
    """Projects that the description tells its readers to install."""
    for found in _INSTALL.finditer(text):
        words = (word for word in found.group(2).split() if not word.startswith("-") and not word.endswith(".txt"))
        for word in words:
            yield normalize(word.partition("[")[0].strip("."))


def hosts_in(data: bytes) -> tuple[str, ...]:
    """Hosts in the addresses of one source, sorted."""
    return tuple(sorted({host.decode("ascii").lower().strip(".") for host in set(_HOST.findall(data))}))


def _requires(found: Collected) -> Iterable[str]:
    """Normal names of what an installer would install as well; those of extras do not count."""
    lines = found.metadata.get("requires-dist", [])
    if not lines and found.kind == layout.SDIST:
        lines = found.data.get("requires.txt", b"").decode("utf-8", "replace").partition("[")[0].splitlines()
    for line in lines:
        name = _NAME.match(line)
        if name and "extra ==" not in line and "extra==" not in line:
            yield normalize(name.group(1))


def _scripts(found: Collected) -> Iterable[str]:
    """Commands that would stand on the PATH: entry points and files under `.data/scripts`."""
    for member in found.members:
        parts = member.path.split("/")
        if found.kind == layout.WHEEL and len(parts) == 3 and parts[0].endswith(".data") and parts[1] == "scripts":
            yield parts[2]
    parser = ConfigParser(delimiters=("=",), strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(_text(found, "entry_points.txt")[:MOST_TEXT])
    except (ConfigError, ValueError):
        return
    for section in ("console_scripts", "gui_scripts"):
        if parser.has_section(section):
            yield from parser.options(section)
    yield from _of_pyproject(found)


def _of_pyproject(found: Collected) -> Iterable[str]:
    if found.kind != layout.SDIST:
        return
    try:
        data = found.data.get("pyproject.toml", b"")
        text = data.decode("utf-8", "replace") if len(data) <= MOST_TOML else ""
        project = tomllib.loads(text).get("project", {})
        for key in ("scripts", "gui-scripts"):
            yield from [str(one) for one in project.get(key, {})]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, RecursionError):
        return  # a broken file makes no commands


def _tops(found: Collected) -> Iterable[str]:
    """Names that `import` would find, by what is in the archive; of an sdist those that its top_level.txt lists, if any."""
    tops = set()
    for member in found.members:
        if not member.path.endswith(_TOPS) or not _counts(found, member.path):
            continue
        first, _, rest = layout.inner(member.path, found.kind).partition("/")
        name = first if rest else first.split(".")[0]
        if found.kind == layout.WHEEL:
            tops |= set() if first.endswith((".data", ".dist-info")) else {name}
        elif rest in ("", "__init__.py") and name not in _NO_PACKAGE:
            tops.add(name)
    # A list that names nothing in the archive is that of a project whose code it carries along.
    listed = set(_text(found, "top_level.txt").split()) if found.kind == layout.SDIST else set()
    return (listed & tops) or tops


def _text(found: Collected, name: str) -> str:
    """A small file of the package's own metadata folder."""
    for path, data in found.descriptions.items():
        if path.endswith(f".dist-info/{name}"):
            return data.decode("utf-8", "replace")
    return found.data.get(name, b"").decode("utf-8", "replace") if found.kind == layout.SDIST else ""
