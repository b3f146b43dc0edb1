"""What the reader accepts, every other parser reads alike: zipfile, bsdtar, unzip and 7z agree on names and bytes.

Property tests over archives with random contents and random damage: whatever the bytes, reading ends, raises nothing, and
says the same twice; and where it finds no problem, nobody else sees anything else.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bonded.facts.archive import Budget, Kind, read_archive
from tests.facts.rawzip import Raw, build, descriptor
from tests.facts.test_archive_tar import gz, info, tar

SMALL = Budget(total_bytes=4_000_000, members=200)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

names = st.from_regex(r"\A[a-zA-Zéß日_][a-z0-9_.]{0,6}(/[a-z_é][a-z0-9_]{0,5}){0,3}\Z")
contents = st.dictionaries(names, st.binary(max_size=300), max_size=6)


def everything(data: bytes, filename: str) -> tuple[dict[str, bytes], list[str]]:
    """Files by path, and the codes of all problems."""
    reader = read_archive(io.BytesIO(data), filename, SMALL, keep=lambda _path, _size: True)
    files = {member.path: member.data or b"" for member in reader if member.kind is Kind.FILE}
    return files, [problem.code for problem in reader.problems]


def zipped(files: dict[str, bytes], streamed: bool) -> bytes:
    members = []
    for path, data in files.items():
        raw = path.encode()
        member = Raw(raw, data, flags=0 if path.isascii() else 0x800, method=8 if len(data) % 2 else 0)
        if streamed:
            member.flags |= 8
            member.local = {"crc": 0, "packed": 0, "size": 0}
            member.descriptor = descriptor(member)
        members.append(member)
    return build(*members)


def damaged(data: bytes, seed: int) -> bytes:
    """`data` with one to three bytes changed, or a piece cut out, doubled or moved."""
    rnd = random.Random(seed)
    out = bytearray(data)
    for _ in range(rnd.randint(1, 3)):
        at = rnd.randrange(len(out))
        match rnd.randint(0, 5):
            case 0 | 1 | 2:
                out[at] = rnd.randrange(256)
            case 3:
                del out[at : at + rnd.randint(1, 8)]
            case 4:
                out[at:at] = out[at : at + rnd.randint(1, 40)]
            case _:
                out[at:at] = bytes(rnd.randint(1, 16))
        if not out:
            break
    return bytes(out)


def by_zipfile(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}


def by_program(data: bytes, filename: str, *command: str) -> dict[str, bytes]:
    """What an unpacking program leaves in an empty folder; its warnings count as failures."""
    with tempfile.TemporaryDirectory(prefix="b-") as where:
        source, out = Path(where, filename), Path(where, "out")
        source.write_bytes(data)
        out.mkdir()
        subprocess.run(
            [part.format(source=source, out=out) for part in command],
            check=True,
            capture_output=True,
            cwd=out,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            timeout=30,
        )
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


PROGRAMS = {
    "unzip": ("unzip", "-qq", "-o", "{source}", "-d", "{out}"),
    "7z": ("7z", "x", "-y", "-bd", "-o{out}", "{source}"),
    "bsdtar": ("bsdtar", "-x", "-f", "{source}", "-C", "{out}"),
}


def agree(data: bytes, files: dict[str, bytes]) -> None:
    assert by_zipfile(data) == files
    for name, command in PROGRAMS.items():
        if not files and name in ("unzip", "bsdtar"):
            continue  # they call an empty archive an error; there is nothing to disagree about
        assert by_program(data, "x.zip", *command) == files, name


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    assert not missing, f"install {missing}: ./dev setup does"


@QUICK
@given(contents, st.booleans())
def test_right_zips_are_accepted_with_their_contents(files: dict[str, bytes], streamed: bool) -> None:
    data = zipped(files, streamed)
    found, problems = everything(data, "x.whl")
    if not problems:
        assert found == files == by_zipfile(data)
    else:
        assert set(problems) <= {"name-collision", "name-odd"}, problems


@settings(QUICK, max_examples=8)
@given(contents, st.booleans())
def test_four_parsers_agree_on_right_zips(files: dict[str, bytes], streamed: bool) -> None:
    data = zipped(files, streamed)
    found, problems = everything(data, "x.whl")
    if not problems:
        agree(data, found)


@QUICK
@given(st.binary(max_size=2000), st.sampled_from(["x.whl", "x.tar.gz", "x.tar", "x.tar.bz2", "x"]))
def test_any_bytes_are_read_to_an_end(data: bytes, filename: str) -> None:
    assert everything(data, filename) == everything(data, filename)


@settings(QUICK, max_examples=150)
@given(contents, st.booleans(), st.integers(0, 10**9))
def test_damaged_zips_are_found_or_mean_the_same_to_zipfile(files: dict[str, bytes], streamed: bool, seed: int) -> None:
    data = damaged(zipped(files, streamed), seed)
    found, problems = everything(data, "x.whl")
    if not problems:
        assert found == by_zipfile(data)


def harmless_damage(count: int) -> list[bytes]:
    """Damaged archives that the reader accepts all the same: in times, version numbers, attributes."""
    rnd = random.Random(7)
    accepted: list[bytes] = []
    seed = 0
    while len(accepted) < count:
        seed += 1
        files = {f"m{n}/f.py": rnd.randbytes(rnd.randint(0, 80)) for n in range(rnd.randint(1, 3))}
        data = damaged(zipped(files, bool(seed % 2)), seed)
        if not everything(data, "x.whl")[1]:
            accepted.append(data)
    return accepted


def test_four_parsers_agree_on_damaged_zips_that_are_accepted() -> None:
    for data in harmless_damage(8):
        agree(data, everything(data, "x.whl")[0])


@pytest.mark.slow
def test_four_parsers_agree_on_many_damaged_zips_that_are_accepted() -> None:
    for data in harmless_damage(400):
        agree(data, everything(data, "x.whl")[0])


def by_tarfile(data: bytes, mode: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data), mode=mode) as archive:  # type: ignore[call-overload]
        return {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}  # type: ignore[union-attr]


@QUICK
@given(contents, st.integers(0, 10**9), st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
def test_damaged_tars_are_found_or_mean_the_same_to_tarfile(files: dict[str, bytes], seed: int, form: int) -> None:
    raw = tar(*(info("p/" + path, data) for path, data in files.items()), form=form)
    data = gz(damaged(raw, seed) if seed % 3 else raw)
    found, problems = everything(data, "x.tar.gz")
    if not problems:
        assert found == by_tarfile(data, "r:gz") == by_tarfile(data, "r|gz")


def test_programs_agree_on_a_right_tar() -> None:
    files = {"p/a.py": b"x = 1\n", "p/naïve/日本語.py": b"y\n", "p/" + "long/" * 40 + "z.py": bytes(2000)}
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        data = gz(tar(*(info(path, content) for path, content in files.items()), form=form))
        assert everything(data, "x.tar.gz") == (files, [])
        assert by_program(data, "x.tar.gz", "tar", "-xzf", "{source}", "-C", "{out}") == files
        assert by_program(data, "x.tar.gz", *PROGRAMS["bsdtar"]) == files
