"""The client's wheel works in an environment that holds nothing of the server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.client.repository import Repository
from tests.client.server import serving
from tests.story.clients import find_uv

ROOT = Path(__file__).parents[2]


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_it_stands_alone(tmp_path: Path) -> None:
    """Built, installed with what it asks for at our pinned versions, and used against an index."""
    built = run(
        sys.executable, "-m", "build", "--no-isolation", "--wheel", "-o", tmp_path, ROOT / "client", cwd=tmp_path
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    python = tmp_path / "env/bin/python"
    for words in (
        ("venv", "-q", "--python", sys.executable, "env"),
        ("pip", "install", "-q", "--python", python, "-c", ROOT / "requirements/dev.txt", wheel),
    ):
        done = run(find_uv(), *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert run(python, "-c", "import bonded", cwd=tmp_path).returncode != 0
    assert run(python, "-c", "import bonded_client.cli", cwd=tmp_path).returncode == 0
    repository = Repository()
    repository.project("example", {"example-1.0-py3-none-any.whl": b"bytes"})
    (tmp_path / "root.json").write_bytes(repository.first_root)
    with serving(repository.store) as served:
        client = tmp_path / "env/bin/bonded-client"
        done = run(
            client,
            "--index",
            served.url,
            "--root",
            "root.json",
            "--cache",
            "c",
            "download",
            "example",
            "--dest",
            "got",
            cwd=tmp_path,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "got/example-1.0-py3-none-any.whl").read_bytes() == b"bytes"
