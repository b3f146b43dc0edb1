"""A sandbox for all tests of screening, and archives to screen."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bonded.adapters.sandbox_pick import pick
from bonded.adapters.storage_files import FileStorage
from bonded.db.engine import Database
from bonded.screening.run import Scanner, ScanSettings
from bonded.seams import Sandbox
from tests.catalog.conftest import Shelf

if TYPE_CHECKING:
    from tests.screening.index import Index

HOSTILE = "import base64\n\nexec(base64.b64decode('cHJpbnQoMSk='))\n"
DOUBTFUL = "import base64\n\n\ndef start(text):\n    exec(base64.b64decode(text))\n"
"""Held for review, whatever the terms are fitted to: what is decoded and run comes from a caller."""
PLAIN = "VALUE = 1\n"


def wheel(source: str = PLAIN, name: str = "sample", version: str = "1.0", **more: str) -> bytes:
    """A small wheel, whole and described as honest ones are."""
    buffer = io.BytesIO()
    info = f"{name}-{version}.dist-info"
    members = {f"{name}/__init__.py": source, f"{info}/METADATA": described(name, version), **more}
    rows = [f"{path},sha256={_digest(data)},{len(data.encode())}" for path, data in members.items()]
    members = members | {f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,"])}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def described(name: str, version: str, more: str = "") -> str:
    """METADATA of a project that somebody described; `more` are lines of its header."""
    return (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: Counts words in small files\n"
        f"Home-page: https://example.invalid/{name}\nAuthor: Ann Author\nAuthor-email: ann@example.invalid\n{more}\n"
        "Counts the words in small files, quickly and well, and says how many there are of each.\n"
    )


def _digest(data: str) -> str:
    digest = hashlib.sha256(data.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    made = pick("auto")
    yield made
    made.close()


@pytest.fixture
def scanner(sandbox: Sandbox) -> Scanner:
    return Scanner(sandbox, ScanSettings())


@pytest.fixture
def index(db: Database, tmp_path: Path, sandbox: Sandbox, now: datetime) -> Index:
    """An empty index on each database."""
    from tests.screening.index import Index

    return Index(Shelf(db, now), FileStorage(tmp_path / "vault"), sandbox)


@pytest.fixture
def small(sqlite_db: Database, tmp_path: Path, sandbox: Sandbox, now: datetime) -> Index:
    """An empty index on SQLite, for rules that no database changes."""
    from tests.screening.index import Index

    return Index(Shelf(sqlite_db, now), FileStorage(tmp_path / "vault"), sandbox)
