"""This was not me: one act by which somebody shuts out whoever else uses their account.

Every API token is revoked, every other session ends, no browser is known any more, and no link that was sent confirms an
address: one that the intruder added would count, and have a link for the next password. The password stays, since whoever clicks
may be the intruder: a new one is asked for next, by whoever knows the old one.
"""

from __future__ import annotations

from datetime import datetime

from bonded.accounts import known_devices, links, sessions, tokens
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.states import SubjectKind
from bonded.values.who import Actor


def shut_out(tx: Tx, who: Actor, user_id: str, *, keep_session: str, about: int | None, now: datetime) -> None:
    """Revoke all tokens and end all other sessions. `about`: the journal row that was not theirs."""
    revoked = tokens.revoke_all(tx, user_id, now=now)
    ended = sessions.end_all(tx, user_id, keep=keep_session)
    known_devices.forget_all(tx, user_id)
    links.void(tx, user_id, links.Purpose.CONFIRM_EMAIL)
    facts = {"tokens_revoked": revoked, "sessions_ended": ended} | ({"row": about} if about is not None else {})
    record(tx, "user.not-me", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts=facts)
