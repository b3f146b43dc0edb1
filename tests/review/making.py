"""Projects, files, findings and cases as upload and screening leave them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import zstandard
from sqlalchemy import insert, update

from bonded.catalog import change, read
from bonded.catalog.states import holds_name
from bonded.catalog.tables import case, check_state, evidence, file, finding, release, verdict
from bonded.db.engine import Tx
from bonded.values.states import FileState, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import OPERATOR


def project(tx: Tx, owner_id: str, now: datetime, name: str = "Sample") -> read.Project:
    return change.create_project(tx, OPERATOR, name, owner_id=owner_id, now=now)


def one_file(
    tx: Tx,
    made: read.Project,
    now: datetime,
    *,
    state: FileState = FileState.HELD,
    version: str = "1.0",
    case_id: int | None = None,
    uploader: str = "uploader",
) -> str:
    found = read.release(tx, made.id, version)
    release_id = found.id if found else new_id()
    if not found:
        tx.execute(
            insert(release).values(id=release_id, project_id=made.id, version=version, metadata={}, created_at=now)
        )
    file_id = new_id()
    burnt = state in (FileState.PUBLIC, FileState.QUARANTINED)
    tx.execute(
        insert(file).values(
            id=file_id,
            project_id=made.id,
            release_id=release_id,
            filename=f"{made.key}-{version}-{file_id[:6]}.tar.gz",
            packagetype="sdist",
            python_version="source",
            size=10,
            md5="0" * 32,
            sha256="1" * 64,
            blake2_256="2" * 64,
            vault_key=f"{'1' * 64}.{file_id}",
            state=state,
            state_at=now,
            holds_name=holds_name(state, burnt),
            burnt=burnt,
            uploaded_at=now,
            uploader_id=uploader,
            token_id="token",
            case_id=case_id,
        )
    )
    return file_id


def open_case(tx: Tx, made: read.Project, now: datetime, *, score: float = 0.7, headline: str = "runs code") -> int:
    values = {"project_id": made.id, "state": "open", "score": score, "headline": headline, "opened_at": now}
    return int(tx.execute(insert(case).values(values).returning(case.c.id)).scalar_one())


def into_case(tx: Tx, file_id: str, case_id: int) -> None:
    tx.execute(update(file).where(file.c.id == file_id).values(case_id=case_id))


def one_finding(tx: Tx, file_id: str, now: datetime, /, **changed: Any) -> int:
    values: dict[str, Any] = {
        "subject_kind": SubjectKind.FILE,
        "subject_id": file_id,
        "file_id": file_id,
        "check": "install-time-execution",
        "version": 1,
        "rules": "r",
        "severity": "high",
        "confidence": 0.9,
        "path": "setup.py",
        "line": 3,
        "end_line": 4,
        "message": "runs a command when installed",
        "excerpt": "os.system('x')",
        "run_when": "install",
        "trace": ["setup.py:3", "os.system"],
        "created_at": now,
    }
    return int(tx.execute(insert(finding).values(values | changed).returning(finding.c.id)).scalar_one())


def one_verdict(tx: Tx, file_id: str, now: datetime, said: str = "review", score: float = 0.7) -> None:
    terms = [["install-time-execution", score]]
    values = {
        "verdict": said,
        "score": score,
        "terms": terms,
        "rules": "r",
        "sandbox": "rlimits",
        "unread": ["a/b: big"],
    }
    tx.execute(insert(verdict).values(file_id=file_id, created_at=now, **values))


def kept_text(tx: Tx, sha256: str, value: Any, now: datetime) -> None:
    packed = zstandard.ZstdCompressor().compress(orjson.dumps(value))
    tx.execute(insert(evidence).values(sha256=sha256, text=packed, created_at=now))


def state_of_check(tx: Tx, check: str, state: str, now: datetime) -> None:
    tx.execute(insert(check_state).values(check=check, state=state, reason="r", changed_at=now))
