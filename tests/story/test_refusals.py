"""A refused upload tells the person why, in the only place where their client shows anything."""

from __future__ import annotations

import contextlib
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.story.packages import Made
from tests.story.running import RunningIndex
from tests.story.test_publish import by_hatch, by_pdm, by_twine, by_uv

SPEAKING = {"twine": by_twine, "uv": by_uv}


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The client failed and showed all `words`, and no traceback of the server's."""
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, shown
    for word in words:
        assert word.lower() in shown.lower(), shown
    assert not re.search(r"\b500\b", shown)  # it may be a part of the port
    assert 'File "' not in shown


@pytest.mark.parametrize("client", sorted(SPEAKING))
def test_a_wrong_token(index: RunningIndex, made: Callable[..., Made], client: str) -> None:
    refused(SPEAKING[client](index, "bonded-wrong", made()), "token")


@pytest.mark.parametrize("client", sorted(SPEAKING))
def test_a_wrong_token_with_a_large_file(index: RunningIndex, made: Callable[..., Made], client: str) -> None:
    """The answer comes long before the body has been sent; the client still shows it, and nothing was kept."""
    project = made()
    for path in project.dist():
        if path.suffix == ".whl":
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr(f"{project.name}.bin", b"large" * 10_000_000)
        else:
            path.unlink()
    refused(SPEAKING[client](index, "bonded-wrong", project), "token")
    assert "large" not in index.files(project.name)
    index.wait_until(lambda: not _large_in_spools(index))


def _large_in_spools(index: RunningIndex) -> list[Path]:
    """What is taken away meanwhile has no size."""
    return [path for path in index.directory.rglob("spool/*") if _size(path) > 1_000_000]


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


@pytest.mark.parametrize("client", sorted(SPEAKING))
def test_a_token_of_another_project(index: RunningIndex, token: str, made: Callable[..., Made], client: str) -> None:
    own = made()
    assert by_twine(index, token, own).returncode == 0
    narrow = index.token("uploader", "--project", own.name)
    other = made()
    refused(SPEAKING[client](index, narrow, other), "token", other.name)


@pytest.mark.parametrize("client", sorted(SPEAKING))
def test_a_project_of_somebody_else(index: RunningIndex, token: str, made: Callable[..., Made], client: str) -> None:
    project = made()
    assert by_twine(index, token, project).returncode == 0
    stranger = index.token("stranger")
    refused(
        SPEAKING[client](index, stranger, made(project.name, version="9.0")), f"no role in the project {project.name}"
    )


@pytest.mark.parametrize("client", sorted(SPEAKING))
def test_other_bytes_under_a_name(index: RunningIndex, token: str, made: Callable[..., Made], client: str) -> None:
    project = made()
    assert by_twine(index, token, project).returncode == 0
    for path in project.dist():
        if path.suffix == ".whl":
            with zipfile.ZipFile(path, "a") as archive:
                archive.comment = b"changed"
        else:
            path.write_bytes(path.read_bytes() + b"\0")
    refused(SPEAKING[client](index, token, project), "already exists")


@pytest.mark.parametrize("client", sorted(SPEAKING))
def test_a_file_that_is_no_archive(index: RunningIndex, token: str, made: Callable[..., Made], client: str) -> None:
    project = made()
    sdist = next(path for path in project.dist() if path.name == project.sdist)
    whole = sdist.read_bytes()
    sdist.write_bytes(whole[: len(whole) // 2])
    (project.tree / "dist" / project.wheel).unlink()
    # twine reads the archive before it sends it, and says so itself; uv sends it and shows our answer.
    done = SPEAKING[client](index, token, project)
    assert done.returncode != 0
    assert project.name not in index.files(project.name)


@pytest.mark.parametrize("upload", [by_hatch, by_pdm], ids=["hatch", "pdm"])
def test_the_others_fail_too(
    index: RunningIndex, made: Callable[..., Made], upload: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = upload(index, "bonded-wrong", made())
    assert done.returncode != 0
    assert "401" in done.stdout + done.stderr or "token" in (done.stdout + done.stderr).lower()
