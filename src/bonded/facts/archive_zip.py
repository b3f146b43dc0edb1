"""Reading a zip archive: every member in the order of its bytes, inflated as a stream and checked against all headers."""

from __future__ import annotations

import hashlib
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from bonded.facts.archive_budget import Meter
from bonded.facts.archive_member import Broken, Kind, Member, Notes
from bonded.facts.archive_names import Names, name_problem
from bonded.facts.archive_repeats import Repeated, Repeats, Unpacked
from bonded.facts.archive_zip_extra import check_extra, local_sizes
from bonded.facts.archive_zip_frame import LOCAL, Entry, check_needed, read_directory, read_end
from bonded.facts.magic import HEAD

CHUNK = 256 * 1024
PACKED = 64 * 1024
"""Packed bytes that are unpacked in one go: what is left of them is copied each time."""
STORED, DEFLATED = 0, 8
ENCRYPTED, DESCRIPTOR, UTF8 = 0x0001, 0x0008, 0x0800
ODD_FLAGS = 0x2000 | 0x0040 | 0x0020
"""Masked headers, strong encryption, patched data."""
LINK_LENGTH = 4096


def at_once(_path: str) -> bool:
    """A `later` for callers who want contents with the member."""
    return False


@dataclass(frozen=True, slots=True)
class Plan:
    """How a zip is read: `keep` says whose contents to keep, `algorithms` which digests besides sha256, `repeats` which members
    are known already; `later` whose contents may come later then."""

    keep: Callable[[str, int], bool]
    algorithms: Sequence[str]
    repeats: Repeats | None = None
    later: Callable[[str], bool] = at_once


def read_zip(stream: BinaryIO, plan: Plan, meter: Meter, notes: Notes) -> Iterator[Member]:
    """Yield the members of a seekable zip archive. Raises Broken where reading cannot go on."""
    size = stream.seek(0, 2)
    meter.packed = size
    end = read_end(stream, size, notes)
    entries = sorted(read_directory(stream, end, meter.budget, notes), key=lambda entry: entry.offset)
    names = Names()
    expected = 0
    for n, entry in enumerate(entries):
        meter.member()
        boundary = entries[n + 1].offset if n + 1 < len(entries) else end.directory_at
        if entry.offset != expected:
            text = "overlaps the one before it" if entry.offset < expected else "follows bytes that belong to no member"
            notes.problem("zip-gap", f"a member {text}", _shown(entry))
        expected = boundary
        yield from _member(stream, entry, boundary, plan, meter, notes, names)
    if not entries and end.directory_at:
        notes.problem("zip-gap", "there are bytes before the central directory that belong to no member")


def _member(
    stream: BinaryIO, entry: Entry, boundary: int, plan: Plan, meter: Meter, notes: Notes, names: Names
) -> Iterator[Member]:
    path, kind = _name(entry, meter, notes, names)
    data_at = _check_local(stream, entry, path, boundary, notes)
    if data_at is None or not _readable(entry, path, notes):
        notes.left(f"{path}: its framing or compression could not be followed")
        return
    wanted = kind is Kind.SYMLINK and entry.size <= LINK_LENGTH
    if kind is Kind.FILE and plan.keep(path, entry.size):
        wanted = meter.keep(entry.size)
        if not wanted:
            notes.left(f"{path}: {entry.size} bytes are over the budget of what is kept")
    mode = (entry.attributes >> 16) & 0o7777
    repeats = plan.repeats if kind is Kind.FILE and data_at + entry.packed <= boundary else None
    again = _again(stream, entry, path, plan, repeats, at=data_at, wanted=wanted)
    if again is not None:
        meter.bytes(entry.size)
        head = again.seen.head.encode("latin-1")
        yield Member(path, entry.size, kind, mode, "", again.seen.sha256, None, {}, head, again.later)
        return
    stream.seek(data_at)
    body = _Body(plan.algorithms if kind is Kind.FILE else (), wanted)
    packed = _Packed(hashlib.sha256() if repeats is not None and repeats.notes else None)
    for piece in _inflated(stream, entry, path, notes, packed):
        meter.bytes(len(piece))
        body.add(piece)
    if body.size != entry.size or body.crc != entry.crc:
        notes.problem("zip-contents", "size or checksum differ from what the headers say", path)
    elif repeats is not None and packed.whole and packed.digest is not None:
        seen = Unpacked(body.sha256.hexdigest(), body.size, body.crc, body.head.decode("latin-1"))
        repeats.note(packed.digest.hexdigest(), seen)
    link = body.data.decode("utf-8", "replace") if kind is Kind.SYMLINK else ""
    data = body.data if wanted and kind is Kind.FILE else None
    sha256 = body.sha256.hexdigest() if kind is Kind.FILE else ""
    yield Member(path, body.size, kind, mode, link, sha256, data, body.digests(), body.head)


def _again(
    stream: BinaryIO, entry: Entry, path: str, plan: Plan, repeats: Repeats | None, *, at: int, wanted: bool
) -> Repeated | None:
    """The member with its data `at`, if it is known and what is wanted of it may come later."""
    if repeats is None or entry.method != DEFLATED or plan.algorithms or (wanted and not plan.later(path)):
        return None
    stream.seek(at)
    return repeats.find(stream, entry.packed, entry.size, entry.crc, wanted=wanted)


@dataclass(slots=True)
class _Packed:
    """The compressed bytes of one member as they pass: their digest, if it is wanted, and whether they were whole and faultless."""

    digest: hashlib._Hash | None
    whole: bool = False


class _Body:
    """Sums, digests and, where wanted, the bytes of one member as it passes."""

    def __init__(self, algorithms: Sequence[str], wanted: bool) -> None:
        self.size = 0
        self.crc = 0
        self.sha256 = hashlib.sha256()
        self._more = {name: hashlib.new(name) for name in algorithms}
        self._wanted = wanted
        self._parts: list[bytes] = []
        self.head = b""

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.head = self.head or piece[:HEAD]
        self.crc = zlib.crc32(piece, self.crc)
        self.sha256.update(piece)
        for digest in self._more.values():
            digest.update(piece)
        if self._wanted:
            self._parts.append(piece)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)

    def digests(self) -> dict[str, str]:
        return {name: digest.hexdigest() for name, digest in self._more.items()}


def _name(entry: Entry, meter: Meter, notes: Notes, names: Names) -> tuple[str, Kind]:
    try:
        path = entry.name.decode("utf-8")
        if not entry.flags & UTF8 and not path.isascii():
            notes.problem("zip-name-encoding", "the name is not ASCII and not marked as UTF-8", path)
    except UnicodeDecodeError:
        path = entry.name.decode("latin-1")
        notes.problem("zip-name-encoding", "the name is not UTF-8", path)
    folder = path.endswith("/")
    kind = _kind(entry, folder, path, notes)
    path = path[:-1] if folder else path
    for found in (name_problem(path, meter.budget), names.add(path, kind)):
        if found:
            notes.problem(*found, path=path)
    return path, kind


def _kind(entry: Entry, folder: bool, path: str, notes: Notes) -> Kind:
    kind = stat.S_IFMT(entry.attributes >> 16)
    said_folder = kind == stat.S_IFDIR or (bool(entry.attributes & 0x10) and (kind == 0 or entry.system == 0))
    if kind == stat.S_IFLNK:
        notes.problem("zip-link", "the member is a symbolic link", path)
        return Kind.SYMLINK
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        notes.problem("special-member", "the member is a device, a fifo or a socket", path)
        return Kind.SPECIAL
    if folder != said_folder and (said_folder or kind == stat.S_IFREG):
        notes.problem("zip-folder", "the name and the attributes disagree whether the member is a folder", path)
    if folder and entry.size:
        notes.problem("zip-folder", "a folder has contents", path)
    if not folder and (entry.attributes >> 16) & 0o6000:
        notes.problem("setuid", "the member would run with its owner's rights (setuid or setgid)", path)
    return Kind.FOLDER if folder else Kind.FILE


def _readable(entry: Entry, path: str, notes: Notes) -> bool:
    if entry.flags & (ENCRYPTED | ODD_FLAGS):
        notes.problem("zip-encrypted", "the member is encrypted or patched", path)
        return False
    if entry.method not in (STORED, DEFLATED):
        notes.problem("zip-method", f"the member is compressed by method {entry.method}; use deflate", path)
        return False
    return True


def _check_local(stream: BinaryIO, entry: Entry, path: str, boundary: int, notes: Notes) -> int | None:
    """Where the member's data begins, None when its local header cannot be followed; differences go to `notes`."""
    stream.seek(entry.offset)
    raw = stream.read(LOCAL.size)
    if len(raw) < LOCAL.size or raw[:4] != b"PK\3\4":
        notes.problem("zip-local", "there is no local header where the directory says", path)
        return None
    _, needed, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL.unpack(raw)
    check_needed(needed, method, path, notes)
    rest = stream.read(name_length + extra_length)
    if len(rest) < name_length + extra_length:
        raise Broken("zip-local", "the archive ends in a local header", path)
    field = check_extra(rest[name_length:], path, notes)
    size, packed = local_sizes(field, size, packed, path, notes)
    data_at = entry.offset + LOCAL.size + len(rest)
    if rest[:name_length] != entry.name or flags != entry.flags or method != entry.method:
        notes.problem("zip-local", "the local header differs from the central directory", path)
    same = (crc, packed, size) == (entry.crc, entry.packed, entry.size)
    if not same and not (entry.flags & DESCRIPTOR and (crc, packed, size) in _open_values(entry)):
        notes.problem("zip-local", "sizes or checksum in the local header differ from the central directory", path)
    _check_after(stream, entry, path, data_at + entry.packed, boundary, notes)
    return data_at


def _open_values(entry: Entry) -> tuple[tuple[int, int, int], ...]:
    """What a local header may say when the values follow in a data descriptor."""
    return ((0, 0, 0), (0, entry.packed, entry.size), (entry.crc, 0, 0))


def _check_after(stream: BinaryIO, entry: Entry, path: str, at: int, boundary: int, notes: Notes) -> None:
    """Between a member's data and the next record lies its data descriptor, if it has one, and nothing else."""
    gap = boundary - at
    if not entry.flags & DESCRIPTOR:
        if gap:
            notes.problem("zip-gap", "the bytes after the member belong to nothing, or to the next one too", path)
        return
    wide = gap in (20, 24)
    if gap not in (12, 16, 20, 24):
        notes.problem("zip-descriptor", "the data descriptor is missing or of odd length", path)
        return
    stream.seek(at)
    raw = stream.read(gap)
    width = 8 if wide else 4
    said = entry.crc.to_bytes(4, "little") + b"".join(
        n.to_bytes(8, "little")[:width] for n in (entry.packed, entry.size)
    )
    if raw not in (said, b"PK\7\x08" + said):
        notes.problem("zip-descriptor", "the data descriptor differs from the central directory", path)


def _inflated(stream: BinaryIO, entry: Entry, path: str, notes: Notes, packed: _Packed) -> Iterator[bytes]:
    """The contents in pieces of at most CHUNK bytes, never more than one byte beyond the size that the headers say.

    `packed` is whole at the end for members that are deflated.
    """
    if entry.method == STORED:
        yield from _stored(stream, entry, path, notes)
        return
    inflater = zlib.decompressobj(-15)
    left, room = entry.packed, entry.size + 1
    waiting = b""
    try:
        while room > 0 and not inflater.eof:
            if not waiting and left:
                waiting = stream.read(min(PACKED, left))
                left = left - len(waiting) if waiting else 0
                if packed.digest is not None:
                    packed.digest.update(waiting)
            piece = inflater.decompress(waiting, min(CHUNK, room))
            waiting = inflater.unconsumed_tail
            room -= len(piece)
            if piece:
                yield piece
            elif not waiting and not left:
                break
    except zlib.error:
        notes.problem("zip-deflate", "the compressed data is damaged", path)
        notes.left(f"{path}: its compressed data is damaged")
        return
    if not inflater.eof or inflater.unused_data or waiting or left:
        notes.problem("zip-deflate", "the compressed data ends before or after where the headers say", path)
        return
    packed.whole = True


def _stored(stream: BinaryIO, entry: Entry, path: str, notes: Notes) -> Iterator[bytes]:
    if entry.packed != entry.size:
        notes.problem("zip-contents", "a stored member has two different sizes", path)
    left = min(entry.packed, entry.size)
    while left:
        piece = stream.read(min(CHUNK, left))
        if not piece:
            notes.problem("zip-contents", "the archive ends inside a member", path)
            return
        left -= len(piece)
        yield piece


def _shown(entry: Entry) -> str:
    return entry.name[:200].decode("utf-8", "replace")
