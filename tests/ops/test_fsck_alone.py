"""fsck of a public store alone: its database is lost, or away."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bonded.cli import bonded
from bonded.ops.disagreements import Disagreement
from bonded.ops.fsck import ALONE, fsck
from bonded.ops.ground import Ground
from tests.ops.test_fsck import BYTES, filled, named
from tests.tuf_ops.index import Index
from tests.tuf_recovery.attacker import Attacker


class Away:
    """A database that nobody may ask for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the database is asked: {name}")


@pytest.fixture
def whole(sqlite_index: Index) -> Index:
    return filled(sqlite_index)


def run(index: Index, later: timedelta = timedelta(0)) -> list[Disagreement]:
    ground = Ground(Away(), Away(), index.public, index.root, index.now + later)  # type: ignore[arg-type]
    return list(fsck(lambda: ground, pause=lambda: None, looks=ALONE))


def codes(index: Index) -> set[str]:
    return {one.code for one in run(index) if not one.warning}


def test_a_whole_store_has_nothing_to_tell(whole: Index) -> None:
    assert run(whole) == []


@pytest.mark.parametrize("kind", sorted(set(BYTES) - {"vault", "vault metadata", "plain page", "file metadata"}))
def test_a_flipped_byte_is_named(whole: Index, kind: str) -> None:
    path = named(whole, kind)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    assert BYTES[kind] - {"changes-missing"} <= codes(whole)


def test_what_is_missing_expired_or_was_never_announced_is_named(whole: Index) -> None:
    found = {one.code for one in run(whole, later=timedelta(days=2))}
    assert {"metadata-expired", "client-refuses"} <= found
    gone = "packages/alpha/alpha-1.0-py3-none-any.whl"
    whole.public.delete(gone)
    assert [one.line() for one in run(whole)] == [f"object-missing {gone}: it is not in the store"]
    key = whole.key()
    Attacker(whole.folder / "public", key, whole.now, record="empty").attack(1, {"packages/x/x-1.whl": b"evil"})
    assert "record-differs" in codes(whole)


def test_the_command_needs_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    data = tmp_path / "data"
    assert CliRunner().invoke(bonded, ["init", str(data), "--dev-keys"]).exit_code == 0
    (data / "bonded.db").unlink()
    whole = CliRunner().invoke(bonded, ["fsck", str(data), "--without-database"])
    assert (whole.exit_code, whole.stdout) == (0, "")
    assert not (data / "bonded.db").exists(), "looking makes none"
    (data / "public/metadata/1.targets.json").unlink()
    broken = CliRunner().invoke(bonded, ["fsck", str(data), "--without-database"])
    assert broken.exit_code == 1
    assert broken.stdout.startswith("metadata-missing metadata/1.targets.json: ")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"signed": {"_type": "root"', b"\xff"])
@pytest.mark.parametrize("options", [(), ("--without-database",)])
def test_a_damaged_root_of_this_host_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, options: tuple[str, ...]
) -> None:
    """The copy that users are given: a disk that was full, or a file that was cut, ends no command."""
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    place = tmp_path / "data"
    made = ["init", str(place), "--dev-keys", "--page-bins", "2", "--bins", "2"]
    assert CliRunner().invoke(bonded, made).exit_code == 0
    (place / "keys/root.json").write_bytes(data)
    result = CliRunner().invoke(bonded, ["fsck", str(place), "--json", *options])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    found = {(one["code"], one["subject"]) for one in json.loads(result.stdout)}
    assert {("metadata-damaged", "keys/root.json"), ("client-refuses", "metadata")} <= found
