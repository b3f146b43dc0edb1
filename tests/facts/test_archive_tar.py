"""The tar reader: one compressed stream, headers that every reader understands alike, links that stay inside."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
from collections.abc import Callable

import pytest

from bonded.facts.archive import Budget, Kind, Member, Problem, read_archive

Members = list[tuple[tarfile.TarInfo, bytes]]


def info(name: str, data: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(data)
    for key, value in more.items():
        setattr(made, key, value)
    return made, data


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, **more: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, **more) as archive:  # type: ignore[call-overload]
        for made, data in members:
            archive.addfile(made, io.BytesIO(data))
    return buffer.getvalue()


def gz(raw: bytes) -> bytes:
    return gzip.compress(raw, 6, mtime=0)


def read(
    data: bytes, filename: str = "x.tar.gz", budget: Budget | None = None
) -> tuple[list[Member], list[Problem], list[str]]:
    reader = read_archive(io.BytesIO(data), filename, budget or Budget(), keep=lambda _path, _size: True)
    members = list(reader)
    return members, reader.problems, reader.unread


def codes(data: bytes, filename: str = "x.tar.gz", budget: Budget | None = None) -> set[str]:
    return {problem.code for problem in read(data, filename, budget)[1]}


def changed(raw: bytes, at: int, new: bytes) -> bytes:
    """`raw` with `new` at offset `at` of its first header, and the checksum made right again."""
    block = bytearray(raw[:512])
    block[at : at + len(new)] = new
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + raw[512:]


FILE = info("p-1/a.py", b"x = 1\n")
TOP = info("p-1", type=tarfile.DIRTYPE, mode=0o755)
PLAIN = tar(TOP, FILE)


def pax(records: bytes, after: bytes, kind: bytes = b"x") -> bytes:
    made = tarfile.TarInfo("pax")
    made.type, made.size = kind, len(records)
    return made.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512) + after


HOSTILE: list[tuple[str, bytes, str]] = [
    ("not gzip", PLAIN, "tar-gzip"),
    ("damaged gzip", gz(PLAIN)[:-8] + bytes(8), "tar-gzip"),
    ("cut gzip", gz(PLAIN)[:-30], "tar-truncated"),
    ("two gzip streams", gz(PLAIN) + gz(PLAIN), "tar-trailing-data"),
    ("bytes after gzip", gz(PLAIN) + b"more", "tar-trailing-data"),
    ("no end mark", gz(PLAIN[:1536]), "tar-truncated"),
    ("cut in a member", gz(PLAIN[:1100]), "tar-truncated"),
    ("one zero block, then a member", gz(PLAIN[:1536] + bytes(512) + PLAIN[512:]), "tar-end"),
    ("a second archive", gz(PLAIN[:1536] + bytes(1024) + PLAIN), "tar-trailing-data"),
    ("a damaged header", gz(b"q" + PLAIN[1:]), "tar-header"),
    ("an unreadable size", gz(changed(tar(FILE), 124, b"xyz")), "tar-header"),
    ("an unknown magic", gz(changed(tar(FILE), 257, b"ustar123")), "tar-odd-header"),
    ("a prefix without magic", gz(changed(changed(tar(FILE), 257, bytes(8)), 345, b"etc")), "tar-odd-header"),
    ("a folder with contents", gz(changed(tar(info("p", bytes(512))), 156, b"5")), "tar-size"),
    ("a link with contents", gz(changed(tar(info("p", bytes(512))), 156, b"2")), "tar-size"),
    ("a file named like a folder", gz(changed(tar(info("p", b"")), 1, b"/")), "tar-folder"),
    ("GNU sparse", gz(changed(tar(FILE), 156, b"S")), "tar-sparse"),
    ("pax sparse", gz(pax(b"25 GNU.sparse.name=p-1/b\n", tar(FILE))), "tar-sparse"),
    ("pax of another size", gz(pax(b"10 size=1\n", tar(FILE))), "tar-pax"),
    ("pax with a key twice", gz(pax(b"10 path=a\n10 path=b\n", tar(FILE))), "tar-pax"),
    ("pax that cannot be read", gz(pax(b"99 path=a\n", tar(FILE))), "tar-pax"),
    ("pax that is not UTF-8", gz(pax(b"10 path=\xff\n", tar(FILE))), "tar-pax"),
    ("two pax headers", gz(pax(b"10 path=a\n", pax(b"10 path=b\n", tar(FILE)))), "tar-pax"),
    ("a global pax path", gz(pax(b"10 path=a\n", tar(FILE), b"g")), "tar-pax"),
    ("a pax and a GNU name", gz(pax(b"10 path=a\n", pax(b"p-1/long\0", tar(FILE), b"L"))), "tar-pax"),
    ("pax before nothing", gz(pax(b"10 path=a\n", bytes(1024))), "tar-truncated"),
    ("binary names", gz(pax(b"21 hdrcharset=BINARY\n", tar(FILE))), "name-control"),
    ("a name that is not UTF-8", gz(changed(tar(FILE), 0, b"\xff")), "name-control"),
    ("a device", gz(tar(info("p-1/null", type=tarfile.CHRTYPE))), "special-member"),
    ("a fifo", gz(tar(info("p-1/fifo", type=tarfile.FIFOTYPE))), "special-member"),
    ("an unknown type", gz(changed(tar(FILE), 156, b"Z")), "special-member"),
    ("setuid", gz(tar(info("p-1/su", b"x", mode=0o4755))), "setuid"),
    ("absolute", gz(tar(info("/etc/passwd", b"x"))), "name-absolute"),
    ("traversal", gz(tar(info("p-1/../../x", b"x"))), "name-traversal"),
    ("a dot part", gz(tar(info("./p-1/x", b"x"))), "name-odd"),
    ("a member twice", gz(tar(FILE, FILE)), "duplicate-member"),
    ("case collision", gz(tar(info("p/A"), info("p/a"))), "name-collision"),
    ("a link outside", gz(tar(info("p/l", type=tarfile.SYMTYPE, linkname="../../etc"))), "link-outside"),
    ("a link to the root's parent", gz(tar(info("p/l", type=tarfile.SYMTYPE, linkname=".."))), "link-outside"),
    ("an absolute link", gz(tar(info("p/l", type=tarfile.SYMTYPE, linkname="/etc"))), "link-outside"),
    ("a link that turns", gz(tar(info("p/d/l", type=tarfile.SYMTYPE, linkname="x/../../y"))), "link-outside"),
    ("a member behind a link", gz(tar(info("p/l", type=tarfile.SYMTYPE, linkname="d"), info("p/l/x"))), "link-through"),
    ("a hard link outside", gz(tar(info("p/l", type=tarfile.LNKTYPE, linkname="../x"))), "link-outside"),
    ("a hard link to nothing", gz(tar(info("p/l", type=tarfile.LNKTYPE, linkname="p/x"))), "link-dangling"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), [pytest.param(d, c, id=what) for what, d, c in HOSTILE])
def test_a_hostile_archive_is_named(data: bytes, code: str) -> None:
    assert code in codes(data)


LONG = "p-1/" + "/".join(["d" * 60] * 3) + "/naïve.py"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize(
    "members",
    [
        [TOP, FILE],
        [FILE],
        [info(LONG, b"x" * 1000)],
        [info("p-1/日本語.py", b"x")],
        [FILE, info("p-1/sub/link", type=tarfile.SYMTYPE, linkname="../a.py")],
        [FILE, info("p-1/hard", type=tarfile.LNKTYPE, linkname="p-1/a.py")],
        [info("p-1/empty", b"")],
        [info("p-1/block", bytes(512))],
    ],
    ids=["plain", "no folder entry", "long name", "Unicode", "link", "hard link", "empty", "a whole block"],
)
def test_what_honest_tools_write_is_read(members: Members, form: int) -> None:
    data = gz(tar(*members, form=form))
    found, problems, unread = read(data)
    assert problems == []
    assert unread == []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
        expected = {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isreg()}  # type: ignore[union-attr]
    assert [member.path for member in found] == names
    assert {member.path: member.data for member in found if member.kind is Kind.FILE} == expected


@pytest.mark.parametrize(
    ("pack", "filename"),
    [
        (gz, "x.tgz"),
        (bz2.compress, "x.tar.bz2"),
        (lambda raw: raw, "x.tar"),
        (lambda raw: gz(raw) + bytes(100), "x.tar.gz"),
    ],
    ids=["gzip", "bzip2", "plain", "padded with zeros"],
)
def test_other_compressions_are_read_for_screening(pack: Callable[[bytes], bytes], filename: str) -> None:
    big = info("p-1/big", bytes(range(256)) * 4000)
    members, problems, _ = read(pack(tar(TOP, FILE, big)), filename)
    assert problems == []
    assert [member.path for member in members] == ["p-1", "p-1/a.py", "p-1/big"]
    assert members[2].data == big[1]


def test_git_archives_global_comment_is_harmless() -> None:
    assert codes(gz(tar(FILE, pax_headers={"comment": "0" * 40}))) == set()


def test_a_bomb_stops_at_the_budget() -> None:
    raw = tar(info("p-1/zeros", bytes(80 * 1024 * 1024)))
    reader = read_archive(io.BytesIO(gz(raw)), "x.tar.gz", Budget(), keep=lambda _path, _size: False)
    assert list(reader) == []
    assert [problem.code for problem in reader.problems] == ["bomb"]
    assert reader.unpacked < 66 * 1024 * 1024


def test_more_members_than_the_budget_are_not_read() -> None:
    members, problems, unread = read(gz(tar(*(info(f"p/{n}") for n in range(20)))), budget=Budget(members=10))
    assert len(members) == 10
    assert [problem.code for problem in problems] == ["too-many-members"]
    assert unread


def test_an_unknown_kind_of_archive_is_said_to_be_unread() -> None:
    members, problems, unread = read(b"MZ", "x.exe")
    assert members == []
    assert [problem.code for problem in problems] == ["unknown-archive"]
    assert unread
