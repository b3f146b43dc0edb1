"""The archive as uploaded, read once: its members, and the contents of the few files that the checks look into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bonded.facts.archive import Kind, Member, Problem, read_archive
from bonded.upload.filename import Named
from bonded.upload.limits import UploadLimits
from bonded.values.states import PackageType

WHEEL_FILES = ("METADATA", "WHEEL", "RECORD", "entry_points.txt")


@dataclass(frozen=True, slots=True)
class Artifact:
    """What one read of the archive gave: members by path, in the archive's order, and what is wrong with it."""

    members: dict[str, Member]
    problems: list[Problem]
    unread: list[str]

    def data(self, path: str) -> bytes | None:
        """The contents of a kept file, None when there is no such file."""
        member = self.members.get(path)
        return member.data if member is not None else None

    def files(self) -> list[Member]:
        """All that has contents: everything but folders."""
        return [member for member in self.members.values() if member.kind is not Kind.FOLDER]

    def tops(self) -> set[str]:
        """The first parts of all paths."""
        return {path.partition("/")[0] for path in self.members}


def read_artifact(path: Path, named: Named, limits: UploadLimits, algorithms: tuple[str, ...] = ()) -> Artifact:
    """Read the archive at `path` once. Raises OSError when the file itself cannot be read, never for what is in it."""
    keep = _keep_wheel if named.packagetype is PackageType.WHEEL else _keep_sdist
    members: dict[str, Member] = {}
    with path.open("rb") as stream:
        reader = read_archive(stream, named.filename, limits.budget, keep=keep, algorithms=algorithms)
        for member in reader:
            members.setdefault(member.path, member)
    return Artifact(members, reader.problems, reader.unread)


def _keep_wheel(path: str, _size: int) -> bool:
    folder, _, name = path.rpartition("/")
    return folder.endswith(".dist-info") and "/" not in folder and name in WHEEL_FILES


def _keep_sdist(path: str, _size: int) -> bool:
    return path.endswith("/PKG-INFO") and path.count("/") == 1
