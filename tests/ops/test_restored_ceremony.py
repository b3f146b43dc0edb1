"""A backup from before a ceremony: what the restore says, and the way on for clients that saw what people signed since."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tuf.api.exceptions import RepositoryError

from bonded.cli import bonded
from bonded.tuf.kept import Kept, keep_bundle, later_bundles
from bonded.tuf.publish import publish
from bonded.wiring import House, open_house
from tests.tuf.world import Client


def said(*words: str | Path) -> Result:
    result = CliRunner().invoke(bonded, [str(word) for word in words])
    assert result.exit_code == 0, (words, result.output)
    return result


def restored(*words: str | Path) -> str:
    """What `bonded restore` says to people. In a process of its own, which keeps the publisher's lock to its end."""
    command = [Path(sys.executable).parent / "bonded", "restore", *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stderr


def ceremony(place: Path, name: str, index: Path, *words: str | Path) -> Path:
    """The bundle of a ceremony that alice alone holds."""
    secret = ("--passphrase-file", place / "passphrase", "--yes")
    said("tuf", "ceremony", place / name, "--index", index, *words, "--yes")
    said("tuf", "sign", place / name, "--key", place / "alice.pem", "--home", place / "memory", *secret)
    return place / name / "bundle.json"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index whose offline keys are elsewhere."""
    (tmp_path / "passphrase").write_text("correct horse battery staple\n")
    said("init", tmp_path / "index")
    said("tuf", "key", "alice", "--folder", tmp_path, "--passphrase-file", tmp_path / "passphrase")
    keys = ("--root-key", tmp_path / "alice.pub", "--root-threshold", "1", "--bins", "2", "--page-bins", "2")
    first = ceremony(tmp_path, "first", tmp_path / "index/keys/index.json", *keys)
    said("tuf", "import", first, "--dir", tmp_path / "index")
    return tmp_path / "index"


def published(folder: Path) -> House:
    """Whatever waits is published, a change of keys and bins wholly released."""
    house = open_house(folder)
    for _ in range(12):
        publish(house.publisher, datetime.now(UTC))
    house.lock.release()  # type: ignore[attr-defined]
    return house


def look(folder: Path, seen: Path) -> None:
    """As a client that comes back. Raises RepositoryError."""
    Client(published(folder).public, seen, (folder / "keys/root.json").read_bytes(), datetime.now(UTC))


@pytest.mark.parametrize("words", [(), ("--bins", "4")], ids=["another year", "more bins"])
def test_a_ceremony_since_the_backup(index: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    seen, back = tmp_path / "seen", tmp_path / "back"
    look(index, seen)
    said("backup", index, tmp_path / "copy")
    said("tuf", "export", tmp_path / "today.json", "--dir", index)
    bundle = ceremony(tmp_path, "second", tmp_path / "today.json", *words)
    said("tuf", "rotate", "--bundle", bundle, "--wait", "0", "--dir", index)
    keep_bundle(index, bundle.read_bytes())
    look(index, seen)

    told = restored(tmp_path / "copy", back, "--keys", index / "keys")
    (kept,) = (path for path in (back / "keys/ceremonies").iterdir() if path.read_bytes() == bundle.read_bytes())
    assert f"bonded tuf rotate --bundle {kept} --wait 0 --dir {back}" in told
    with pytest.raises(RepositoryError):
        look(back, seen)
    assert str(kept) in restored("--in-place", back)

    said("tuf", "rotate", "--bundle", kept, "--wait", "0", "--dir", back)
    for client in ("seen", "new"):
        look(back, tmp_path / client)
    assert "was signed after" not in restored("--in-place", back)
    look(back, seen)


def test_what_the_database_knows_is_no_news() -> None:
    """A change that is under way, or was given up."""
    bundle = Kept("root", 2, b"root 2", "keys/ceremonies/a.json", released=False)
    live = {"root": 1, "targets": 1, "pages": 1, "bins": 1}
    assert later_bundles([bundle], live) == ["keys/ceremonies/a.json"]
    assert later_bundles([bundle], live | {"root": 2}) == []
    assert later_bundles([bundle, Kept("root", 2, b"root 2", "the database", released=False)], live) == []
