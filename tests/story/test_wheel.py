"""The built wheel installs and serves in an empty environment, outside the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(*words: object, cwd: Path) -> str:
    done = subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the built wheel and its locked requirements, and nothing else."""
    place = tmp_path_factory.mktemp("wheel")
    uv = ROOT / "var" / "boot" / "bin" / "uv"
    source = place / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, source, cwd=place)
    (wheel,) = place.glob("bonded-*.whl")
    run(uv, "venv", "-q", "--python", sys.executable, place / "env", cwd=place)
    python = place / "env" / "bin" / "python"
    run(
        uv,
        "pip",
        "install",
        "-q",
        "--require-hashes",
        "--python",
        python,
        "-r",
        ROOT / "requirements" / "core.txt",
        cwd=place,
    )
    run(uv, "pip", "install", "-q", "--no-deps", "--python", python, wheel, cwd=place)
    return place / "env" / "bin"


def test_it_serves_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    run(installed / "bonded", "init", tmp_path / "data", "--dev-keys", cwd=tmp_path)
    server = subprocess.Popen(
        [installed / "bonded", "serve", tmp_path / "data", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout
        url = server.stdout.readline().removeprefix("ready ").strip()
        for path in ("", "simple/", "metadata/timestamp.json", "healthz"):
            with urllib.request.urlopen(url + path, timeout=20) as reply:
                assert reply.status == 200
                assert reply.read()
    finally:
        server.terminate()
        assert server.wait(30) == 0
