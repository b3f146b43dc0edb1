"""Reading a tar archive as a stream: header by header, nothing that readers understand in two ways."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from bonded.facts.archive_budget import Meter
from bonded.facts.archive_member import Broken, Kind, Member, Notes
from bonded.facts.archive_names import Names, folded, link_problem, name_problem
from bonded.facts.archive_tar_header import (
    BLOCK,
    HARMLESS_GLOBAL,
    KINDS,
    LONG_LINK,
    LONG_NAME,
    PAX,
    PAX_GLOBAL,
    SPARSE,
    ZERO,
    Header,
    parse_header,
    parse_pax,
)
from bonded.facts.archive_tar_stream import Unpacked
from bonded.facts.archive_zip import Plan
from bonded.facts.magic import HEAD

PIECE = 256 * 1024
LARGEST_PAX = 1024 * 1024
LONGEST_NAME = 8192
"""Bytes of a name: twice what systems take. Longer ones only fill memory."""


@dataclass(slots=True)
class _Next:
    """What extended headers said of the header that follows them."""

    pax: dict[str, str] | None = None
    name: bytes | None = None
    link: bytes | None = None

    def any(self) -> bool:
        return self.pax is not None or self.name is not None or self.link is not None


def read_tar(stream: BinaryIO, form: str, plan: Plan, meter: Meter, notes: Notes) -> Iterator[Member]:
    """Yield the members of a tar archive compressed as `form` says. Raises Broken where reading cannot go on."""
    source = Unpacked(stream, form, meter, notes)
    reader = _Reader(source, plan.keep, plan.algorithms, meter, notes)
    while (header := reader.header()) is not None:
        member = reader.member(header)
        if member is not None:
            yield member
    reader.check_end()


class _Reader:
    """The state of one pass: what extended headers said, which names and links were seen."""

    def __init__(
        self,
        source: Unpacked,
        keep: Callable[[str, int], bool],
        algorithms: Sequence[str],
        meter: Meter,
        notes: Notes,
    ) -> None:
        self._source, self._keep, self._algorithms = source, keep, algorithms
        self._meter, self._notes = meter, notes
        self._names = Names()
        self._files: set[str] = set()
        self._symlinks: set[str] = set()

    def header(self) -> Header | None:
        """The next member's header with its extended headers applied; None at the end of the archive."""
        following = _Next()
        while True:
            block = self._source.read(BLOCK)
            if len(block) < BLOCK:
                raise Broken("tar-truncated", "the archive ends without its end mark")
            if block == ZERO:
                if following.any():
                    raise Broken("tar-truncated", "the archive ends after an extended header")
                return None
            header = parse_header(block)
            if header.odd:
                self._notes.problem("tar-odd-header", header.odd, _shown(header.name))
            if header.type not in (PAX, PAX_GLOBAL, LONG_NAME, LONG_LINK):
                return self._applied(header, following)
            self._extended(header, following)

    def _extended(self, header: Header, following: _Next) -> None:
        self._meter.member()
        if header.size > LARGEST_PAX:
            raise Broken("tar-pax", "an extended header is too large")
        data = self._exactly(header.size)
        if header.type in (PAX, PAX_GLOBAL) and not _is_utf8(data):
            self._notes.problem("tar-pax", "a pax header is not UTF-8")
        if header.type == PAX_GLOBAL:
            said = parse_pax(data)
            if not set(said) <= HARMLESS_GLOBAL:
                self._notes.problem("tar-pax", "a global pax header changes names or sizes of all members")
        elif header.type == PAX:
            self._once(following.pax)
            following.pax = parse_pax(data)
        elif header.type == LONG_NAME:
            self._once(following.name)
            following.name = data.split(b"\0", 1)[0]
        else:
            self._once(following.link)
            following.link = data.split(b"\0", 1)[0]

    def _once(self, before: object) -> None:
        if before is not None:
            raise Broken("tar-pax", "a member has two extended headers of one kind")

    def _applied(self, header: Header, following: _Next) -> Header:
        if following.name is not None:
            header = replace(header, name=following.name)
        if following.link is not None:
            header = replace(header, link=following.link)
        pax = following.pax or {}
        if any(key.startswith("GNU.sparse") for key in pax) or header.type == SPARSE:
            raise Broken("tar-sparse", "the archive holds a sparse file", _shown(header.name))
        if pax.get("hdrcharset", "ISO-IR 10646 2000 UTF-8") != "ISO-IR 10646 2000 UTF-8":
            self._notes.problem("name-control", "the member's name is not UTF-8", _shown(header.name))
        if ("path" in pax and following.name is not None) or ("linkpath" in pax and following.link is not None):
            self._notes.problem("tar-pax", "two extended headers name the member", _shown(header.name))
        if "path" in pax:
            header = replace(header, name=pax["path"].encode())
        if "linkpath" in pax:
            header = replace(header, link=pax["linkpath"].encode())
        if len(header.name) > LONGEST_NAME or len(header.link) > LONGEST_NAME:
            raise Broken("tar-pax", "a member's name is longer than any system can read", _shown(header.name[:200]))
        return self._sized(header, pax)

    def _sized(self, header: Header, pax: dict[str, str]) -> Header:
        if "size" not in pax:
            return header
        text = pax["size"]
        if not (text.isascii() and text.isdigit()) or len(text) > 15:
            raise Broken("tar-pax", "a pax header has an unreadable size", _shown(header.name))
        size = int(text)
        # Readers that know no pax go by the header: they must find the next header at the same place.
        if size != header.size and not (size > 0o77777777777 and header.size == 0):
            raise Broken("tar-pax", "the pax header says another size than the header", _shown(header.name))
        return replace(header, size=size)

    def member(self, header: Header) -> Member | None:
        """Read one member; None for one that cannot be yielded (it is noted)."""
        self._meter.member()
        path, kind = self._named(header)
        if header.size and kind not in (Kind.FILE, Kind.SPECIAL):
            raise Broken("tar-size", "a folder or link says that it has contents: readers skip them or not", path)
        if kind is Kind.FILE:
            return self._file(header, path)
        if kind is Kind.SPECIAL:
            self._notes.problem("special-member", "the member is a device, a fifo or of an unknown type", path)
            self._pass(header.size, path)
        link = header.link.decode("utf-8", "replace") if kind in (Kind.SYMLINK, Kind.HARDLINK) else ""
        if link or kind in (Kind.SYMLINK, Kind.HARDLINK):
            self._check_link(path, link, kind)
        return Member(path, 0, kind, header.mode, link, "", None)

    def _named(self, header: Header) -> tuple[str, Kind]:
        kind = KINDS.get(header.type, Kind.SPECIAL)
        path = header.name.decode("utf-8", "surrogateescape")
        if kind is Kind.FOLDER and path.endswith("/"):
            path = path[:-1]
        elif path.endswith("/"):
            self._notes.problem("tar-folder", "the name ends in '/', but the member is no folder", _shown(header.name))
        shown = _shown(header.name)
        for found in (name_problem(path, self._meter.budget), self._names.add(path, kind)):
            if found:
                self._notes.problem(*found, path=shown)
        if self._through_link(path):
            self._notes.problem("link-through", "the member lies behind a symbolic link", shown)
        if header.mode & 0o6000 and kind is Kind.FILE:
            self._notes.problem("setuid", "the member would run with its owner's rights (setuid or setgid)", shown)
        return path.encode("utf-8", "replace").decode(), kind

    def _through_link(self, path: str) -> bool:
        if not self._symlinks:
            return False
        parts = folded(path).split("/")
        return any("/".join(parts[:n]) in self._symlinks for n in range(1, len(parts)))

    def _check_link(self, path: str, link: str, kind: Kind) -> None:
        found = link_problem(path, link, kind)
        if found:
            self._notes.problem(*found, path=path)
        if kind is Kind.SYMLINK:
            self._symlinks.add(folded(path))
        elif link not in self._files:
            self._notes.problem("link-dangling", "a hard link names no file that came before it", path)

    def _file(self, header: Header, path: str) -> Member:
        self._files.add(path)
        wanted = self._keep(path, header.size)
        if wanted and not self._meter.keep(header.size):
            self._notes.left(f"{path}: {header.size} bytes are over the budget of what is kept")
            wanted = False
        sha256 = hashlib.sha256()
        more = {name: hashlib.new(name) for name in self._algorithms}
        data: list[bytes] = []
        head = b""
        for piece in self._pieces(header.size, path):
            head = head or piece[:HEAD]
            sha256.update(piece)
            for digest in more.values():
                digest.update(piece)
            if wanted:
                data.append(piece)
        digests = {name: digest.hexdigest() for name, digest in more.items()}
        kept = b"".join(data) if wanted else None
        return Member(path, header.size, Kind.FILE, header.mode, "", sha256.hexdigest(), kept, digests, head)

    def _pass(self, size: int, path: str) -> None:
        for _ in self._pieces(size, path):
            pass

    def _pieces(self, size: int, path: str) -> Iterator[bytes]:
        left = size
        while left:
            piece = self._source.read(min(PIECE, left))
            if not piece:
                raise Broken("tar-truncated", "the archive ends inside a member", path)
            left -= len(piece)
            yield piece
        padding = -size % BLOCK
        if len(self._source.read(padding)) < padding:
            raise Broken("tar-truncated", "the archive ends inside a member", path)

    def _exactly(self, size: int) -> bytes:
        return b"".join(self._pieces(size, ""))

    def check_end(self) -> None:
        """After the first zero block there is a second one, and then nothing but zeros."""
        if self._source.read(BLOCK) != ZERO:
            self._notes.problem("tar-end", "the archive's end mark is not two blocks of zeros")
        while piece := self._source.read(PIECE):
            if piece.strip(b"\0"):
                self._notes.problem("tar-trailing-data", "there are bytes after the end of the archive")
                return


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _shown(name: bytes) -> str:
    return name[:200].decode("utf-8", "replace")
