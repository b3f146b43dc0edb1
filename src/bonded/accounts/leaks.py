"""Tokens that were found where they do not belong: they end at once, and their owner reads what was done with them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from bonded.accounts import macaroon, tokens
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import token
from bonded.accounts.tokens import Token
from bonded.db.engine import Tx
from bonded.journal.tables import journal
from bonded.values.refusals import Refusal
from bonded.values.text import iso
from bonded.values.who import Actor

LOOK_BACK = timedelta(days=30)
"""How far back what was done with a leaked token is counted for its owner: nobody knows since when it was in the open."""


def report(tx: Tx, who: Actor, serialized: str, where: str, *, sealer: Sealer, now: datetime) -> Token | None:
    """Revoke a token that leaked; None when it is none of ours, or does not work any more.

    Whoever has the whole text could use it, so nothing more is asked of whoever reports it. `where` says where it was
    found; it is told to the owner, with how often the token was used lately. Raises Refusal (account-key-missing).
    """
    try:
        read = macaroon.read(serialized)
    except Refusal:
        return None
    found = tokens.genuine(tx, sealer, read)
    mine = (token.c.id == read.token_id) & token.c.revoked_at.is_(None)
    if (
        found is None
        or not found.live(now)
        or tx.execute(update(token).where(mine).values(revoked_at=now)).rowcount != 1
    ):
        return None
    facts = {"projects": list(found.projects), "found": where} | _acts(tx, found.id, found.user_id, now)
    tokens.note(tx, "token.leaked", who, found, facts, now)
    return found


def _acts(conn: Connection, token_id: str, user_id: str, now: datetime) -> dict[str, object]:
    """How often the token did something that the journal knows, and when last."""
    mine = (journal.c.actor_id == user_id) & (journal.c.credential_id == token_id)
    count, last = conn.execute(
        select(func.count(), func.max(journal.c.at)).where(mine, journal.c.at > now - LOOK_BACK)
    ).one()
    return {"acts": count} | ({"last_act": iso(last)} if last else {})
