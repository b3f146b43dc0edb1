"""The only reader of archives in the house: members as a stream, in constant memory, nothing ever written to disk.

`read_archive` goes on as long as it can and collects what is wrong. An upload with a problem is refused; screening turns
problems and what was left unread into findings. Same bytes, same budget: same members, problems and unread parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from bonded.facts.archive_budget import Budget, Meter
from bonded.facts.archive_member import Broken, Kind, Member, Notes, Problem
from bonded.facts.archive_tar import read_tar
from bonded.facts.archive_zip import Plan, read_zip

__all__ = ["ArchiveReader", "Budget", "Kind", "Member", "Problem", "is_archive", "keep_nothing", "read_archive"]

ZIPS = (".whl", ".zip", ".egg")
TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar")


def is_archive(filename: str) -> bool:
    """Whether `read_archive` knows the form that the end of `filename` names."""
    return filename.endswith(ZIPS + TARS)


def keep_nothing(_path: str, _size: int) -> bool:
    """A `keep` for callers who want names and digests only."""
    return False


class ArchiveReader(Iterator[Member]):
    """Iterate for the members; `problems` and `unread` are whole once the iteration has ended.

    `unpacked` counts the bytes unpacked so far.
    """

    def __init__(self, members: Iterator[Member], meter: Meter, notes: Notes) -> None:
        self._members, self._meter, self._notes = members, meter, notes

    @property
    def problems(self) -> list[Problem]:
        return self._notes.problems

    @property
    def unread(self) -> list[str]:
        return self._notes.unread

    @property
    def unpacked(self) -> int:
        return self._meter.unpacked

    def __next__(self) -> Member:
        try:
            return next(self._members)
        except Broken as broken:
            problem = broken.problem
            self._notes.problem(problem.code, problem.sentence, problem.path)
            self._notes.left(f"{problem.path or 'the rest of the archive'}: {problem.sentence}")
            raise StopIteration from None


def read_archive(
    stream: BinaryIO,
    filename: str,
    budget: Budget,
    *,
    keep: Callable[[str, int], bool],
    algorithms: Sequence[str] = (),
) -> ArchiveReader:
    """Read the archive in `stream` (seekable, from its start) of the form that `filename` ends in.

    `keep(path, size)` says whose contents come with the member; `algorithms` names digests of `hashlib` to compute
    besides sha256. Raises nothing for bad archives, OSError when the stream itself fails.
    """
    meter, notes = Meter(budget), Notes()
    if filename.endswith(ZIPS):
        members = read_zip(stream, Plan(keep, algorithms), meter, notes)
    elif filename.endswith(TARS):
        members = read_tar(stream, filename, keep, algorithms, meter, notes)
    else:
        notes.problem("unknown-archive", f"{filename[-40:]!r} is no kind of archive that can be read")
        notes.left("the archive is of an unknown kind")
        members = iter(())
    return ArchiveReader(members, meter, notes)
