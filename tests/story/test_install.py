"""Each of today's installers takes what was published, and leaves alone what was yanked or is not for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.story import clients
from tests.story.packages import Made, make, sha256
from tests.story.running import JSON, RunningIndex, bonded
from tests.story.test_publish import by_twine


@pytest.fixture(scope="session")
def project(index: RunningIndex, token: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A project with two releases, the second of them yanked. Once for each index: a module's fixture may be made twice."""
    folder = tmp_path_factory.mktemp("project")
    releases = [make(folder, "story-installed", version=version, backend="hatchling") for version in ("1.0", "2.0")]
    for release in releases:
        assert by_twine(index, token, release).returncode == 0
        index.wait_listed(release.name, release.wheel, release.sdist)
    for filename in (releases[1].wheel, releases[1].sdist):
        bonded("file", "yank", filename, "--reason", "broken", "--dir", index.directory)
    yanked = (releases[1].wheel, releases[1].sdist)
    index.wait_until(lambda: all(index.files("story-installed")[filename]["yanked"] for filename in yanked))
    return releases[0]


@pytest.mark.parametrize("client", ["pip", "old-pip"])
def test_pip_installs_what_is_not_yanked(index: RunningIndex, project: Made, tmp_path: Path, client: str) -> None:
    """Debian's pip of 2023, too: it cannot read every form of PEP 658's key (PEP 714)."""
    target = tmp_path / "target"
    words = ("install", "--no-cache-dir", "--index-url", index.simple, "--target", target, project.name)
    done = clients.run(client, *words, cwd=tmp_path, program="pip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '__version__ = "1.0"' in (target / project.module / "__init__.py").read_text()


def test_pip_installs_what_is_yanked_when_pinned_and_says_so(
    index: RunningIndex, project: Made, tmp_path: Path
) -> None:
    words = ("install", "--no-cache-dir", "--index-url", index.simple, "--target", tmp_path / "target")
    done = clients.run("pip", *words, f"{project.name}==2.0", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "broken" in done.stdout + done.stderr


def test_pip_reads_the_metadata_file_alone(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    """PEP 658: a dry run fetches the .metadata beside the wheel and not the wheel."""
    words = ("install", "--dry-run", "-v", "--no-cache-dir", "--ignore-installed", "--index-url", index.simple)
    done = clients.run("pip", *words, project.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{project.wheel}.metadata" in done.stdout


def test_pip_downloads_by_hash(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    wheel = project.wheel_path
    asked = tmp_path / "requirements.txt"
    asked.write_text(f"{project.name}==1.0 --hash=sha256:{sha256(wheel)}\n")
    words = ("download", "--no-deps", "--require-hashes", "--no-cache-dir", "--index-url", index.simple)
    done = clients.run("pip", *words, "-d", tmp_path / "got", "-r", asked, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "got" / wheel.name).read_bytes() == wheel.read_bytes()
    asked.write_text(f"{project.name}==1.0 --hash=sha256:{'0' * 64}\n")
    done = clients.run("pip", *words, "-d", tmp_path / "got2", "-r", asked, cwd=tmp_path)
    assert done.returncode != 0
    assert "DO NOT MATCH" in done.stderr


def test_uv_installs(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    python = clients.environment("pip") / "bin/python"
    words = ("pip", "install", "--index-url", index.simple, "--python", python, "--target", tmp_path / "target")
    done = clients.run("uv", *words, project.name, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '__version__ = "1.0"' in (tmp_path / "target" / project.module / "__init__.py").read_text()


def test_uv_locks_and_syncs(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "pyproject.toml").write_text(
        f'[project]\nname = "work"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["{project.name}"]\n'
        f'[[tool.uv.index]]\nname = "bonded"\nurl = "{index.simple}"\ndefault = true\n[tool.uv]\npackage = false\n'
    )
    env = {"UV_NO_CONFIG": "0", "UV_PYTHON": str(clients.environment("pip") / "bin/python")}
    for words in (("lock",), ("sync", "--locked")):
        done = clients.run("uv", *words, cwd=work, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    locked = (work / "uv.lock").read_text()
    assert sha256(project.wheel_path) in locked
    assert "upload-time" in locked
    assert list((work / ".venv").rglob(f"{project.module}/__init__.py"))


def test_uv_leaves_alone_what_is_newer_than_asked(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    """Upload times are on the page (PEP 700), so that cool-down works."""
    python = clients.environment("pip") / "bin/python"
    words = ("pip", "install", "--index-url", index.simple, "--python", python, "--target", tmp_path / "target")
    done = clients.run("uv", *words, "--exclude-newer", "2020-01-01", project.name, cwd=tmp_path)
    assert done.returncode != 0
    assert not (tmp_path / "target" / project.module).exists()


PYPI_SIMPLE = """
import json, sys
from pypi_simple import ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY, PyPISimple
with PyPISimple(endpoint=sys.argv[1], accept={"html": ACCEPT_HTML_ONLY, "json": ACCEPT_JSON_ONLY}[sys.argv[2]]) as client:
    page = client.get_project_page(sys.argv[3])
    package = next(p for p in page.packages if p.filename == sys.argv[4])
    metadata = client.get_package_metadata(package)
    print(json.dumps({
        "type": page.repository_version, "versions": page.versions, "digests": package.digests,
        "yanked": {p.filename: p.yanked_reason for p in page.packages if p.is_yanked}, "size": package.size,
        "requires": package.requires_python, "metadata": metadata, "url": package.url,
    }))
"""


@pytest.mark.parametrize("form", ["html", "json"])
def test_pypi_simple_reads(index: RunningIndex, project: Made, tmp_path: Path, form: str) -> None:
    script = tmp_path / "read.py"
    script.write_text(PYPI_SIMPLE)
    done = clients.run(
        "pypi-simple", script, index.simple, form, project.name, project.wheel, cwd=tmp_path, program="python"
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    wheel = project.wheel_path
    assert seen["digests"] == {"sha256": sha256(wheel)}
    assert seen["requires"] == ">=3.9"
    assert set(seen["yanked"].values()) == {"broken"}
    assert f"Name: {project.name}" in seen["metadata"]
    assert seen["url"].endswith(f"/packages/{project.name}/{project.wheel}")
    if form == "json":
        assert seen["versions"] == ["1.0", "2.0"]
        assert seen["size"] == wheel.stat().st_size


LIST = """
import sys
from pypi_simple import ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY, PyPISimple
for accept in (ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY):
    with PyPISimple(endpoint=sys.argv[1], accept=accept) as client:
        assert sys.argv[2] in client.get_index_page().projects, accept
"""


def test_the_list_of_projects(index: RunningIndex, project: Made, tmp_path: Path) -> None:
    """It is rebuilt at most once a minute."""
    index.wait_until(lambda: project.name.encode() in index.get("simple/", JSON)[1], seconds=180)
    script = tmp_path / "list.py"
    script.write_text(LIST)
    done = clients.run("pypi-simple", script, index.simple, project.name, cwd=tmp_path, program="python")
    assert done.returncode == 0, done.stderr


def test_a_name_in_any_spelling(index: RunningIndex, project: Made, made: Callable[..., Made], tmp_path: Path) -> None:
    words = ("download", "--no-deps", "--no-cache-dir", "--index-url", index.simple, "-d", tmp_path / "got")
    done = clients.run("pip", *words, "Story.INSTALLED", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "got" / project.wheel).exists()


def test_a_project_that_is_not_there(index: RunningIndex, tmp_path: Path) -> None:
    done = clients.run("pip", "download", "--index-url", index.simple, "story-nowhere", cwd=tmp_path)
    assert done.returncode != 0
    assert "No matching distribution found" in done.stderr
