"""fsck looks at the database alone: schema, integrity, and rules that rows must keep among themselves."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, exists, select, text

from bonded.catalog.states import holds_name
from bonded.catalog.tables import file
from bonded.db import migrate, revision
from bonded.journal.tables import journal
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.values.states import FileState

SCHEMA_OLD = define(
    "schema-old",
    "The database has another schema version than this program.",
    "Run `bonded migrate`; where the database has the higher one, install the version that migrated it.",
)
SCHEMA_DIFFERS = define(
    "schema-differs",
    "Tables, columns or indexes are not what this version declares.",
    "Somebody changed the schema by hand: undo it, or restore a backup.",
)
DATABASE_DAMAGED = define(
    "database-damaged", "The database's own integrity check fails.", "Stop everything and restore a backup."
)
DANGLING = define("dangling-row", "A row refers to a row that does not exist.", "Restore a backup.")
NAME_NOT_HELD = define(
    "name-not-held",
    "A file's hold on its name does not follow from its state: other bytes could come under the name.",
    "A row was changed by hand: set it right, or restore a backup.",
)
UNRECORDED = define(
    "file-unrecorded",
    "A file has no row in the journal: it did not come through the upload.",
    "Find out who wrote the row; quarantine the file meanwhile.",
)
NO_STANDBY = define(
    "no-synchronous-standby",
    "PostgreSQL acknowledges commits that exist on one machine only: a failover can lose them.",
    "Set `synchronous_standby_names`, or accept it where there is no standby.",
)


def look(ground: Ground) -> Iterator[Disagreement]:
    """Everything wrong with the database by itself. Schema first: with a wrong one the rest cannot be asked."""
    schema = list(_schema(ground))
    yield from schema
    if schema:
        return
    with ground.db.read() as conn:
        yield from _sqlite(conn) if conn.dialect.name == "sqlite" else _postgresql(conn)
        yield from _files(conn)


def _schema(ground: Ground) -> Iterator[Disagreement]:
    have, want = revision.current(ground.db), revision.newest()
    if have != want:
        yield Disagreement(SCHEMA_OLD, "database", f"it has revision {have}, this version needs {want}")
        return
    for difference in migrate.differences(ground.db):
        yield Disagreement(SCHEMA_DIFFERS, "database", str(difference)[:200])


def _sqlite(conn: Connection) -> Iterator[Disagreement]:
    for (words,) in conn.execute(text("PRAGMA integrity_check(20)")):
        if words != "ok":
            yield Disagreement(DATABASE_DAMAGED, "database", words)
    for row in conn.execute(text("PRAGMA foreign_key_check")):
        yield Disagreement(DANGLING, f"{row[0]}/{row[1]}", f"no row of {row[2]} matches")


def _postgresql(conn: Connection) -> Iterator[Disagreement]:
    if not conn.execute(text("SHOW synchronous_standby_names")).scalar_one():
        yield Disagreement(NO_STANDBY, "database", "synchronous_standby_names is empty", warning=True)


def _files(conn: Connection) -> Iterator[Disagreement]:
    for row in conn.execute(select(file.c.id, file.c.filename, file.c.state, file.c.burnt, file.c.holds_name)):
        public_not_burnt = row.state == FileState.PUBLIC and not row.burnt
        if public_not_burnt or row.holds_name != holds_name(FileState(row.state), row.burnt):
            yield Disagreement(
                NAME_NOT_HELD,
                row.filename,
                f"it is {row.state}, burnt={bool(row.burnt)}, and holds_name={bool(row.holds_name)}",
            )
    recorded = exists().where(journal.c.subject_id == file.c.id)
    for filename, file_id in conn.execute(select(file.c.filename, file.c.id).where(~recorded)):
        yield Disagreement(UNRECORDED, filename, f"no journal row names file {file_id}")
