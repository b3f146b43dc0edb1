"""Closing and reopening cases. Screening opens them; a case has at most one open row per project."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from bonded.catalog.read import FILE_COLUMNS, FILES, File, as_file
from bonded.catalog.tables import case
from bonded.catalog.tables import file as file_table
from bonded.db.engine import Tx
from bonded.review.decisions import newest, settled


def close_if_settled(tx: Tx, case_id: int, *, now: datetime) -> bool:
    """Close the case when each of its files is settled; True when this closed it.

    The row is locked first: a file that screening adds at this moment is either seen here or opens a case of its own.
    """
    row = tx.execute(select(case.c.state).where(case.c.id == case_id).with_for_update()).one()
    if row.state != "open" or unsettled(tx, case_id):
        return False
    tx.execute(update(case).where(case.c.id == case_id).values(state="closed", closed_at=now))
    return True


def files_of_case(conn: Connection, case_id: int) -> list[File]:
    """All files of the case, oldest first."""
    f = file_table.c
    rows = conn.execute(
        select(*FILE_COLUMNS).select_from(FILES).where(f.case_id == case_id).order_by(f.uploaded_at, f.filename, f.id)
    )
    return [as_file(row) for row in rows]


def unsettled(tx: Tx, case_id: int) -> list[File]:
    """Files of the case that somebody still has to decide about."""
    files = files_of_case(tx, case_id)
    decided = newest(tx, [f.id for f in files])
    return [f for f in files if not settled(f, decided.get(f.id))]


def reopen_case(tx: Tx, file: File, *, now: datetime) -> int:
    """An open case that holds the file: the project's open one, else its own reopened, else a new one. Returns its id."""
    found = tx.execute(
        select(case.c.id).where(case.c.project_id == file.project_id, case.c.state == "open").with_for_update()
    ).scalar_one_or_none()
    if found is None and file.case_id is not None:
        found = file.case_id
        tx.execute(update(case).where(case.c.id == found).values(state="open", closed_at=None))
    if found is None:
        values = {"project_id": file.project_id, "state": "open", "score": 0.0, "opened_at": now}
        headline = f"{file.filename} was put back under review"
        found = tx.execute(insert(case).values(**values, headline=headline).returning(case.c.id)).scalar_one()
    tx.execute(update(file_table).where(file_table.c.id == file.id).values(case_id=found))
    return int(found)
