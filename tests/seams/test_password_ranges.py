"""PasswordRanges: a sorted file, a folder of files, and none give the same answers as a plain search."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from bonded.accounts import breached
from bonded.adapters.ranges_file import FileRanges, NoRanges
from bonded.seams import PasswordRanges
from bonded.values.refusals import Refusal

LEAKED = [f"password {number}" for number in range(3000)]
HASHES = sorted(hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper() for one in LEAKED)


@pytest.fixture(
    params=["counted", "plain", "lower case", "CRLF", "cut off", "no last line end", "folder", "folder of .txt"]
)
def ranges(request: pytest.FixtureRequest, tmp_path: Path) -> PasswordRanges:
    path, form = tmp_path / "leaked", str(request.param)
    if form.startswith("folder"):
        path.mkdir()
        for one in HASHES:
            with (path / (one[:5] + (".txt" if form.endswith(".txt") else ""))).open("a") as file:
                file.write(f"{one[5:]}:3\r\n")
        return FileRanges(path)
    lines = {"counted": [f"{one}:{n}" for n, one in enumerate(HASHES)], "cut off": [one[:12] for one in HASHES]}
    ends = {"CRLF": "\r\n"}.get(form, "\n")
    text = ends.join(lines.get(form, HASHES)) + ("" if form == "no last line end" else ends)
    path.write_bytes((text.lower() if form == "lower case" else text).encode())
    return FileRanges(path)


def test_each_leaked_password_is_known_and_no_other(ranges: PasswordRanges) -> None:
    chosen = random.Random(7).sample(LEAKED, 300)
    firsts = {hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper(): one for one in LEAKED}
    for one in [*chosen, firsts[HASHES[0]], firsts[HASHES[-1]]]:
        assert breached.known(ranges, one), one
    for number in range(300):
        assert not breached.known(ranges, f"another {number}")
    with pytest.raises(Refusal, match="known from leaks"):
        breached.check(ranges, chosen[0])


def test_a_range_is_the_rest_of_each_hash_that_begins_so(ranges: PasswordRanges) -> None:
    for prefix in ("00000", "FFFFF", HASHES[0][:5], HASHES[1500][:5], HASHES[-1][:5]):
        found = sorted(one[:7] for one in ranges.range(prefix))
        assert found == [one[5:12] for one in HASHES if one.startswith(prefix)]


def test_no_list_and_a_lost_list_know_nothing(tmp_path: Path) -> None:
    assert not breached.known(NoRanges(), "password 1")
    assert not breached.known(FileRanges(tmp_path / "gone"), "password 1")
    (tmp_path / "empty").touch()
    assert not breached.known(FileRanges(tmp_path / "empty"), "password 1")
    (tmp_path / "junk").write_bytes(bytes(range(256)) * 100)
    assert not breached.known(FileRanges(tmp_path / "junk"), "password 1")


def test_a_list_that_is_cut_too_short_does_not_hit_everybody(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("".join(f"{one[:7]}\n" for one in HASHES))
    assert not breached.known(FileRanges(tmp_path / "short"), LEAKED[0])
