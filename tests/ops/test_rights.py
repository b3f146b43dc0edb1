"""Who can read what is private in a data directory, as fsck tells it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from bonded.cli import bonded
from bonded.ops.look_rights import readers


@pytest.mark.parametrize(
    ("folder", "file", "who"),
    [
        (0o755, 0o600, ""),
        (0o755, 0o640, "its group"),
        (0o755, 0o604, "everybody"),
        (0o750, 0o644, "its group"),
        (0o700, 0o644, ""),
        (0o711, 0o644, "everybody"),
        (0o701, 0o640, "its group"),
    ],
)
def test_who_reads_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: int, file: int, who: str) -> None:
    """Folders of tests are closed to others, so those above count as open here."""
    directory, path, real = tmp_path / "data", tmp_path / "data/bonded.db", Path.stat
    directory.mkdir(mode=folder)
    path.touch(mode=file)
    path.chmod(file)
    directory.chmod(folder)
    open_to_all = real(Path("/"))

    def stat(asked: Path, *, follow_symlinks: bool = True) -> object:
        return real(asked) if asked in (path, directory) else open_to_all

    monkeypatch.setattr(Path, "stat", stat)
    assert readers(path) == who


def test_a_closed_folder_above_closes_all(tmp_path: Path) -> None:
    path = tmp_path / "bonded.db"
    path.touch(mode=0o644)
    tmp_path.chmod(0o700)
    assert readers(path) == ""
    assert readers(tmp_path / "none") == ""
    assert readers(Path("/etc/passwd")) == "everybody"


def test_fsck_warns_of_what_lies_open() -> None:
    with tempfile.TemporaryDirectory(prefix="bonded-open-") as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "data"
        for words in (["init", str(place), "--dev-keys", "--page-bins", "2", "--bins", "2"], ["fsck", str(place)]):
            done = CliRunner().invoke(bonded, words)
            assert (done.exit_code, "private-open" in done.output) == (0, False), done.output
        place.chmod(0o755)
        for name in ("bonded.db", "keys/passphrase", "bonded.toml"):
            (place / name).chmod(0o644)
        done = CliRunner().invoke(bonded, ["fsck", str(place)])
        assert done.exit_code == 0
        told = [line for line in done.output.splitlines() if "private-open" in line]
        assert told == [
            f"warning private-open {place / name}: everybody can read it" for name in ("bonded.toml", "bonded.db")
        ]
