"""What may not be in any tracked file: hosts of package registries, paths of a machine, secrets, large files."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
# Put together here, so that this file does not hold what it looks for.
REGISTRIES = [
    ".".join(words) for words in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
PRIVATE_KEY = r"^\s*-----BEGIN " + r"({} )?PRIVATE KEY-----\s*$"  # a line of its own: a key, not a test's made-up text
LARGE = 2_000_000


def tracked() -> list[Path]:
    """Files that git tracks, or would with the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def holding(pattern: str) -> list[str]:
    """Tracked text files in which `pattern` is found, with the line."""
    wanted = re.compile(pattern)
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if wanted.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    return found


def configured_hosts() -> list[str]:
    """Hosts of the package index that this machine installs from: a mirror's name says where the work is done."""
    names = (
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX",
        "UV_INDEX_URL",
        "npm_config_registry",
    )
    urls = [word for name in names for word in os.environ.get(name, "").split()]
    hosts = {urlsplit(url.rpartition("=")[2]).hostname or "" for url in urls}
    return sorted(hosts - {"", "localhost", "127.0.0.1"})


def test_there_are_files_to_look_at() -> None:
    assert len(tracked()) > 100


@pytest.mark.parametrize("host", REGISTRIES + configured_hosts())
def test_no_host_of_a_registry(host: str) -> None:
    """Say PyPI, or the package index: which one is used is a setting of whoever installs."""
    assert holding(rf"(?<![\w@]){re.escape(host)}\b") == []


def test_no_path_of_this_machine() -> None:
    assert holding(re.escape(str(ROOT)) + r"\b") == []
    home = Path.home()
    if len(home.parts) > 2:
        assert holding(re.escape(str(home)) + r"\b") == []


@pytest.mark.parametrize("kind", ["RSA", "EC", "OPENSSH", "ENCRYPTED"])
def test_no_private_key(kind: str) -> None:
    assert holding(PRIVATE_KEY.format(kind)) == []


def test_no_large_file() -> None:
    assert [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > LARGE] == []


def test_no_archive_of_a_package() -> None:
    """They are made, or taken from a wheel house of `var/`, when a test needs them; one at hand was left by a command."""
    assert [str(path.relative_to(ROOT)) for path in tracked() if path.name.endswith((".whl", ".tar.gz"))] == []


def test_what_is_looked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search itself works: a planted host and a planted path are seen."""
    planted = tmp_path / "planted.txt"
    planted.write_text(f"index-url = https://{REGISTRIES[0]}/simple\ncd {ROOT}/src\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    monkeypatch.setattr(f"{__name__}.tracked", lambda: [planted])
    assert len(holding(rf"(?<![\w@]){re.escape(REGISTRIES[0])}\b")) == 1
    assert len(holding(re.escape(str(Path(__file__).parents[2])) + r"\b")) == 1
