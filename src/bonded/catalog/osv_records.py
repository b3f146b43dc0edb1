"""Records of the OSV schema, as far as an index of Python projects reads them: which versions of which projects. Pure.

https://ossf.github.io/osv-schema/ (1.7). Versions are compared as PEP 440 orders them, by the schema's own algorithm for
events. A version in an enumeration that PEP 440 cannot read is compared as text; one in an event makes the record unusable,
because nothing could be said about any other version then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from packaging.version import InvalidVersion, Version

from bonded.values.names import normalize

MOST_TEXT = 20_000
ZERO = "0"
"""As `introduced`: from the first version on."""
EVENTS = ("introduced", "fixed", "last_affected", "limit")


class BadRecord(ValueError):
    """A record that cannot be used. The message says why, and begins with the record's id where it has one."""


@dataclass(frozen=True, slots=True)
class Affected:
    """What a record says of one project. `ranges`: lists of (event, version) in order; `versions`: those that are named."""

    versions: tuple[str, ...]
    ranges: tuple[tuple[tuple[str, str], ...], ...]

    def hits(self, version: str) -> bool:
        """Whether a release is affected."""
        try:
            own = Version(version)
        except InvalidVersion:
            return version in self.versions
        return any(_same(own, one) for one in self.versions) or any(_within(own, one) for one in self.ranges)

    @property
    def fixed(self) -> list[str]:
        """The versions that end a range because they are repaired, in order."""
        found = {Version(version) for events in self.ranges for event, version in events if event == "fixed"}
        return [str(version) for version in sorted(found)]


@dataclass(frozen=True, slots=True)
class Record:
    """One vulnerability. `projects`: normalized name -> what is affected of it."""

    id: str
    summary: str
    details: str
    aliases: tuple[str, ...]
    link: str
    published: datetime | None
    modified: datetime
    withdrawn: datetime | None
    projects: Mapping[str, Affected]
    digest: str = field(init=False, default="")
    """Hex sha256 of all else. Made with the record, before any transaction: a feed has tens of thousands."""

    def __post_init__(self) -> None:
        said = asdict(self)
        del said["digest"]
        digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
        object.__setattr__(self, "digest", digest)


def record(value: Any, ecosystem: str) -> Record | None:
    """A record from parsed JSON; None where it is about no project of `ecosystem`. Raises BadRecord."""
    if not isinstance(value, dict):
        raise BadRecord("a record is not a JSON object")
    name = value.get("id")
    if not isinstance(name, str) or not name or len(name) > 200 or not name.isprintable():
        raise BadRecord("a record has no id")
    try:
        return _record(name, value, ecosystem)
    except BadRecord as error:
        raise BadRecord(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRecord(f"{name}: it is not as the OSV schema has it ({type(error).__name__})") from None


def _record(name: str, value: dict[str, Any], ecosystem: str) -> Record | None:
    projects: dict[str, list[Affected]] = {}
    for one in value.get("affected") or ():
        package = one.get("package") or {}
        if str(package.get("ecosystem", "")).partition(":")[0] == ecosystem:
            projects.setdefault(normalize(str(package["name"])), []).append(_affected(one))
    if not projects:
        return None
    return Record(
        id=name,
        summary=_text(value.get("summary")),
        details=_text(value.get("details")),
        aliases=tuple(sorted({_text(one)[:200] for one in value.get("aliases") or ()})),
        link=_link(name, value.get("references") or ()),
        published=_moment(value.get("published")),
        modified=_needed(_moment(value.get("modified"))),
        withdrawn=_moment(value.get("withdrawn")),
        projects={key: _joined(found) for key, found in projects.items()},
    )


def _affected(value: Mapping[str, Any]) -> Affected:
    versions = tuple(str(one) for one in value.get("versions") or ())
    ranges = [_events(one.get("events") or ()) for one in value.get("ranges") or () if one.get("type") == "ECOSYSTEM"]
    return Affected(versions, tuple(events for events in ranges if events))


def _joined(found: Iterable[Affected]) -> Affected:
    every = list(found)
    return Affected(
        tuple(dict.fromkeys(version for one in every for version in one.versions)),
        tuple(events for one in every for events in one.ranges),
    )


def _events(values: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Events in order. Raises BadRecord for a version that PEP 440 cannot read."""
    found = [(kind, str(one[kind])) for one in values for kind in EVENTS if kind in one]
    for kind, version in found:
        if (kind, version) not in (("introduced", ZERO), ("limit", "*")):
            _version(version)
    return tuple(sorted(found, key=_order))


def _order(event: tuple[str, str]) -> tuple[bool, Version, bool]:
    """By version; of two at one version, what begins a range comes last."""
    kind, version = event
    if version in (ZERO, "*"):
        return kind != "introduced", Version(ZERO), True
    return True, _version(version), kind == "introduced"


def _version(text: str) -> Version:
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or a number of more digits than Python takes
        raise BadRecord(f"the event of version {text[:60]!r} cannot be placed (PEP 440)") from None


def _within(version: Version, events: Iterable[tuple[str, str]]) -> bool:
    """The schema's evaluation of one range."""
    inside, limits = False, list[bool]()
    for kind, at in events:
        if kind == "limit":
            limits.append(at == "*" or version < Version(at))
        elif kind == "introduced":
            inside = inside or at == ZERO or version >= Version(at)
        elif version >= Version(at) if kind == "fixed" else version > Version(at):
            inside = False
    return inside and (any(limits) or not limits)


def _same(version: Version, text: str) -> bool:
    try:
        return version == Version(text)
    except ValueError:  # as above
        return False


def _link(name: str, references: Iterable[Mapping[str, Any]]) -> str:
    """Where people read more: the advisory that the record names, else the page of OSV."""
    found = {str(one.get("type")): str(one.get("url")) for one in reversed(list(references))}
    for kind in ("ADVISORY", "REPORT", "WEB"):
        url = found.get(kind, "")
        if len(url) < 1000 and url.isprintable() and urlsplit(url).scheme == "https":
            return url
    return f"https://osv.dev/vulnerability/{name}"


def _moment(value: Any) -> datetime | None:
    """RFC 3339, in UTC. Raises ValueError."""
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _needed(moment: datetime | None) -> datetime:
    if moment is None:
        raise BadRecord("it has no time of its last change (modified)")
    return moment


def _text(value: Any) -> str:
    return "".join(c for c in str(value or "") if c >= " " or c in "\n\t")[:MOST_TEXT]
