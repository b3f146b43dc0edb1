"""Which publication the database holds for live, read under a lock where something is decided on it.

Publishers are kept apart by their lock, and by the flip's condition when the lock is lost. A publisher that was overtaken
must not write what it read before: whoever changes the database's picture of the store first locks it and looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bonded.db.engine import Tx
from bonded.tuf.tables import head, publication
from bonded.tuf.upsert import upsert

Name = tuple[int, str]
"""A publication: its number and attempt. (0, "") is none."""

_P = publication.c
# Built once: building a statement costs several times what running it does.
_LIVE = select(_P.n, _P.attempt).where(_P.state == "live").order_by(_P.n.desc()).limit(1)
_HEAD = select(head.c.head).with_for_update()
_MINE = _P.n == bindparam("number"), _P.attempt == bindparam("tried"), _P.state != "live"
_UNSETTLED = select(publication).where(*_MINE)
_STATE = select(_P.state).where(*_MINE)


def live(conn: Connection) -> Name:
    """The newest publication that was settled."""
    row = conn.execute(_LIVE).one_or_none()
    return (int(row.n), str(row.attempt)) if row else (0, "")


def locked_live(tx: Tx) -> Name:
    """The same; no other publisher settles or adopts until this transaction ends."""
    upsert(tx, head, [{"id": 1, "head": 1}], keep=True)
    tx.execute(_HEAD).one()
    return live(tx)


def unsettled(tx: Tx, n: int, attempt: str) -> Mapping[str, Any] | None:
    """The row of a publication that is not settled, locked; None when it is, or when there is none.

    Its state is open, or burned by a rival that had not seen its flip.
    """
    locked_live(tx)
    row = tx.execute(_UNSETTLED, {"number": n, "tried": attempt}).mappings().one_or_none()
    return None if row is None else {**row}


def unsettled_state(tx: Tx, n: int, attempt: str) -> str | None:
    """The same, but its state only: for who has the row in mind, which is a megabyte for a large publication."""
    locked_live(tx)
    state = tx.execute(_STATE, {"number": n, "tried": attempt}).scalar_one_or_none()
    return None if state is None else str(state)
