"""The migration that brings the search enters what is public already, on both databases."""

from __future__ import annotations

from pathlib import Path

import orjson
from sqlalchemy import text

from bonded.catalog.find import find
from bonded.db import migrate
from bonded.db.engine import Database, open_database
from tests.support.postgres import PostgresServer

PROJECT = (
    "INSERT INTO project (id, key, name, twin, status, status_reason, deleted, last_journal_id, created_at)"
    " VALUES (:id, :id, :id, '', 'active', '', :no, 0, 0)"
)
RELEASE = (
    "INSERT INTO release (id, project_id, version, canonical, metadata, created_at)"
    " VALUES (:id, :project, :version, :version, :said, :at)"
)
FILE = (
    "INSERT INTO file (id, project_id, release_id, filename, packagetype, python_version, requires_python, size, md5, sha256,"
    " blake2_256, vault_key, state, state_reason, state_at, holds_name, burnt, yanked, yanked_reason, uploaded_at, uploader_id,"
    " token_id) VALUES (:release, :project, :release, :release, 'bdist_wheel', 'py3', '', 1, '', :release, '', :release, :state,"
    " '', 0, :yes, :burnt, :no, '', 0, '', '')"
)
FILES = (
    ("spam", "1.0", "public", "old words"),
    ("spam", "1.1", "public", "breakfast as code"),
    ("spam", "1.2", "held", "not told"),
    ("secret", "1.0", "held", "not told"),
    ("gone", "1.0", "quarantined", "not told"),
)


def check(db: Database) -> None:
    migrate.upgrade(db, "0018")
    with db.write() as tx:
        for name in ("spam", "secret", "gone"):
            tx.execute(text(PROJECT), {"id": name, "no": False})
        for at, (project, version, state, summary) in enumerate(FILES):
            release = f"{project}-{version}"
            said = orjson.dumps({"summary": summary, "keywords": "menu,egg"}).decode()
            values = {"id": release, "project": project, "version": version, "said": said, "at": at}
            tx.execute(text(RELEASE), values)
            shown = {"yes": True, "no": False, "burnt": state in ("public", "quarantined")}
            tx.execute(text(FILE), {"release": release, "project": project, "state": state} | shown)
    migrate.upgrade(db)
    with db.read() as conn:
        assert [(one.key, one.version, one.summary) for one in find(conn, "breakfast")] == [
            ("spam", "1.1", "breakfast as code")
        ]
        assert [one.key for one in find(conn, "sapm")] == ["spam"]
        assert [one.key for one in find(conn, "egg")] == ["spam"]
        assert [(one.key, one.version, one.summary) for one in find(conn, "gone")] == [("gone", "", "")]
        for words in ("secret", "told"):
            assert find(conn, words) == []
    db.close()


def test_what_is_public_is_found_after_the_upgrade_on_sqlite(tmp_path: Path) -> None:
    check(open_database(f"sqlite:///{tmp_path / 'x.db'}"))


def test_what_is_public_is_found_after_the_upgrade_on_postgresql(postgres: PostgresServer) -> None:
    with postgres.database(migrated=False) as url:
        check(open_database(url))
