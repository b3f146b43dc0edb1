"""The real bandersnatch mirrors this index as it would PyPI: with nothing changed but the address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.story import clients
from tests.story.packages import Made
from tests.story.running import RunningIndex
from tests.story.test_trust import publish

pytestmark = pytest.mark.slow  # the project list follows within a minute

SETTINGS = """
[mirror]
directory = {folder}
master = {master}
allow-non-https = true
api-method = simple
json = true
release-files = true
hash-index = false
stop-on-error = true
timeout = 20
workers = 2
verifiers = 2
[plugins]
enabled = allowlist_project
[allowlist]
packages = {project}
"""
V1_JSON = "application/vnd.pypi.simple.v1+json"


def serial(index: RunningIndex, project: str) -> int:
    """The serial of the project in the project list; 0 while it is not there."""
    listed = json.loads(index.get("simple/", V1_JSON)[1])["projects"]
    return next((int(one["_last-serial"]) for one in listed if one["name"] == project), 0)


def mirrored(settings: Path) -> None:
    done = clients.run("bandersnatch", "-c", settings, "mirror", cwd=settings.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Stale" not in done.stderr, done.stderr


def test_bandersnatch_mirrors_a_project_and_follows_it(
    index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    project = publish(index, token, made())
    index.wait_until(lambda: serial(index, project.name) > 0)
    index.wait_until(lambda: index.get(f"pypi/{project.name}/json")[0] == 200)
    folder = tmp_path / "work"
    folder.mkdir()
    settings = folder / "bandersnatch.conf"
    settings.write_text(SETTINGS.format(folder=tmp_path / "mirror", master=index.url.rstrip("/"), project=project.name))
    mirrored(settings)
    web = tmp_path / "mirror/web"
    files = index.files(project.name)
    for name, one in files.items():
        (copy,) = (web / "packages").rglob(name)
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == one["hashes"]["sha256"]  # type: ignore[index]
    before = serial(index, project.name)
    later = publish(index, token, made(name=project.name, version="2.0"))
    index.wait_until(lambda: serial(index, project.name) > before)
    mirrored(settings)
    page = (web / "simple" / project.name / "index.html").read_text()
    assert all(name in page for name in (project.wheel, later.wheel, later.sdist))
    assert int((tmp_path / "mirror/status").read_text()) >= serial(index, project.name)
