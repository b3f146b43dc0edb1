"""An archive is read in the form that its bytes have, whatever its name says; every form of a polyglot is read."""

from __future__ import annotations

import io
import lzma
import zipfile

import pytest

from bonded.facts.archive import is_archive
from bonded.facts.layout import SDIST, WHEEL, kind_in
from bonded.facts.read import read as facts_of
from tests.facts.test_archive_tar import FILE, TOP, gz, info, pax, read, tar

PLAIN = tar(TOP, FILE)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "filename", "code", "paths"),
    [
        (zipped(a=b"1"), "x.tar.gz", "tar-gzip", ["a"]),
        (zipped(a=b"1"), "x.tar.bz2", "tar-bzip2", ["a"]),
        (gz(PLAIN), "x.zip", "zip-no-end", ["p-1", "p-1/a.py"]),
        (gz(PLAIN), "x.whl", "zip-no-end", ["p-1", "p-1/a.py"]),
        (PLAIN, "x.tar.gz", "tar-gzip", ["p-1", "p-1/a.py"]),
        (gz(PLAIN), "x.exe", "unknown-archive", ["p-1", "p-1/a.py"]),
        (lzma.compress(PLAIN), "x.tar.gz", "tar-gzip", ["p-1", "p-1/a.py"]),
    ],
    ids=["zip as gzip", "zip as bzip2", "gzip as zip", "gzip as wheel", "tar as gzip", "gzip as exe", "xz as gzip"],
)
def test_the_bytes_say_the_form_and_the_name_is_noted(data: bytes, filename: str, code: str, paths: list[str]) -> None:
    members, problems, unread = read(data, filename)
    assert [member.path for member in members] == paths
    assert code in {problem.code for problem in problems}
    assert unread == []


def test_a_zip_behind_a_gzip_is_read_as_well() -> None:
    members, problems, _ = read(gz(PLAIN) + zipped(hidden=b"1"), "x.tar.gz")
    assert [member.path for member in members] == ["p-1", "p-1/a.py", "hidden"]
    assert {problem.code for problem in problems} == {"tar-gzip", "tar-trailing-data"}


def test_a_zip_behind_a_program_is_read_and_noted() -> None:
    members, problems, unread = read(b"MZ" + bytes(1000) + zipped(a=b"1"), "x.whl")
    assert [member.path for member in members] == ["a"]
    assert {problem.code for problem in problems} == {"zip-gap"}
    assert unread == []


def test_a_damaged_first_form_does_not_hide_the_second() -> None:
    members, problems, _ = read(gz(PLAIN)[:-30] + zipped(hidden=b"1"), "x.tar.gz")
    assert "hidden" in [member.path for member in members]
    assert "tar-gzip" in {problem.code for problem in problems}


def test_xz_is_read() -> None:
    assert is_archive("x.tar.xz")
    members, problems, _ = read(lzma.compress(PLAIN), "x.tar.xz")
    assert ([member.path for member in members], problems) == (["p-1", "p-1/a.py"], [])
    assert {one.code for one in read(b"\xfd7zXZ\0 and no more", "x.tar.xz")[1]} == {"tar-xz"}


def test_an_end_record_that_leads_nowhere_is_no_archive() -> None:
    data = gz(PLAIN) + b"PK\5\6" + bytes(18)
    members, problems, _ = read(data, "x.tar.gz")
    assert len(members) == 2
    assert {problem.code for problem in problems} == {"tar-trailing-data"}


def test_a_pax_header_in_another_encoding_does_not_end_the_reading() -> None:
    members, problems, unread = read(gz(pax(b"15 path=p-1/\xff\xfe\n", tar(info("p-1/x", b"1")))))
    assert len(members) == 1
    assert "tar-pax" in {problem.code for problem in problems}
    assert unread == []


def test_the_kind_is_what_installers_make_of_it() -> None:
    wheel = ["sample/__init__.py", "sample-1.dist-info/METADATA"]
    assert kind_in(wheel, SDIST) == WHEEL
    assert kind_in([*wheel, "setup.py"], SDIST) == SDIST
    assert kind_in(["sample-1/setup.py"], SDIST) == SDIST
    assert kind_in([*wheel, "setup.py"], WHEEL) == WHEEL


def test_a_wheel_under_an_sdists_name_is_read_as_a_wheel() -> None:
    data = zipped(**{"sample/a.py": b"import os\nos.system('x')\n", "sample-1.dist-info/METADATA": b"Name: sample\n"})
    facts = facts_of(io.BytesIO(data), "sample-1-py3-none-any.tar.gz")
    assert (facts.kind, facts.name) == (WHEEL, "sample")
    assert [module.path for module in facts.modules] == ["sample/a.py"]
    assert [trouble.code for trouble in facts.troubles] == ["tar-gzip"]
