"""A transcript can be checked by anybody afterwards, and cannot be changed by anybody afterwards."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bonded.tuf.ceremony_folder import BUNDLE, CeremonyFolder, lines_value, open_ceremony, read_lines
from bonded.tuf.ceremony_state import read_state
from bonded.tuf.transcript import CeremonyRefused, Line, next_line
from tests.tuf_offline.machines import Meeting


def chained(entries: list[dict[str, Any]]) -> list[Line]:
    """Lines as somebody would write them who can compute digests too."""
    lines: list[Line] = []
    for entry in entries:
        lines.append(next_line(lines, entry))
    return lines


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every text, number and mark of a value is."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(item, (*at, key))
    else:
        yield at


def changed(value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value and all(c in "0123456789abcdef" for c in value):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value.replace("2026", "2025").replace("2027", "2028") if "2026" in value or "2027" in value else value + "x"


def test_it_is_verified_by_a_command_of_its_own(finished: Meeting) -> None:
    said = finished.desk.said("tuf", "verify-transcript", finished.bundle, "--root", finished.folder / "root.json")
    lines = said.splitlines()
    assert "begun for https://packages.example.org/, a new index" in lines[0]
    assert sum("root key of" in line for line in lines) == 3
    assert "signed with a one-time key, destroyed" in said
    assert "signed by alice: root" in lines[-3]
    assert "signed by bob: root" in lines[-2]
    assert lines[-1].startswith("every line and every signature verifies; last digest ")
    assert finished.desk.said("tuf", "verify-transcript", finished.folder) == said


def test_another_root_is_not_of_this_ceremony(finished: Meeting, tmp_path: Path) -> None:
    other = tmp_path / "root.json"
    other.write_bytes((finished.folder / "root.json").read_bytes().replace(b"2027", b"2028"))
    sentence = finished.desk.refused("tuf", "verify-transcript", finished.bundle, "--root", other)
    assert sentence == f"{other} was not made in this ceremony"


def test_an_unfinished_one_is_not_verified(prepared: Meeting) -> None:
    prepared.alice.signs(prepared.folder)
    sentence = prepared.desk.refused("tuf", "verify-transcript", prepared.folder)
    assert sentence.startswith("signatures are missing: step 1, root version 1: 1 signature missing; signed by alice")


def test_no_word_in_it_can_be_changed(finished: Meeting) -> None:
    """Each text, number and mark of each line, the digests of all lines after it computed anew: refused, every one."""
    entries = [line.entry for line in finished.state().lines]
    tried = 0
    for number, entry in enumerate(entries):
        for path in paths(entry):
            forged = copy.deepcopy(entries)
            inner = forged[number]
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = changed(inner[path[-1]])
            with pytest.raises(CeremonyRefused):
                read_state(chained(forged))
                pytest.fail(f"line {number + 1}: {path} was changed, and nobody saw it")
            tried += 1
    assert tried > 100


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e[:1] + e[2:],  # a key that was there
        lambda e: [*e[:-2], e[-1]],  # alice's statement
        lambda e: [*e[:4], e[4], e[4], *e[5:]],  # a line twice
        lambda e: e[:1] + e[2:0:-1] + e[3:],  # two lines the other way round
        lambda e: [*e, {**e[-1], "note": "and everybody was happy"}],
        lambda e: [*e[:-1], {**e[-1], "note": "and everybody was happy"}],
        lambda e: [*e, {"what": "drop", "at": e[0]["at"], "who": "root", "keyid": e[1]["key"]["keyid"]}],
        lambda e: [*e, {"what": "nothing", "at": e[0]["at"]}],
    ],
    ids=["left-out", "no-statement", "twice", "swapped", "added", "longer", "later", "unknown"],
)
def test_no_line_can_come_or_go(
    finished: Meeting, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    entries = [line.entry for line in finished.state().lines]
    with pytest.raises(CeremonyRefused):
        read_state(chained(change(entries)))


def test_a_broken_chain_is_named(finished: Meeting, tmp_path: Path) -> None:
    """Without computing digests anew it is found at once, and the line is said."""
    lines = finished.state().lines
    third = Line(lines[2].n, lines[2].previous, {**lines[2].entry, "made": "here"})
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(lines_value(BUNDLE, [*lines[:2], third, *lines[3:]]))
    sentence = finished.desk.refused("tuf", "verify-transcript", bundle)
    assert sentence == "line 4 of the transcript does not follow line 3: one of them was changed"
    bundle.write_bytes(lines_value(BUNDLE, [*lines[:3], *lines[4:]]))
    sentence = finished.desk.refused("tuf", "verify-transcript", bundle)
    assert sentence == "line 4 of the transcript is missing: line 5 stands in its place"


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b'{"_type":"bonded-ceremony-bundle"}', b'{"_type":"bonded-ceremony-bundle","lines":[]}',
     b'{"_type":"bonded-ceremony-bundle","lines":["{}"]}', b'{"_type":"bonded-ceremony-bundle","lines":[1,2]}',
     b'{"_type":"other","lines":[]}', b"\xff\xfe", b'{"_type":"bonded-ceremony-bundle","lines":7}'],
    ids=["empty", "object", "list", "null", "no-lines", "none", "line", "numbers", "type", "bytes", "lines"],
)  # fmt: skip
def test_what_is_no_bundle_is_refused_in_a_sentence(finished: Meeting, tmp_path: Path, data: bytes) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(data)
    finished.desk.refused("tuf", "verify-transcript", bundle)


def test_noise_in_the_folder_is_a_sentence(prepared: Meeting) -> None:
    folder = CeremonyFolder(prepared.folder)
    last = max(folder.lines_folder.iterdir())
    data = last.read_bytes()
    last.write_bytes(data[: len(data) // 2])
    assert "is no line of a transcript" in prepared.alice.refused(*prepared.alice.signing(prepared.folder))
    last.write_bytes(data.replace(b'"n":', b'"n": '))
    assert "it is not written as transcripts are" in prepared.alice.refused(*prepared.alice.signing(prepared.folder))
    last.unlink()
    assert "no metadata were written" in prepared.alice.refused(*prepared.alice.signing(prepared.folder))


def test_statements_of_two_at_once_hold_in_either_order(prepared: Meeting) -> None:
    """Two who signed copies of the same folder have seen the same line; both statements stand."""
    request = prepared.folder / "request.json"
    prepared.desk.said("tuf", "ceremony", prepared.folder, "--request", request, "--yes")
    for person in (prepared.bob, prepared.alice):
        person.signs(request, "--output", prepared.folder / f"{person.name}.json")
    for name in ("alice", "bob"):
        prepared.desk.said("tuf", "ceremony", prepared.folder, "--add", prepared.folder / f"{name}.json", "--yes")
    assert open_ceremony(prepared.bundle).complete
    bundle = orjson.loads(prepared.bundle.read_bytes())
    assert len(bundle["lines"]) == len(read_lines(prepared.bundle.read_bytes(), "it")) == 8
