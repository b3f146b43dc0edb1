"""The only reader of archives in the house: members as a stream, in constant memory, nothing ever written to disk.

`read_archive` goes on as long as it can and collects what is wrong. An upload with a problem is refused; screening turns
problems and what was left unread into findings. Same bytes, same budget: same members, problems and unread parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, cast

from bonded.facts.archive_budget import Budget, Meter
from bonded.facts.archive_form import ZIP, From, named_form, real_forms, wrong_form
from bonded.facts.archive_member import Broken, Kind, Member, Notes, Problem
from bonded.facts.archive_repeats import Repeats
from bonded.facts.archive_tar import read_tar
from bonded.facts.archive_zip import Plan, at_once, read_zip

__all__ = ["ArchiveReader", "Budget", "Kind", "Member", "Problem", "is_archive", "keep_nothing", "read_archive"]


def is_archive(filename: str) -> bool:
    """Whether `read_archive` knows the form that the end of `filename` names."""
    return named_form(filename) is not None


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
    repeats: Repeats | None = None,
    later: Callable[[str], bool] = at_once,
) -> ArchiveReader:
    """Read the archive in `stream` (seekable, from its start) named `filename`.

    It is read in the form that its bytes have; where its name says another one, that is a problem. `keep(path, size)` says
    whose contents come with the member; `algorithms` names digests of `hashlib` to compute besides sha256. Members that
    `repeats` knows are not unpacked (in zip archives); where their contents are kept, only if `later(path)` says that they
    may be unpacked when somebody asks for them. Raises nothing for bad archives, OSError when the stream itself fails.
    """
    meter, notes = Meter(budget), Notes()
    plan = Plan(keep, algorithms, repeats, later)
    named = named_form(filename)
    if named is None:
        notes.problem("unknown-archive", f"{filename[-40:]!r} is no kind of archive that can be read")
    forms = real_forms(stream) or ([(named, 0)] if named else [])
    for form, offset in forms:
        if named is not None and form != named:
            where = f", {offset} bytes from its start" if offset else ""
            notes.problem(wrong_form(named), f"the name says {named}, but the bytes are a {form} archive{where}")
        elif offset:
            notes.problem("zip-gap", f"{offset} bytes before the archive belong to no member")
    if not forms:
        notes.left("the archive is of an unknown kind")
    return ArchiveReader(_every(stream, forms, plan, meter, notes), meter, notes)


def _every(stream: BinaryIO, forms: list[tuple[str, int]], plan: Plan, meter: Meter, notes: Notes) -> Iterator[Member]:
    """The members in all forms that the archive has; one that cannot be followed does not hide the next."""
    for n, (form, offset) in enumerate(forms):
        try:
            if form == ZIP:
                yield from read_zip(cast("BinaryIO", From(stream, offset)) if offset else stream, plan, meter, notes)
            else:
                stream.seek(offset)
                yield from read_tar(stream, form, plan, meter, notes)
        except Broken as broken:
            if n + 1 == len(forms):
                raise
            notes.problem(broken.problem.code, broken.problem.sentence, broken.problem.path)
