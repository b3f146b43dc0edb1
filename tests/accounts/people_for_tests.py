"""People and tokens that many tests here start from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bonded.accounts import people, tokens
from bonded.accounts.people import User
from bonded.accounts.sealing import Sealer
from bonded.db.engine import Database
from bonded.values.who import OPERATOR

SEALER = Sealer(b"k" * 32)


def person(db: Database, now: datetime, name: str = "alice", *, is_admin: bool = False) -> User:
    with db.write() as tx:
        return people.create(tx, OPERATOR, name, f"{name}@example.invalid", is_admin=is_admin, now=now)


def token(db: Database, user: User, now: datetime, **changed: Any) -> tuple[str, str]:
    wanted: dict[str, Any] = {
        "name": "ci",
        "projects": (),
        "permissions": ("upload",),
        "expires_at": now + timedelta(days=90),
        "operator": False,
    }
    with db.write() as tx:
        return tokens.mint(tx, OPERATOR, user, sealer=SEALER, **(wanted | changed), now=now)
