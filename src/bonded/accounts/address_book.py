"""Which addresses an account has, and whose an address is. Reading, and the one way in which a row is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from bonded.accounts.entry_tables import email_address as table
from bonded.accounts.names import plausible_id
from bonded.db.engine import Tx
from bonded.values.text import new_id


@dataclass(frozen=True, slots=True)
class Address:
    """One address of an account. `lost_at`: when its mail domain was found to be gone, None while it is not."""

    id: str
    user_id: str
    address: str
    added_at: datetime
    verified_at: datetime | None
    lost_at: datetime | None

    @property
    def verified(self) -> bool:
        return self.verified_at is not None


def key_of(address: str) -> str:
    """The form in which two addresses are the same."""
    return address.lower()


def of_user(conn: Connection, user_id: str) -> list[Address]:
    """That person's addresses, oldest first."""
    rows = conn.execute(select(table).where(table.c.user_id == user_id).order_by(table.c.added_at, table.c.id))
    return [_address(row) for row in rows]


def one(conn: Connection, user_id: str, address_id: str) -> Address | None:
    """One of that person's addresses; None for other people's, and for what is no id."""
    if not plausible_id(address_id):
        return None
    row = conn.execute(select(table).where(table.c.id == address_id, table.c.user_id == user_id)).one_or_none()
    return _address(row) if row else None


def called(conn: Connection, user_id: str, address: str) -> Address | None:
    """That person's address which reads `address`."""
    mine = (table.c.user_id == user_id) & (table.c.key == key_of(address))
    row = conn.execute(select(table).where(mine)).one_or_none()
    return _address(row) if row else None


def owner(conn: Connection, address: str) -> str | None:
    """The id of the account that has it verified."""
    verified = (table.c.key == key_of(address)) & table.c.verified_at.is_not(None)
    return conn.execute(select(table.c.user_id).where(verified)).scalar_one_or_none()


def put(tx: Tx, user_id: str, address: str, *, verified: bool, now: datetime) -> str:
    """Add an address; returns its id. Raises IntegrityError: the account has it, or another has it verified."""
    made = new_id()
    row = {"id": made, "user_id": user_id, "address": address, "key": key_of(address), "added_at": now}
    tx.execute(insert(table).values(row | {"verified_at": now if verified else None}))
    return made


def _address(row: Any) -> Address:
    return Address(row.id, row.user_id, row.address, row.added_at, row.verified_at, row.lost_at)
