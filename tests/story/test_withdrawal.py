"""What clients meet when something is withdrawn: the bytes are gone first, then every page and the metadata say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.story import clients
from tests.story.packages import Made
from tests.story.running import RunningIndex, bonded
from tests.story.test_trust import bonded_client, publish, updater


def gone(index: RunningIndex, made: Made) -> bool:
    """Whether neither the wheel nor its metadata file is served any more."""
    path = f"packages/{made.name}/{made.wheel}"
    return {index.get(path)[0], index.get(f"{path}.metadata")[0]} == {404}


def test_a_quarantined_project(index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path) -> None:
    """Within five seconds the bytes are gone; installers and TUF clients then see an empty page with the reason."""
    project = publish(index, token, made())
    assert bonded_client(index, tmp_path, "download", project.name, "--dest", "before").returncode == 0
    bonded("project", "quarantine", project.name, "--reason", "found malware", "--dir", index.directory)
    index.wait_until(lambda: gone(index, project), seconds=5)
    index.wait_until(lambda: index.files(project.name) == {})
    returning = bonded_client(index, tmp_path, "download", project.name, "--dest", "after")
    assert (returning.returncode, "found malware" in returning.stderr) == (3, True), returning.stderr
    assert "[project-quarantined]" in returning.stderr
    assert updater(index, tmp_path / "fresh").get_targetinfo(f"packages/{project.name}/{project.wheel}") is None
    words = ("download", "--no-deps", "--no-cache-dir", "--index-url", index.simple, project.name)
    assert clients.run("pip", *words, cwd=tmp_path).returncode != 0
    bonded("project", "release", project.name, "--reason", "a false alarm", "--dir", index.directory)
    index.wait_listed(project.name, project.wheel)
    assert bonded_client(index, tmp_path, "download", project.name, "--dest", "again").returncode == 0


def test_an_archived_project_installs_and_says_so(
    index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    project = publish(index, token, made())
    bonded("project", "archive", project.name, "--reason", "it is finished", "--dir", index.directory)
    index.wait_until(
        lambda: b'"archived"' in index.get(f"simple/{project.name}/?format=application/vnd.pypi.simple.v1%2Bjson")[1]
    )
    done = bonded_client(index, tmp_path, "download", project.name)
    assert done.returncode == 0, done.stderr
    assert f"{project.name} is archived: it is finished" in done.stderr


def test_a_deleted_file_is_never_replaced(
    index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    """An owner's delete leaves the rest of the release, and burns the name."""
    project = publish(index, token, made())
    bonded("file", "delete", project.wheel, "--yes", "--dir", index.directory)
    index.wait_until(lambda: set(index.files(project.name)) == {project.sdist})
    assert updater(index, tmp_path).get_targetinfo(f"packages/{project.name}/{project.wheel}") is None
    words = ("publish", "--trusted-publishing", "never", "--publish-url", index.legacy, "--token", token)
    again = clients.run("uv", *words, project.wheel_path, cwd=project.tree)
    assert again.returncode != 0
    assert project.wheel in again.stderr
