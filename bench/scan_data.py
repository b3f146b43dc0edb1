"""The archives of bench/scan.py: folders and lists that are named, or wheels made once of the packages installed here.

Malicious archives are read out of a bare copy of the registry into memory, one at a time; none is ever written to a disk.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ENDS = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2")
PACKAGES = (
    "sqlalchemy",
    "jinja2",
    "packaging",
    "click",
    "aiohttp",
    "cryptography",
    "pygments",
    "docutils",
    "alembic",
    "pydantic",
)
STAMP = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Archive:
    """One archive: a file (`path`), or a blob of the registry. `cluster` is the campaign it belongs to (its own name where
    that is not known); `inert` ones hold no code that could do anything."""

    name: str
    cluster: str
    path: Path | None = None
    blob: str = ""
    sha256: str = ""
    inert: bool = False

    @property
    def kind(self) -> str:
        return "wheel" if self.name.endswith(".whl") else "sdist"


def archives(where: Path, folder: Path | None = None, variants: bool = False) -> list[Archive]:
    """Archives of a folder (clusters are its folders), of a development list (JSON), or of a file with one path a line.

    A benign list names archives of `folder`, as bench/scan_fetch.py lays them down; those that are not there are left out.
    """
    if where.is_dir():
        found = sorted(path for path in where.rglob("*") if path.name.endswith(ENDS))
        return [Archive(path.name, path.parent.name if path.parent != where else path.name, path) for path in found]
    text = where.read_text("utf-8")
    if where.suffix == ".json":
        return list(_listed(json.loads(text), where.parent, folder, variants))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [Archive(Path(line).name, line, where.parent / line) for line in lines]


def _listed(rows: dict[str, Any], beside: Path, folder: Path | None, variants: bool) -> Iterator[Archive]:
    for row in rows.get("variants" if variants else "archives", []):
        name = Path(row.get("path") or row["file"]).name
        blob = row.get("git_blob", "")
        path = None if blob else beside / row["file"]
        yield Archive(name, str(row.get("cluster", name)), path, blob, row.get("sha256", ""), row.get("inert", False))
    for kind in ("sdists", "wheels"):
        for row in rows.get(kind, []):
            path = _found((folder or beside) / kind, row)
            if path is not None:
                yield Archive(path.name, path.name, path)


def _found(folder: Path, row: dict[str, Any]) -> Path | None:
    if row.get("file"):
        return folder / row["file"] if (folder / row["file"]).exists() else None
    plain = row["project"].lower().replace("-", "_").replace(".", "_")
    for path in folder.glob("*"):
        name, _, version = path.name.removesuffix(".zip").removesuffix(".tar.gz").rpartition("-")
        if version == row["version"] and name.lower().replace("-", "_").replace(".", "_") == plain:
            return path
    return None


def drawn(every: list[Archive], kind: str, many: int, seed: int = 1) -> list[Archive]:
    """`many` archives of a kind, drawn by lot in the order of the list."""
    some = [one for one in every if one.kind == kind]
    return random.Random(seed).sample(some, min(many, len(some)))


class Reader:
    """Gives the bytes of archives; those of the registry through one `git cat-file`."""

    def __init__(self, git: subprocess.Popen[bytes] | None) -> None:
        self._git = git

    def read(self, one: Archive) -> bytes:
        """All bytes. Raises OSError for one that is not there, ValueError for one with another sha256."""
        data = one.path.read_bytes() if one.path is not None else self._blob(one.blob)
        if one.sha256 and hashlib.sha256(data).hexdigest() != one.sha256:
            raise ValueError(f"{one.name} has another sha256")
        return data

    def _blob(self, blob: str) -> bytes:
        if self._git is None:
            raise OSError("a list of blobs needs --registry, a bare copy of the repository that it names")
        into, out = self._git.stdin, self._git.stdout
        assert into is not None
        assert out is not None
        into.write(blob.encode() + b"\n")
        into.flush()
        return _answer(out, blob)


def _answer(out: IO[bytes], blob: str) -> bytes:
    words = out.readline().split()
    if len(words) != 3:
        raise OSError(f"the registry has no blob {blob}")
    data = out.read(int(words[2]))
    out.read(1)
    return data


@contextmanager
def reading(registry: Path | None) -> Iterator[Reader]:
    """A reader; `registry` is a bare git repository."""
    if registry is None:
        yield Reader(None)
        return
    words = ["git", "--git-dir", str(registry), "cat-file", "--batch"]
    environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1"}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as git:
        yield Reader(git)
        assert git.stdin is not None
        git.stdin.close()


def installed(var: Path) -> list[Archive]:
    """Wheels of packages that are installed beside us, made once: an ordinary set where none was named."""
    folder = var / "bench-scan-wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        target = folder / f"{name}-1.0-py3-none-any.whl"
        source = next((Path(entry) / name for entry in sys.path if (Path(entry) / name).is_dir()), None)
        if source is not None and not target.exists():
            part = target.with_suffix(".part")
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in sorted(source.rglob("*")):
                    if file.is_file() and "__pycache__" not in file.parts:
                        member = zipfile.ZipInfo(f"{name}/{file.relative_to(source)}", STAMP)
                        archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
            part.rename(target)
    return archives(folder)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)
