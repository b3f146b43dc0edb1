"""One pass over an archive: every member hashed, and kept in memory what can be read as Python or as package metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from bonded.facts import layout, magic, scripts
from bonded.facts.archive import Budget, Kind, Member, read_archive
from bonded.facts.archive_repeats import Repeats
from bonded.facts.building import building_of
from bonded.facts.loaded import loaded_in
from bonded.facts.metadata import backend_of, hooks_of, project_of_filename, read_metadata
from bonded.facts.model import MemberFacts, Trouble
from bonded.facts.sources import Sources

MIB = 1024 * 1024
SCREENING = Budget(total_bytes=2048 * MIB, members=60_000, kept_bytes=64 * MIB, member_kept_bytes=8 * MIB)
"""What screening reads. Bytes are hashed as a stream; only code, metadata and small data files are kept."""
CODE = (".py", ".pyw", ".pth")
SMALL_DATA = 192 * 1024
DATA_TOTAL = 24 * MIB
MOST_SCRIPTS = 200
_NAMES = ("PKG-INFO", "METADATA", "pyproject.toml", "RECORD", "entry_points.txt", "setup.cfg", "hatch.toml")


@dataclass(slots=True)
class Collected:
    """What one pass over the archive gave. `sources`: Python by path; `data`: small other files by base name."""

    filename: str
    kind: str
    members: list[MemberFacts] = field(default_factory=list)
    sources: Sources = field(default_factory=Sources)
    hashes: dict[str, str] = field(default_factory=dict)
    """The sha256 of each source."""
    data: dict[str, bytes] = field(default_factory=dict)
    scripts: dict[str, bytes] = field(default_factory=dict)
    descriptions: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, list[str]] = field(default_factory=dict)
    backend: str = ""
    backend_paths: tuple[str, ...] = ()
    hooks: frozenset[str] = frozenset()
    """Files that a build tool runs, as pyproject.toml says."""
    getters: frozenset[str] = frozenset()
    """Dotted names of functions that a build tool calls for the metadata."""
    builds: tuple[str, ...] = ()
    """What a build tool installs before it builds, as it is written."""
    loaded: tuple[str, ...] = ()
    """Dotted names of functions that other programs run by way of entry points."""
    examples: bool = False
    """Whether all code lies in folders of examples and the like: then it is what the package is for."""
    troubles: list[Trouble] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def collect(stream: BinaryIO, filename: str, budget: Budget = SCREENING, repeats: Repeats | None = None) -> Collected:
    """Read the archive in `stream` once. Never fails for what is in it: `troubles` and `unread` say what was wrong.

    Members that `repeats` knows are not unpacked; Python among them is when its text is asked for.
    """
    found = Collected(filename, layout.kind_of(filename))
    room = DATA_TOTAL

    def keep(path: str, size: int) -> bool:
        nonlocal room
        if path.endswith((*CODE, *_NAMES)):
            return True
        if size > SMALL_DATA or size > room:
            return False
        room -= size
        return True

    reader = read_archive(stream, filename, budget, keep=keep, repeats=repeats, later=_is_code)
    for member in reader:
        _take(found, member)
    found.kind = layout.kind_in((one.path for one in found.members), found.kind)
    own = project_of_filename(filename).replace("-", "_")
    found.examples = layout.only_examples(found.sources.sizes.items(), found.kind, own)
    _describe(found)
    found.troubles = [Trouble(one.code, one.path, one.sentence) for one in reader.problems]
    found.unread += reader.unread
    return found


def _is_code(path: str) -> bool:
    return path.endswith(CODE)


def _take(found: Collected, member: Member) -> None:
    form = magic.form(member.head) if member.kind is Kind.FILE else ""
    found.members.append(MemberFacts(member.path, member.size, member.sha256, member.kind.value, form))
    if member.kind is not Kind.FILE:
        return
    if member.later is not None:
        found.sources.put_later(member.path, member.size, member.later)
        found.hashes[member.path] = member.sha256
        return
    if member.data is None:
        return  # of code, the reader of archives says itself that it was over the budget
    if _is_code(member.path) or scripts.is_python(member.path, member.data):
        found.sources.put(member.path, member.data)
        found.hashes[member.path] = member.sha256
    else:
        _take_data(found, member.path, member.data)


def _take_data(found: Collected, path: str, data: bytes) -> None:
    base = path.rpartition("/")[2]
    found.data.setdefault(base, data)
    if len(found.scripts) < MOST_SCRIPTS and scripts.language(path, data):
        found.scripts[path] = data
    if base in _NAMES and path.count("/") <= 1:
        found.descriptions.setdefault(path, data)


def _describe(found: Collected) -> None:
    """Metadata and build back-end, now that it is known whether this is a wheel."""
    if found.kind == layout.SDIST:
        _built(found)
    entries = found.data.get("entry_points.txt")
    if entries:
        found.loaded = tuple(dict.fromkeys(loaded_in(entries.decode("utf-8", "replace"))))
    for path, data in found.descriptions.items():
        base = path.rpartition("/")[2]
        if base not in ("PKG-INFO", "METADATA"):
            continue
        if path.endswith(".dist-info/METADATA") if found.kind == layout.WHEEL else base == "PKG-INFO":
            found.metadata = read_metadata(data)


def _built(found: Collected) -> None:
    """What the settings of a source archive have its build tool run."""
    settings = {path.rpartition("/")[2]: data for path, data in found.descriptions.items() if path.count("/") <= 1}
    top = next(iter(found.descriptions), "").partition("/")[0]
    own = [data for path, data in found.descriptions.items() if path.rpartition("/")[2] == "setup.cfg"]
    found.data["setup.cfg"] = b"\n".join(own)  # whichever of them a build reads
    project = settings.get("pyproject.toml", b"")
    found.backend, found.backend_paths = backend_of(project)
    building = building_of(
        settings, lambda path: found.sources.get(f"{top}/{path}") or found.sources.get(f"{top}/src/{path}")
    )
    found.hooks = (hooks_of(project) if project else frozenset()) | building.hooks
    found.getters, found.builds = building.getters, building.requires
