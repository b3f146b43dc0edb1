"""Rows of the data set of bench/publish.py: any number of targets in little memory, each put where its hash belongs.

Rows of targets are written to files by the beginning of their hash, and inserted file by file, sorted: a table clustered by
hash fills at the speed of the disk, whatever its size.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import insert

from bonded.catalog.pages import page_states
from bonded.catalog.tables import file, project, release
from bonded.db.engine import Tx
from bonded.tuf.binfile import Target
from bonded.tuf.context import Publisher
from bonded.tuf.pages import page_html, page_json
from bonded.tuf.roles import hash32, hashed, page_path
from bonded.tuf.tables import page
from bonded.values.states import FileState
from bonded.values.text import new_id

FILES_PER_PROJECT = 22
"""As on PyPI in 2026: 15.7 million files in 0.7 million projects."""
POOL = 10_000
OWNER = "0" * 26
_PARTS = 256
_AT_ONCE = 2000
_Pages = tuple[Target, Target]


@dataclass(frozen=True, slots=True)
class _Made:
    """One project with its files, before it is written."""

    project: dict[str, Any]
    release: dict[str, Any]
    files: list[dict[str, Any]]


def make_rows(p: Publisher, where: Path, targets: int, now: datetime) -> None:
    """Projects with their releases, pages and signed targets; files and page objects of the first `POOL` of them."""
    rng, spill = random.Random(1), where / "spill"
    spill.mkdir()
    with ExitStack() as stack:
        parts = [stack.enter_context((spill / f"{i:02x}").open("wb")) for i in range(_PARTS)]
        count = max(1, targets // FILES_PER_PROJECT)
        for start in range(0, count, _AT_ONCE):
            made = [_project(i, rng, now) for i in range(start, min(start + _AT_ONCE, count))]
            with p.db.write() as tx:
                digests = _write(p, tx, made, rng, pool=start < POOL)
            for one, (html, json) in zip(made, digests, strict=True):
                _spill(parts, _targets(one, html, json))
    p.public.barrier()
    _insert(p, spill)
    shutil.rmtree(spill)


def _project(i: int, rng: random.Random, now: datetime) -> _Made:
    key, project_id, release_id = f"project-{i:07d}", new_id(), new_id()
    files = []
    for j in range(FILES_PER_PROJECT):
        name = f"project_{i:07d}-1.{j}-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
        sha256, size = rng.randbytes(32).hex(), rng.randrange(2000, 9_000_000)
        files.append(file_row(project_id, release_id, name, sha256, size, now))
    return _Made(_project_row(project_id, key, now), release_row(release_id, project_id, "1.0", now), files)


def _write(p: Publisher, tx: Tx, made: list[_Made], rng: random.Random, *, pool: bool) -> list[_Pages]:
    """The rows of these projects; what is signed of each one's pages, which are real for those of the pool."""
    tx.execute(insert(project), [one.project for one in made])
    tx.execute(insert(release), [one.release for one in made])
    if pool:
        tx.execute(insert(file), [row for one in made for row in one.files])
        digests = _pages(p, tx, [one.project["key"] for one in made])
    else:
        digests = [(Target(rng.randbytes(32).hex(), 6000), Target(rng.randbytes(32).hex(), 9000)) for _ in made]
    rows = [
        {
            "project_key": one.project["key"],
            "n": 1,
            "html_sha256": html.sha256,
            "json_sha256": json.sha256,
            "plain_n": 1,
        }
        for one, (html, json) in zip(made, digests, strict=True)
    ]
    tx.execute(insert(page), rows)
    return digests


def _pages(p: Publisher, tx: Tx, keys: list[str]) -> list[_Pages]:
    states = page_states(tx, keys, with_metadata=False)
    found = []
    for key in keys:
        made = {}
        for form, data in (("html", page_html(states[key], 1)), ("json", page_json(states[key], 1))):
            made[form] = Target(hashlib.sha256(data).hexdigest(), len(data))
            name = hashed(page_path(key, form), made[form].sha256)
            p.public.create(name, data)
            p.public.put_copy(name, page_path(key, form))
        found.append((made["html"], made["json"]))
    return found


def _targets(one: _Made, html: Target, json: Target) -> Iterator[tuple[str, str, int]]:
    key = one.project["key"]
    for row in one.files:
        yield f"packages/{key}/{row['filename']}", row["sha256"], row["size"]
    yield page_path(key, "html"), html.sha256, html.length
    yield page_path(key, "json"), json.sha256, json.length


def _spill(parts: list[BinaryIO], targets: Iterable[tuple[str, str, int]]) -> None:
    for path, sha256, length in targets:
        at = hash32(path)
        parts[at >> 24].write(f"{at:08x} {path} {sha256} {length}\n".encode())


def _insert(p: Publisher, spill: Path) -> None:
    for part in sorted(spill.iterdir()):
        rows = []
        for line in sorted(part.read_bytes().splitlines()):
            at, path, sha256, length = line.decode().split(" ")
            rows.append((int(at, 16), path, sha256, int(length)))
        values = ", ".join(["%s" if p.db.dialect == "postgresql" else "?"] * 4)
        with p.db.write() as tx:
            tx.exec_driver_sql(f"INSERT INTO tuf_target (hash32, path, sha256, length) VALUES ({values})", rows)
    if p.db.dialect == "postgresql":  # as its own daemon does, sooner or later
        with p.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _project_row(project_id: str, key: str, now: datetime) -> dict[str, Any]:
    return {
        "id": project_id,
        "key": key,
        "name": key,
        "status": "active",
        "status_reason": "",
        "deleted": False,
        "last_journal_id": 0,
        "created_at": now,
    }


def release_row(release_id: str, project_id: str, version: str, now: datetime) -> dict[str, Any]:
    """A release with as little metadata as there can be."""
    fields = {"name": "x", "version": version, "metadata_version": "2.1", "summary": "a file of the benchmark"}
    return {"id": release_id, "project_id": project_id, "version": version, "metadata": fields, "created_at": now}


def file_row(project_id: str, release_id: str, filename: str, sha256: str, size: int, now: datetime) -> dict[str, Any]:
    """A file that is public and signed."""
    return {
        "id": new_id(),
        "project_id": project_id,
        "release_id": release_id,
        "filename": filename,
        "packagetype": "bdist_wheel",
        "python_version": "cp312",
        "requires_python": ">=3.9",
        "size": size,
        "md5": sha256[:32],
        "sha256": sha256,
        "blake2_256": sha256,
        "vault_key": f"{sha256}.{new_id()}",
        "metadata_sha256": sha256,
        "metadata_size": 2000,
        "state": FileState.PUBLIC,
        "state_reason": "",
        "state_at": now,
        "holds_name": True,
        "burnt": True,
        "listed": True,
        "yanked": False,
        "yanked_reason": "",
        "uploaded_at": now,
        "uploader_id": OWNER,
        "token_id": "",
    }
