"""Which key the secrets of this index are sealed with: every host must have the same one (setting account.key_file).

The database keeps a proof, a known text sealed with the key. A host with another key, or with none, is found out by it before
anybody meets a secret that cannot be read; no host makes a second key on its own.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, delete, insert, select

from bonded.accounts.sealing import SEAL_BROKEN, Sealer
from bonded.accounts.tables import token
from bonded.db.base import Instant, metadata
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

account_key = Table(
    "account_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one key
    Column("proof", LargeBinary, nullable=False),
    Column("since", Instant, nullable=False),
)
OWN, TEXT, BOUND = 1, b"the key of this index", "account-key"


def known(conn: Connection) -> bool:
    """Whether the database knows its key."""
    return conn.execute(select(account_key.c.id)).first() is not None


def agrees(conn: Connection, sealer: Sealer) -> bool:
    """Whether this is the key that secrets are sealed with; True too where nothing is sealed yet."""
    proof = conn.execute(select(account_key.c.proof).where(account_key.c.id == OWN)).scalar_one_or_none()
    if proof is not None:
        return _opens(sealer, bytes(proof), BOUND)
    # A database from before there was a proof: one secret stands for all.
    one = conn.execute(select(token.c.id, token.c.key).order_by(token.c.created_at.desc()).limit(1)).one_or_none()
    return one is None or _opens(sealer, bytes(one.key), f"token:{one.id}")


def keep(tx: Tx, sealer: Sealer, *, now: datetime) -> bool:
    """Note the key where none is known yet; returns whether `sealer` has the one that counts."""
    if known(tx) or not agrees(tx, sealer):
        return agrees(tx, sealer)
    tx.execute(insert(account_key).values(id=OWN, proof=sealer.seal(TEXT, BOUND), since=now))
    return True


def accept(tx: Tx, who: Actor, sealer: Sealer, *, reason: str, now: datetime) -> None:
    """From now on this is the key. What was sealed with another stays unreadable, for good unless that one comes back."""
    tx.execute(delete(account_key))
    tx.execute(insert(account_key).values(id=OWN, proof=sealer.seal(TEXT, BOUND), since=now))
    record(tx, "keys.accounts", who, (SubjectKind.INDEX, ""), now=now, facts={"reason": reason})


def _opens(sealer: Sealer, sealed: bytes, bound_to: str) -> bool:
    try:
        sealer.open(sealed, bound_to)
    except Refusal as refusal:
        if refusal.code != SEAL_BROKEN:
            raise
        return False
    return True
