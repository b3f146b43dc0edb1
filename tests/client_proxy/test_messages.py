"""What a person reads: each installer is held to showing the proxy's sentence, for pages and for files."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bonded_client.catalogue import CATALOGUE
from bonded_client.failures import Failure
from bonded_client.proxy_refusal import help_text, refusal
from tests.client.server import Served, answer
from tests.client_proxy.index import Index
from tests.client_proxy.running import Running, installed, pip, proxying, uv
from tests.client_proxy.wheels import wheel
from tests.story import clients

WHEEL = "packages/example/example-1.0-py3-none-any.whl"
Installer = Callable[[str, Path, str], "subprocess.CompletedProcess[str]"]


def poetry(url: str, target: Path, project: str) -> subprocess.CompletedProcess[str]:
    """`poetry install` of a project that needs `project`, into a folder of its own."""
    work = target.parent / "poetry"
    work.mkdir()
    (work / "pyproject.toml").write_text(
        f'[project]\nname = "work"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["{project}"]\n'
        f'[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "verified"\nurl = "{url}"\n'
        'priority = "primary"\n'
    )
    env = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_CACHE_DIR": str(target.parent / "poetry-cache")}
    return clients.run("poetry", "install", "--no-interaction", cwd=work, env=env)


def told(done: subprocess.CompletedProcess[str], code: str) -> None:
    """The code and the advice are in what was printed; line ends and indents are the installer's."""
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert f"[{code}]" in said, done.stdout + done.stderr
    assert CATALOGUE[code].advice in said
    assert "Traceback" not in said


@pytest.mark.parametrize("installer", [pip, uv, pytest.param(poetry, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("what", "code"), [("page", "altered"), ("file", "altered"), ("page", "index-error"), ("file", "index-error")]
)
def test_why_there_is_no_package(
    running: Running, index: Index, served: Served, tmp_path: Path, installer: Installer, what: str, code: str
) -> None:
    for path in (index.signed_page("example"), "simple/example/") if what == "page" else (WHEEL,):
        if code == "altered":
            index.store[path] = index.store[path][:-1] + b"x"
        else:
            served.odd[path] = lambda handler, _: answer(handler, b"", 500)
    told(installer(running.url, tmp_path / "target", "example"), code)
    assert installed(tmp_path / "target") == []
    assert any(f"[{code}]" in note for note in running.notes)


@pytest.mark.parametrize("installer", [pip, uv])
def test_why_a_download_was_cut_short(
    index: Index, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installer: Installer
) -> None:
    """A wrong byte in a file that is already being handed out: installers try again, and are told then."""
    monkeypatch.setattr("bonded_client.proxy_http._PATIENCE", 0.1)
    monkeypatch.setattr("bonded_client.proxy_http._SMALL", 0)
    large = wheel("large", filler=bytes(range(256)) * 4096)
    index.release("large", large)

    def slowly(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(large.data)))
        handler.end_headers()
        handler.wfile.write(large.data[:500_000])
        handler.wfile.flush()
        time.sleep(0.5)
        handler.wfile.write(large.data[500_000:-1] + b"x")

    served.odd[f"packages/large/{large.filename}"] = slowly
    with proxying(served.url, index.first_root, tmp_path / "cache") as running:
        monkeypatch.setattr("tests.client_proxy.running.RETRIES", "2")
        told(installer(running.url, tmp_path / "target", "large"), "altered")
    assert installed(tmp_path / "target") == []


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_failure_fits_an_answer(code: str) -> None:
    """One line of ASCII, whatever it is about; and it is explained."""
    failure = Failure(code, 'Żółw\r\nX-Injected: yes "quoted" \\ ' + "long " * 100)
    for page, agent in ((True, "pip/26"), (True, "uv/1"), (False, "pip/26")):
        said = refusal(failure, "http://127.0.0.1:1/", page=page, agent=agent)
        for text in (said.reason, said.type):
            assert text.isascii()
            assert text.isprintable()
        assert f"[{code}]" in said.body.decode()
        assert "http://127.0.0.1:1/help/" in said.body.decode()
    text = help_text(code)
    assert text
    assert CATALOGUE[code].meaning in text
    assert CATALOGUE[code].advice in text


def test_only_pip_is_answered_with_a_status_that_is_none_of_an_error() -> None:
    failure = Failure("altered", "It is wrong.")
    statuses = {
        agent: refusal(failure, "http://x/", page=True, agent=agent).status for agent in ("pip/26.3", "uv/1", "")
    }
    assert statuses == {"pip/26.3": 200, "uv/1": 409, "": 409}
