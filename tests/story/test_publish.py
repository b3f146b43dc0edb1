"""Each of today's uploaders publishes a project that it knows nothing special about, and installers see it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.story import clients
from tests.story.packages import Made, sha256
from tests.story.running import RunningIndex

Done = subprocess.CompletedProcess[str]


def by_twine(index: RunningIndex, token: str, made: Made) -> Done:
    words = ("upload", "--non-interactive", "--disable-progress-bar", "--repository-url", index.legacy)
    return clients.run("twine", *words, "-u", "__token__", "-p", token, *made.dist(), cwd=made.tree)


def by_uv(index: RunningIndex, token: str, made: Made) -> Done:
    words = ("publish", "--trusted-publishing", "never", "--publish-url", index.legacy, "--token", token)
    return clients.run("uv", *words, *made.dist(), cwd=made.tree)


def by_poetry(index: RunningIndex, token: str, made: Made) -> Done:
    env = {
        "POETRY_REPOSITORIES_BONDED_URL": index.legacy,
        "POETRY_HTTP_BASIC_BONDED_USERNAME": "__token__",
        "POETRY_HTTP_BASIC_BONDED_PASSWORD": token,
        "POETRY_VIRTUALENVS_CREATE": "false",
    }
    words = ("publish", "--build", "--repository", "bonded", "--no-interaction")
    return clients.run("poetry", *words, cwd=made.tree, env=env)


def by_flit(index: RunningIndex, token: str, made: Made) -> Done:
    env = {"FLIT_INDEX_URL": index.legacy, "FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token}
    return clients.run("flit", "publish", "--no-use-vcs", cwd=made.tree, env=env)


def by_hatch(index: RunningIndex, token: str, made: Made) -> Done:
    words = ("publish", "--no-prompt", "-r", index.legacy, "-u", "__token__", "-a", token)
    return clients.run("hatch", *words, *made.dist(), cwd=made.tree)


def by_pdm(index: RunningIndex, token: str, made: Made) -> Done:
    made.dist()
    words = ("publish", "--no-build", "-r", index.legacy, "-u", "__token__", "-P", token)
    return clients.run("pdm", *words, cwd=made.tree)


UPLOADERS: dict[str, tuple[Callable[[RunningIndex, str, Made], Done], str]] = {
    "twine": (by_twine, "hatchling"),
    "uv": (by_uv, "hatchling"),
    "poetry": (by_poetry, "poetry"),
    "flit": (by_flit, "flit"),
    "hatch": (by_hatch, "hatchling"),
    "pdm": (by_pdm, "hatchling"),
}


@pytest.mark.parametrize("client", sorted(UPLOADERS))
def test_publishing(index: RunningIndex, token: str, made: Callable[..., Made], client: str) -> None:
    """Sdist and wheel of a new project arrive byte for byte; the page carries their hashes and the wheel's metadata."""
    upload, backend = UPLOADERS[client]
    project = made(backend=backend)
    done = upload(index, token, project)
    assert done.returncode == 0, done.stdout + done.stderr
    files = index.wait_listed(project.name, project.wheel, project.sdist)
    for path in sorted((project.tree / "dist").glob("*[!e]")):
        if path.name not in files:
            continue
        assert files[path.name]["hashes"] == {"sha256": sha256(path)}
        assert files[path.name]["size"] == path.stat().st_size
        assert files[path.name]["requires-python"] == ">=3.9"
        assert index.get(f"packages/{project.name}/{path.name}") == (200, path.read_bytes())
    assert files[project.wheel]["core-metadata"]


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_publishing_the_same_again_is_fine(
    index: RunningIndex, token: str, made: Callable[..., Made], client: str
) -> None:
    """An uploader whose connection broke may simply run again."""
    project, (upload, _) = made(), UPLOADERS[client]
    for _attempt in range(2):
        done = upload(index, token, project)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(index.wait_listed(project.name, project.wheel, project.sdist)) == 2
