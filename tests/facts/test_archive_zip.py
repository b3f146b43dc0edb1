"""The zip reader: what every parser reads alike is read, what they read differently is a problem with a code."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from bonded.facts.archive import Budget, Kind, Member, Problem, read_archive
from tests.facts.rawzip import Raw, build, descriptor


def read(data: bytes, budget: Budget | None = None) -> tuple[list[Member], list[Problem], list[str]]:
    reader = read_archive(io.BytesIO(data), "x.whl", budget or Budget(), keep=lambda _path, _size: True)
    members = list(reader)
    return members, reader.problems, reader.unread


def codes(data: bytes, budget: Budget | None = None) -> set[str]:
    return {problem.code for problem in read(data, budget)[1]}


A = Raw(b"a.py", b"x = 1\n")
B = Raw(b"b.py", b"y = 2\n" * 50)


def zip64(*values: int) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)


def streamed(name: bytes, data: bytes, **more: bool) -> Raw:
    member = Raw(name, data, flags=8, local={"crc": 0, "packed": 0, "size": 0})
    member.descriptor = descriptor(member, **more)
    return member


def overlapping() -> bytes:
    first = Raw(b"a", b"x" * 100, method=0)
    return build(first, Raw(b"b", b"x" * 100, method=0, central={"offset": 0}))


def prefixed() -> bytes:
    return b"#!/bin/sh\n" + build(A)


def lying_descriptor() -> Raw:
    member = streamed(b"a", b"hello")
    member.descriptor = descriptor(Raw(b"a", b"hellp"))
    return member


def two_ends() -> bytes:
    inner = build(A)
    return build(B, comment=inner[-22:])


HOSTILE = {
    "zip-no-end": b"not a zip archive at all",
    "zip-trailing-data": build(A, after=b"more"),
    "zip-comment": build(A, comment=b"PK\1\2"),
    "zip-count": build(A, end={"entries": 2}),
    "zip-directory": build(A, end={"size": 10_000}),
    "zip-gap": build(A, gap=b"hidden"),
    "zip-local": build(Raw(b"a.py", b"x", local={"name": b"b.py"})),
    "zip-contents": build(Raw(b"a", b"hello", central={"crc": 1}, local={"crc": 1})),
    "zip-deflate": build(Raw(b"a", b"\xff\xff\xff", method=0, local={"method": 8}, central={"method": 8})),
    "zip-method": build(Raw(b"a", b"x", method=12)),
    "zip-encrypted": build(Raw(b"a", b"x", flags=1)),
    "zip-descriptor": build(lying_descriptor()),
    "zip-extra": build(Raw(b"a", b"x", extra=struct.pack("<HH4s", 0x7075, 4, b"\1abc"))),
    "zip-zip64": build(Raw(b"a", b"x", central={"size": 0xFFFFFFFF})),
    "zip-name-encoding": build(Raw("é".encode(), b"x")),
    "zip-link": build(Raw(b"a", b"/etc/passwd", mode=0o120777)),
    "zip-folder": build(Raw(b"a/", b"contents", mode=0o40755)),
    "special-member": build(Raw(b"a", b"", mode=0o20644)),
    "setuid": build(Raw(b"a", b"", mode=0o104755)),
    "duplicate-member": build(A, A),
    "name-collision": build(Raw(b"A.py", b""), Raw(b"a.py", b"")),
    "name-traversal": build(Raw(b"../a", b"")),
    "name-absolute": build(Raw(b"/etc/passwd", b"")),
    "name-backslash": build(Raw(b"a\\..\\b", b"")),
    "name-control": build(Raw(b"a\0.py", b"")),
    "name-odd": build(Raw(b"a//b", b"")),
    "name-empty": build(Raw(b"", b"")),
    "name-deep": build(Raw(b"a/" * 70 + b"b", b"")),
    "name-long": build(Raw(b"a" * 300, b"")),
}


@pytest.mark.parametrize("code", HOSTILE)
def test_a_hostile_archive_is_named(code: str) -> None:
    assert code in codes(HOSTILE[code])


@pytest.mark.parametrize(
    ("what", "data", "code"),
    [
        ("bytes before the archive", prefixed(), "zip-gap"),
        ("a second end record", two_ends(), "zip-directory"),
        ("members that overlap", overlapping(), "zip-gap"),
        ("bytes between members", build(A, Raw(b"b", b"", before=b"junk")), "zip-gap"),
        ("bytes before the first member", build(Raw(b"b", b"", before=b"junk")), "zip-gap"),
        ("a comment on an entry", build(Raw(b"a", b"", comment=b"hello")), "zip-comment"),
        ("a drive letter", build(Raw(b"C:/a", b"")), "name-absolute"),
        ("a file as a folder", build(Raw(b"a", b""), Raw(b"a/b", b"")), "name-collision"),
        ("a folder as a file", build(Raw(b"a/b", b""), Raw(b"a", b"")), "name-collision"),
        ("one name in two Unicode forms", build(Raw("\u00e9".encode(), flags=0x800), Raw("e\u0301".encode(), flags=0x800)), "name-collision"),
        ("a name that is not UTF-8", build(Raw(b"\xff\xfe", b"", flags=0x800)), "zip-name-encoding"),
        ("sizes that differ", build(Raw(b"a", b"hello", local={"size": 4})), "zip-local"),
        ("methods that differ", build(Raw(b"a", b"", local={"method": 0})), "zip-local"),
        ("more bytes than it says", build(Raw(b"a", b"hello", local={"size": 4}, central={"size": 4})), "zip-contents"),
        ("fewer bytes than it says", build(Raw(b"a", b"hello", local={"size": 9}, central={"size": 9})), "zip-contents"),
        ("a stored member with two sizes", build(Raw(b"a", b"hello", method=0, local={"size": 4}, central={"size": 4})), "zip-contents"),
        ("a missing descriptor", build(Raw(b"a", b"x", flags=8)), "zip-descriptor"),
        ("a descriptor that no flag names", build(Raw(b"a", b"x", descriptor=b"PK\7\x08" + bytes(12))), "zip-gap"),
        ("too many zip64 values", build(Raw(b"a", b"x", central_extra=zip64(5, 6), central={"size": 0xFFFFFFFF})), "zip-zip64"),
        ("zip64 values that differ", build(Raw(b"a", b"x", central_extra=zip64(5))), "zip-zip64"),
        ("a local zip64 field with one value", build(Raw(b"a", b"x", extra=zip64(1), central_extra=b"", local={"size": 0xFFFFFFFF})), "zip-zip64"),
        ("two zip64 fields", build(Raw(b"a", b"x", extra=zip64(1, 3) * 2)), "zip-zip64"),
        ("an extra field that reaches too far", build(Raw(b"a", b"x", extra=b"\x99\x99\xff\x00abc")), "zip-extra"),
        ("stray bytes after the extra fields", build(Raw(b"a", b"x", extra=b"abc")), "zip-extra"),
        ("a folder by its attributes only", build(Raw(b"a", b"", mode=0o40755)), "zip-folder"),
        ("a folder by DOS attributes only", build(Raw(b"a", b"", system=0, attributes=0x10)), "zip-folder"),
        ("a symbolic link from another system", build(Raw(b"a", b"b", system=0, mode=0o120777)), "zip-link"),
        ("an end record that asks for zip64", build(A, end={"entries": 0xFFFF}), "zip-zip64"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_lie_in_one_field_is_found(what: str, data: bytes, code: str) -> None:
    assert code in codes(data), what


def by_zipfile(names: int, **more: object) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **more) as archive:  # type: ignore[call-overload]
        for n in range(names):
            with archive.open(zipfile.ZipInfo(f"pkg/m{n}.py", (2026, 1, 1, 0, 0, 0)), "w", force_zip64=True) as member:
                member.write(b"x = %d\n" % n)
    return buffer.getvalue()


class Unseekable(io.RawIOBase):
    """A pipe: zipfile then writes data descriptors."""

    def __init__(self) -> None:
        self.out = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.out += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def piped(*, zip64: bool) -> bytes:
    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for n in range(3):
            with archive.open(f"m{n}.py", "w", force_zip64=zip64) as member:
                member.write(b"x = 1\n" * n)
    return bytes(pipe.out)


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (build(A, B), 2),
        (build(), 0),
        (build(A, comment=b"made by hand"), 1),
        (by_zipfile(300), 300),
        (piped(zip64=False), 3),
        (piped(zip64=True), 3),
        (build(streamed(b"a", b"hello", signature=False)), 1),
        (build(streamed(b"a", b"hello", wide=True, signature=False), B), 2),
        (build(Raw("naïve/日本語.py".encode(), b"x", flags=0x800)), 1),
        (build(Raw(b"a/", b"", method=0, mode=0o40755), Raw(b"a/b", b"x")), 2),
        (build(Raw(b"a", b"x", extra=struct.pack("<HH5s", 0x5455, 5, b"\1abcd"), central_extra=b"")), 1),
        (build(Raw(b"a", b"x", central_extra=zip64(1, 3))), 1),
        (build(Raw(b"a", build(A, B), method=0)), 1),
        (build(Raw(b"empty", b"")), 1),
    ],
    ids=[
        "plain", "nothing", "comment", "zip64", "piped", "piped zip64", "short descriptor", "wide descriptor", "Unicode",
        "folders", "timestamps", "repeated zip64", "zip in zip", "empty member",
    ],
)  # fmt: skip
def test_what_honest_tools_write_is_read(data: bytes, count: int) -> None:
    members, problems, unread = read(data)
    assert problems == []
    assert unread == []
    assert len(members) == count
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    assert {member.path: member.data for member in members if member.kind is Kind.FILE} == expected


@pytest.mark.slow
def test_an_archive_of_70000_members_is_read_within_a_larger_budget() -> None:
    members = [Raw(b"%d" % n, b"", method=0) for n in range(70_000)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in members:
            archive.writestr(zipfile.ZipInfo(member.name.decode()), b"")
    data = buffer.getvalue()
    assert codes(data, Budget(members=80_000)) == set()
    assert codes(data) == {"too-many-members"}


def test_a_bomb_stops_at_the_budget_and_is_said_to_be_unread() -> None:
    bomb = build(Raw(b"bomb", bytes(80 * 1024 * 1024)))
    reader = read_archive(io.BytesIO(bomb), "x.whl", Budget(), keep=lambda _path, _size: False)
    assert list(reader) == []
    assert [problem.code for problem in reader.problems] == ["bomb"]
    assert reader.unread
    assert reader.unpacked < 66 * 1024 * 1024


def test_sizes_that_lie_do_not_buy_memory() -> None:
    """The header says 4 bytes, the stream holds 50 MB: reading stops one byte beyond what was said."""
    packed = zlib.compress(bytes(50_000_000), 9)[2:-4]
    member = Raw(b"a", packed, method=0, local={"method": 8, "size": 4}, central={"method": 8, "size": 4})
    reader = read_archive(io.BytesIO(build(member)), "x.whl", Budget(), keep=lambda _path, _size: True)
    list(reader)
    assert reader.unpacked == 5


def test_contents_over_the_kept_budget_are_hashed_but_said_to_be_unread() -> None:
    members, problems, unread = read(build(A, B), Budget(member_kept_bytes=100))
    assert problems == []
    assert [member.data is None for member in members] == [False, True]
    assert all(member.sha256 for member in members)
    assert unread == ["b.py: 300 bytes are over the budget of what is kept"]


def test_further_digests_are_computed_when_asked_for() -> None:
    reader = read_archive(
        io.BytesIO(build(A)), "x.whl", Budget(), keep=lambda _path, _size: False, algorithms=("sha512",)
    )
    (member,) = reader
    assert len(member.digests["sha512"]) == 128
