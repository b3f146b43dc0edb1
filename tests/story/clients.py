"""Real clients, each in an environment of its own under var/clients: made once, from pinned and hashed requirements.

`python -m tests.story.clients` makes them all; a story that needs one makes it when it is missing. `--lock` pins the
newest versions anew. Run with `run()`, which shows a client nothing of this machine: no configuration, no credentials.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "pins"
KEPT = ROOT / "var/clients"
SIGNER = "signer"
"""Bonded itself with the libraries of tokens and clouds, as a host of the signer process has them."""
NAMES = (
    "twine",
    "uv",
    "poetry",
    "flit",
    "hatch",
    "pdm",
    "pip",
    "old-pip",
    "pypi-simple",
    "moto",
    "pip-audit",
    "cyclonedx",
    "bandersnatch",
)
ASKED = {
    "pdm": "pdm[locked]",
    "moto": "moto[s3,server]",
    "old-pip": "pip==23.0.1; python_version<'3.12'\npip==23.2.1; python_version>='3.12'",
    "cyclonedx": "cyclonedx-python-lib[json-validation]",
}
"""Asked for otherwise than by name: pdm with what it was released with, since its looser requirements no longer fit; a pip of 2023 that
runs on this Python."""


def find_uv() -> str:
    """The uv that makes environments: the one of ./dev, else the first on PATH. Raises RuntimeError."""
    own = ROOT / "var/boot/bin/uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise RuntimeError("uv was not found: run ./dev setup")
    return found


def environment(name: str) -> Path:
    """The environment of client `name`, made first where it is missing or its pins have changed."""
    pins = ROOT / "requirements/signer.txt" if name == SIGNER else PINS / f"{name}.txt"
    folder = KEPT / name
    stamp = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        made = folder / "made"
        if not (made.exists() and made.read_text() == stamp):
            _make(folder, pins)
            made.write_text(stamp)
    return folder


def _make(folder: Path, pins: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    uv = find_uv()
    outside = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    if "UV_DEFAULT_INDEX" not in outside and "PIP_INDEX_URL" in outside:
        outside["UV_DEFAULT_INDEX"] = outside["PIP_INDEX_URL"]
    for words in (
        ("venv", "-q", "--python", sys.executable, str(folder)),
        (
            "pip",
            "install",
            "-q",
            "--compile-bytecode",
            "--require-hashes",
            "--python",
            str(folder / "bin/python"),
            "-r",
            str(pins),
        ),
    ):
        done = subprocess.run([uv, *words], env=outside, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{folder.name} could not be installed: {done.stderr.strip()[-800:]}")


def bare(home: Path) -> dict[str, str]:
    """An environment for a client: this machine's settings, indexes, proxies and credentials are not in it."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "COLUMNS": "400",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": str(home / "uv-cache"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PDM_CHECK_UPDATE": "0",
        "PDM_USE_VENV": "0",
    }


def run(
    name: str, *words: str | Path, cwd: Path, program: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run client `name` in the folder `cwd`; its home is beside it. `program` where it is not called like the client."""
    program_path = environment(name) / "bin" / (program or name)
    return subprocess.run(
        [str(program_path), *map(str, words)],
        cwd=cwd,
        env=bare(cwd.parent / f"home-{name}") | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def lock() -> None:
    """Pin the newest versions of all clients anew."""
    for name in NAMES:
        with tempfile.TemporaryDirectory() as where:
            asked = Path(where) / "asked.in"
            asked.write_text(ASKED.get(name, name))
            words = "pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url"
            output = ["--python-version", "3.11", str(asked), "-o", str(PINS / f"{name}.txt"), "--upgrade"]
            subprocess.run([find_uv(), *words.split(), *output], check=True)


if __name__ == "__main__":
    if "--lock" in sys.argv[1:]:
        lock()
    for client in (*NAMES, SIGNER):
        print(f"{client}: {environment(client).relative_to(ROOT)}")
