"""Installers of today, unmodified, behind the proxy."""

from __future__ import annotations

from pathlib import Path

from bonded_client.proxy_watch import Timing
from tests.client.server import Served
from tests.client_proxy.index import Index
from tests.client_proxy.running import Running, installed, pip, proxying, uv
from tests.client_proxy.wheels import wheel
from tests.story import clients

BOTH = ["example", "example-1.0.dist-info", "helper", "helper-1.0.dist-info"]


def test_pip_installs_and_fetches_metadata_alone(running: Running, served: Served, tmp_path: Path) -> None:
    done = pip(running.url, tmp_path / "target", "example")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(tmp_path / "target") == BOTH
    done = pip(running.url, tmp_path / "none", "--dry-run", "--ignore-installed", "-v", "example")
    assert ".whl.metadata" in done.stdout
    assert [path for path, _ in served.asked].count("packages/example/example-1.0-py3-none-any.whl") == 1


def test_a_pip_of_2023(running: Running, tmp_path: Path) -> None:
    words = ("install", "--no-cache-dir", "--index-url", running.url, "--target", tmp_path / "target", "example")
    done = clients.run("old-pip", *words, cwd=tmp_path, program="pip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(tmp_path / "target") == BOTH


def test_pip_downloads_by_hash(running: Running, index: Index, tmp_path: Path) -> None:
    asked = tmp_path / "requirements.txt"
    pins = [(name, index.wheels[name][0].sha256) for name in ("example", "helper")]
    asked.write_text("".join(f"{name}==1.0 --hash=sha256:{sha256}\n" for name, sha256 in pins))
    done = pip(running.url, tmp_path / "got", "--require-hashes", "-r", str(asked), verb="download")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(tmp_path / "got") == ["example-1.0-py3-none-any.whl", "helper-1.0-py3-none-any.whl"]


def test_uv_installs(running: Running, tmp_path: Path) -> None:
    done = uv(running.url, tmp_path / "target", "example")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(tmp_path / "target") == BOTH


def test_uv_locks_and_syncs(running: Running, index: Index, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "pyproject.toml").write_text(
        '[project]\nname = "work"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["example"]\n'
        "[tool.uv]\npackage = false\n"
    )
    env = {"UV_DEFAULT_INDEX": running.url, "UV_PYTHON": str(clients.environment("pip") / "bin/python")}
    for words in (("lock",), ("sync", "--locked")):
        done = clients.run("uv", *words, cwd=work, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
    assert index.wheels["helper"][0].sha256 in (work / "uv.lock").read_text()
    assert list((work / ".venv").rglob("helper/__init__.py"))


def test_poetry_installs(running: Running, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "pyproject.toml").write_text(
        '[project]\nname = "work"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["example"]\n'
        f'[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "verified"\nurl = "{running.url}"\n'
        'priority = "primary"\n'
    )
    env = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_CACHE_DIR": str(tmp_path / "poetry-cache")}
    done = clients.run("poetry", "install", "--no-interaction", cwd=work, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((work / ".venv").rglob("helper/__init__.py"))


def test_a_large_wheel(index: Index, served: Served, tmp_path: Path) -> None:
    """Handed out while it arrives, in pieces; uv unpacks it on its way."""
    index.release("large", wheel("large", filler=bytes(range(256)) * (40 * 4096)))
    with proxying(served.url, index.first_root, tmp_path / "cache", timing=Timing()) as running:
        for installer in (uv, pip):
            done = installer(running.url, tmp_path / installer.__name__, "large")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "large" in installed(tmp_path / installer.__name__)
