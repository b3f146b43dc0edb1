"""Recovery codes: for the day on which every other second factor is out of reach. Each works once.

A code has 79 random bits, so its plain hash is enough. Making new ones voids the old ones. One must be typed back before
they count ("proved"), so that nobody relies on codes that they never kept.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from bonded.accounts.secrets_at_rest import hash_secret
from bonded.accounts.tables import recovery_code
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

MANY = 8
FEW = 2
"""With this many left, each use is told as a warning."""
_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"
_LENGTH = 16

WRONG_CODE = define(
    "wrong-code",
    403,
    "The code is not right",
    "Take the code that the app shows now, or a recovery code that was not used yet. Each code works once.",
)


@dataclass(frozen=True, slots=True)
class Codes:
    """How a person's codes stand. `proved`: one of them was typed back, so they can be used."""

    left: int
    proved: bool


def standing(conn: Connection, user_id: str) -> Codes:
    """How many are left, and whether they count."""
    mine = recovery_code.c.user_id == user_id
    left = conn.execute(select(func.count()).where(mine, recovery_code.c.used_at.is_(None))).scalar_one()
    proved = conn.execute(select(recovery_code.c.code_hash).where(mine, recovery_code.c.used_at.is_not(None)).limit(1))
    return Codes(left, proved.first() is not None)


def make(tx: Tx, who: Actor, user_id: str, *, now: datetime) -> list[str]:
    """New codes, which cannot be had again; older ones are void."""
    tx.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))
    codes = [_code() for _ in range(MANY)]
    rows = [{"user_id": user_id, "code_hash": _hash(user_id, code), "created_at": now} for code in codes]
    tx.execute(insert(recovery_code), rows)
    record(tx, "factor.make-codes", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts={"codes": MANY})
    return codes


def use(tx: Tx, who: Actor, user_id: str, typed: str, *, proving: bool = False, now: datetime) -> int:
    """Use one up; returns how many are left. Of two at the same moment, one wins. Raises Refusal (wrong-code).

    Before one was proved, none opens anything; `proving` is that proof.
    """
    if not proving and not standing(tx, user_id).proved:
        raise Refusal(WRONG_CODE, "that code is not right")
    mine = (recovery_code.c.user_id == user_id) & (recovery_code.c.code_hash == _hash(user_id, typed))
    if (
        tx.execute(update(recovery_code).where(mine, recovery_code.c.used_at.is_(None)).values(used_at=now)).rowcount
        != 1
    ):
        raise Refusal(WRONG_CODE, "that code is not right")
    left = standing(tx, user_id).left
    action = "factor.prove-codes" if proving else "factor.use-code"
    record(tx, action, who, (SubjectKind.USER, user_id), now=now, user=user_id, facts={"left": left})
    return left


def forget(tx: Tx, user_id: str) -> None:
    """Delete all: the last other factor went."""
    tx.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))


def _code() -> str:
    plain = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(plain[at : at + 4] for at in range(0, _LENGTH, 4))


def _hash(user_id: str, typed: str) -> str:
    plain = "".join(c for c in typed.lower() if c.isalnum())
    return hash_secret(f"recovery:{user_id}:{plain}")
