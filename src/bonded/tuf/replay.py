"""What one publication's public record says of the catalogue: the inverse of the facts that `changes` writes. Pure.

The record holds complete public facts, removals and quarantines included: whoever replays it makes nothing public that had
been withdrawn. What it does not hold (people, owners, files that were never public) it does not invent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bonded.tuf.binfile import Target
from bonded.tuf.roles import BadPath, check_path
from bonded.values.states import FileState, PackageType, ProjectStatus


class Contradiction(ValueError):
    """A record that no honest publication makes: other bytes under a name, a path or words that cannot be."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Public facts of a file at the moment when it became public."""

    version: str
    packagetype: PackageType
    python_version: str
    requires_python: str
    md5: str
    blake2_256: str
    metadata_sha256: str | None
    metadata_size: int | None
    uploaded_at: datetime
    provenance_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FileAct:
    """A file as it is after the publication. `facts` are those of a file that became public, None for one that left.

    `state` PUBLIC with no facts: it left the targets because its project was withdrawn, and is what it was.
    """

    key: str
    filename: str
    target: Target
    state: FileState
    facts: FileFacts | None

    @property
    def path(self) -> str:
        return f"packages/{self.key}/{self.filename}"


@dataclass(frozen=True, slots=True)
class ProjectAct:
    """A project as its page is after the publication; `name` "" when it has no page any more. `yanked`: name -> reason."""

    key: str
    name: str
    status: ProjectStatus
    reason: str
    yanked: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Acts:
    """Everything that one publication tells, projects before their files."""

    n: int
    attempt: str
    at: datetime
    projects: tuple[ProjectAct, ...]
    files: tuple[FileAct, ...]


def acts_of(record: Mapping[str, Any]) -> Acts:
    """Read a record (`publications/N.json`, decoded). Raises Contradiction; then nothing of it may be replayed."""
    n = record.get("publication", 0)
    try:
        return Acts(
            n=int(n),
            attempt=str(record["attempt"]),
            at=datetime.fromisoformat(record["at"]),
            projects=tuple(_project(key, facts) for key, facts in record["pages"].items() if key),
            files=tuple(_files(record["targets"])),
        )
    except Contradiction as error:
        raise Contradiction(f"publication {n}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, BadPath) as error:
        raise Contradiction(f"publication {n} cannot be read: {type(error).__name__}: {error}") from error


def _project(key: str, facts: Mapping[str, Any] | None) -> ProjectAct:
    check_path(f"simple/{key}/index.html")
    if facts is None:
        return ProjectAct(key, "", ProjectStatus.ACTIVE, "", {})
    return ProjectAct(key, facts["name"], ProjectStatus(facts["status"]), facts["reason"], dict(facts["yanked"]))


def _files(targets: Mapping[str, Any]) -> Iterator[FileAct]:
    for path, change in targets.items():
        check_path(path)
        if path.startswith("packages/"):
            yield _file(path, change)


def _file(path: str, change: Mapping[str, Any]) -> FileAct:
    _, key, filename = path.split("/")
    old, new = _target(change["old"]), _target(change["new"])
    if new is not None:
        if old is not None and old != new:
            raise Contradiction(f"it puts other bytes under {path}: a file's bytes never change")
        return FileAct(key, filename, new, FileState.PUBLIC, _facts(change))
    if old is None:
        raise Contradiction(f"it takes away {path}, which was not there")
    return FileAct(key, filename, old, _gone(str(change["state"])), None)


def _gone(state: str) -> FileState:
    """The state of a file that left the targets. A word that we do not know must not let malware out: quarantined."""
    if state == "withdrawn":
        return FileState.PUBLIC  # its project was withdrawn, not the file
    return FileState.REMOVED if state == FileState.REMOVED else FileState.QUARANTINED


def _target(facts: Mapping[str, Any] | None) -> Target | None:
    return None if facts is None else Target(_hex(facts["sha256"]), int(facts["length"]))


def _hex(digest: str) -> str:
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise Contradiction(f"{digest[:80]!r} is no sha256")
    return digest


def _facts(change: Mapping[str, Any]) -> FileFacts:
    size = change["metadata_size"]
    return FileFacts(
        version=str(change["version"]),
        packagetype=PackageType(change["packagetype"]),
        python_version=str(change["python_version"]),
        requires_python=str(change["requires_python"]),
        md5=str(change["md5"]),
        blake2_256=str(change["blake2_256"]),
        metadata_sha256=None if change["metadata_sha256"] is None else _hex(change["metadata_sha256"]),
        metadata_size=None if size is None else int(size),
        uploaded_at=datetime.fromisoformat(change["uploaded_at"]),
        provenance_sha256=_hex(change["provenance_sha256"]) if change.get("provenance_sha256") else None,
    )
