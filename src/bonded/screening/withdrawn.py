"""What stands on a check: files whose findings name it and that are not public because of what was found."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from bonded.catalog.tables import file, finding
from bonded.values.states import FileState

KEPT_BACK = (FileState.HELD, FileState.REJECTED, FileState.QUARANTINED)


def held_by(conn: Connection, name: str) -> int:
    """How many files with findings of the check are kept back now."""
    query = (
        select(func.count(func.distinct(file.c.id)))
        .join(finding, finding.c.file_id == file.c.id)
        .where(finding.c.check == name, file.c.state.in_(KEPT_BACK))
    )
    return conn.execute(query).scalar_one()
