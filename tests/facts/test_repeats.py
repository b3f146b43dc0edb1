"""What was unpacked before is not unpacked again, and nothing that an archive says of it is believed any sooner."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from typing import Any

import pytest

from bonded.facts import archive_zip
from bonded.facts.archive import Budget, read_archive
from bonded.facts.archive_repeats import LEAST, MOST, Repeats, Unpacked, unpacked_of
from bonded.facts.sources import Sources
from tests.facts.rawzip import Raw, build, descriptor

CODE = Raw(b"a/code.py", b"".join(b"x%d = %d\n" % (n, n * n) for n in range(400)))
BINARY = Raw(b"a/core.so", b"\x7fELF" + bytes(range(256)) * 40)
SOUND = build(CODE, BINARY)


def seen(data: bytes, known: dict[str, Unpacked] | None = None, budget: Budget | None = None) -> tuple[Any, ...]:
    """All that a reader of the archive is told; contents that come later are fetched."""
    reader = read_archive(
        io.BytesIO(data),
        "a.whl",
        budget or Budget(),
        keep=lambda path, _size: path.endswith(".py"),
        repeats=Repeats(known),
        later=lambda path: path.endswith(".py"),
    )
    members = [replace(one, data=one.later(), later=None) if one.later else one for one in reader]
    return members, reader.problems, reader.unread, reader.unpacked


def noted(data: bytes, known: dict[str, Unpacked] | None = None) -> dict[str, Unpacked]:
    found: dict[str, Unpacked] = {}
    list(
        read_archive(
            io.BytesIO(data), "a.whl", Budget(), keep=lambda _path, _size: False, repeats=Repeats(known, found)
        )
    )
    return found


def test_known_members_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    known, fresh = noted(SOUND), seen(SOUND)
    assert len(known) == 2
    monkeypatch.setattr(archive_zip, "_inflated", None)
    assert seen(SOUND, known) == fresh
    assert noted(SOUND, known) == known, "and are known to the next archive, too"


def test_only_what_came_whole_is_noted() -> None:
    assert noted(build(Raw(b"small.py", b"x" * (LEAST - 1)))) == {}
    assert noted(build(replace(CODE, method=0))) == {}, "nothing is gained by knowing what is stored as it is"
    for what in LIES.keys() - {"another member first"}:
        assert set(noted(LIES[what])) <= set(noted(SOUND))
    assert noted(LIES["checksum"]) == noted(LIES["junk in the packed bytes"]) == {}


def both(**fields: object) -> Raw:
    return replace(CODE, local=dict(fields), central=dict(fields))


JUNK = CODE.packed() + b"junk"
LIES = {
    "checksum": build(both(crc=1)),
    "size": build(both(size=len(CODE.data) - 1)),
    "a longer size": build(both(size=len(CODE.data) + 1)),
    "checksum in one header": build(replace(CODE, central={"crc": 1})),
    "fewer packed bytes": build(both(packed=len(CODE.packed()) - 1), BINARY),
    "more packed bytes": build(both(packed=len(CODE.packed()) + 9), BINARY),
    "junk in the packed bytes": build(
        replace(
            CODE,
            data=JUNK,
            method=0,
            local={"method": 8, "crc": zlib.crc32(CODE.data), "size": len(CODE.data)},
            central={"method": 8, "crc": zlib.crc32(CODE.data), "size": len(CODE.data)},
        )
    ),
    "twice the same bytes": build(CODE, replace(CODE, name=b"b/code.py", central={"offset": 0}), BINARY),
    "another name inside": build(replace(CODE, local={"name": b"a/evil.py"})),
    "a link": build(replace(CODE, mode=0o120777)),
    "a device": build(replace(CODE, mode=0o20644)),
    "setuid": build(replace(CODE, mode=0o104755)),
    "a folder": build(replace(CODE, name=b"a/code/", mode=0o40755)),
    "encrypted": build(replace(CODE, flags=1)),
    "a descriptor": build(replace(CODE, flags=8, descriptor=descriptor(CODE))),
    "a lying descriptor": build(replace(CODE, flags=8, descriptor=descriptor(BINARY))),
    "the same name twice": build(CODE, CODE),
    "stored": build(replace(CODE, method=0)),
    "an odd kind of code": build(replace(CODE, name=b"a/code.txt")),
    "another member first": build(Raw(b"new.py", b"y = 1\n" * 900), CODE, BINARY),
    "the end is missing": SOUND[:-30],
    "bytes are missing": SOUND[:400] + SOUND[500:],
}


@pytest.mark.parametrize("what", sorted(LIES))
def test_a_lie_is_found_as_if_nothing_was_known(what: str) -> None:
    fresh = seen(LIES[what])
    for known in (noted(SOUND), noted(LIES[what]), noted(SOUND) | noted(LIES[what])):
        assert seen(LIES[what], known)[:3] == fresh[:3]


@pytest.mark.parametrize(
    "budget",
    [
        Budget(total_bytes=len(CODE.data) + 100),
        Budget(total_bytes=100),
        Budget(ratio=2, ratio_from=1000),
        Budget(kept_bytes=1000),
        Budget(member_kept_bytes=1000),
        Budget(members=1),
    ],
)
def test_what_is_known_counts_against_every_budget(budget: Budget) -> None:
    assert seen(SOUND, noted(SOUND), budget)[:3] == seen(SOUND, None, budget)[:3]


def test_bytes_are_read_once_however_often_a_directory_names_them() -> None:
    """Sixty entries over the same megabyte: it is not hashed for each of them."""
    large = Raw(b"large.so", bytes(range(256)) * 8192, method=8)
    many = [replace(large, name=b"%d.so" % n, central={"offset": 0}) for n in range(60)]
    raw = build(large, *many)
    reading = Counted(raw)
    list(read_archive(reading, "a.whl", Budget(), keep=lambda *_: False, repeats=Repeats(noted(build(large)))))
    fresh = Counted(raw)
    list(read_archive(fresh, "a.whl", Budget(), keep=lambda *_: False))
    assert reading.count <= fresh.count + len(large.packed())


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.count += len(found)
        return found


def test_no_more_is_noted_than_that() -> None:
    full: dict[str, Unpacked] = {str(n): Unpacked("0" * 64, LEAST, n, "") for n in range(MOST)}
    list(read_archive(io.BytesIO(SOUND), "a.whl", Budget(), keep=lambda *_: False, repeats=Repeats(None, full)))
    assert len(full) == MOST


def test_what_makes_no_sense_is_nothing_known() -> None:
    good = ["0" * 64, 5, 6, "head"]
    assert unpacked_of(good) == Unpacked("0" * 64, 5, 6, "head")
    for bad in (None, {}, [], good[:3], ["0" * 63, 5, 6, ""], [*good[:1], "5", 6, ""], ["0" * 64, -1, 6, ""]):
        assert unpacked_of(bad) is None


def test_sources_unpack_when_they_are_asked_for() -> None:
    asked: list[str] = []
    sources = Sources()
    sources.put("here.py", b"here")
    sources.put_later("later.py", 5, lambda: asked.append("later.py") or b"later")  # type: ignore[func-returns-value]
    assert (list(sources), len(sources), "later.py" in sources, asked) == (["here.py", "later.py"], 2, True, [])
    assert sources.sizes == {"here.py": 4, "later.py": 5}
    assert (sources["later.py"], sources.get("later.py"), sources["here.py"]) == (b"later", b"later", b"here")
    assert asked == ["later.py"]
    sources.put_later("here.py", 3, lambda: b"new")
    sources.put("later.py", b"no")
    assert (sources["here.py"], sources["later.py"], sources.sizes) == (b"new", b"no", {"here.py": 3, "later.py": 2})
