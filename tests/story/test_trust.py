"""What TUF clients see: python-tuf's own updater and bonded-client, fresh and returning; and a byte that was flipped."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.ngclient.updater import Updater

from tests.story import clients
from tests.story.packages import Made, make
from tests.story.running import BIN, RunningIndex
from tests.story.test_publish import by_twine


def publish(index: RunningIndex, token: str, made: Made) -> Made:
    """Upload by twine and wait until it is public."""
    done = by_twine(index, token, made)
    assert done.returncode == 0, done.stdout + done.stderr
    index.wait_listed(made.name, made.wheel, made.sdist)
    return made


def updater(index: RunningIndex, folder: Path) -> Updater:
    """python-tuf's client with its state in `folder`."""
    for name in ("metadata", "targets"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Updater(
        str(folder / "metadata"),
        index.url + "metadata/",
        str(folder / "targets"),
        index.url,
        bootstrap=index.root.read_bytes(),
    )


def bonded_client(index: RunningIndex, place: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `bonded-client` as a client that has its memory in `place`."""
    base = [BIN / "bonded-client", "--index", index.url, "--root", index.root, "--cache", place / "cache"]
    return subprocess.run([*base, *words], cwd=place, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def flipped(path: Path) -> Iterator[Callable[[], bool]]:
    """One bit of the file at `path` is wrong for a while; says whether it still is that file, and not another of its name."""
    path.chmod(0o644)
    with path.open("r+b", buffering=0) as file:
        data = file.read()
        at = len(data) // 2
        os.pwrite(file.fileno(), bytes([data[at] ^ 1]), at)
        try:
            yield lambda: os.path.samestat(os.fstat(file.fileno()), path.stat())
        finally:
            os.pwrite(file.fileno(), data, 0)


@pytest.fixture(scope="session")
def project(index: RunningIndex, token: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A public project."""
    return publish(
        index, token, make(tmp_path_factory.mktemp("p"), "story-trusted", version="1.0", backend="hatchling")
    )


def test_python_tuf_fresh_and_returning(
    index: RunningIndex, token: str, project: Made, made: Callable[..., Made], tmp_path: Path
) -> None:
    """Page and file by their own targets; then a new release, seen by the client that came before."""
    path = f"packages/{project.name}/{project.wheel}"
    fresh = updater(index, tmp_path)
    info = fresh.get_targetinfo(path)
    assert info is not None
    assert Path(fresh.download_target(info)).read_bytes() == project.wheel_path.read_bytes()
    for form in ("html", "json"):
        page = fresh.get_targetinfo(f"simple/{project.name}/index.{form}")
        assert page is not None
        assert project.wheel.encode() in Path(fresh.download_target(page)).read_bytes()
    newer = publish(index, token, made(project.name, version="1.1"))
    returning = updater(index, tmp_path)
    assert returning.get_targetinfo(f"packages/{newer.name}/{newer.wheel}") is not None
    assert returning.get_targetinfo(path) is not None
    assert returning.get_targetinfo("packages/nowhere/nowhere-1.0.tar.gz") is None


def test_bonded_client_downloads_and_verifies(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    done = bonded_client(index, tmp_path, "download", f"{project.name}==1.0", "--own-targets", "--dest", "got")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got" / project.wheel).read_bytes() == project.wheel_path.read_bytes()
    again = bonded_client(index, tmp_path, "verify", *project.dist())
    assert again.returncode == 0, again.stderr


def test_a_flipped_byte_in_a_file_is_refused_by_everybody(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    with flipped(index.directory / f"public/packages/{project.name}/{project.wheel}"):
        client = updater(index, tmp_path)
        info = client.get_targetinfo(f"packages/{project.name}/{project.wheel}")
        assert info is not None
        with pytest.raises(LengthOrHashMismatchError):
            client.download_target(info)
        done = bonded_client(index, tmp_path, "download", f"{project.name}==1.0", "--dest", "got")
        assert (done.returncode, "[altered]" in done.stderr) == (6, True), done.stderr
        words = ("download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--index-url", index.simple)
        pip = clients.run("pip", *words, f"{project.name}==1.0", "-d", tmp_path / "got", cwd=tmp_path)
        assert pip.returncode != 0
        assert "DO NOT MATCH" in (pip.stdout + pip.stderr).upper()
    assert not list((tmp_path / "got").glob("*.whl"))
    assert bonded_client(index, tmp_path, "download", f"{project.name}==1.0").returncode == 0


def test_a_flipped_byte_in_metadata_is_refused(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    timestamp, void = index.directory / "public/metadata/timestamp.json", True
    while void:  # the index published meanwhile, its list of projects perhaps: what was flipped is no longer there
        with flipped(timestamp) as there:
            refreshed = refreshes(index, tmp_path)
            done = bonded_client(index, tmp_path, "download", project.name)
            void = not there()
    assert not refreshed
    assert done.returncode == 6, done.stderr


def refreshes(index: RunningIndex, folder: Path) -> bool:
    """Whether python-tuf takes what the index shows now."""
    try:
        updater(index, folder).refresh()
    except RepositoryError:
        return False
    return True


def test_python_tuf_as_others_ship_it(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    """The worked example of the client-author pages, run as a program of its own."""
    example = Path(__file__).parents[2] / "docs/client-author/install.py"
    words = [BIN / "python", example, index.url, index.root, f"{project.name}=={project.version}", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / project.wheel).read_bytes() == project.wheel_path.read_bytes()
