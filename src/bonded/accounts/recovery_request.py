"""Lost all second factors: a request with evidence, seven days in which its owner can stop it, and two administrators.

    asked -> waiting (seven days, a mail every day) -> ready (administrators look) -> done
        stopped, refused, expired from each of these

The answer to asking is the same whatever was typed. Links of the mails open the request's page for whoever has them; only
their hashes are stored. What each act needs of the state is in the WHERE of its update: of two at one moment, one wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from bonded.accounts.links import LINK_EXPIRED, LINK_INVALID
from bonded.accounts.recovery_tables import recovery_link as links
from bonded.accounts.recovery_tables import recovery_request as table
from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

WAITS = timedelta(days=7)
EVIDENCE_WITHIN = timedelta(days=14)
"""How long evidence can be handed in before the request lapses."""
ANSWER_WITHIN = timedelta(days=3)
"""Administrators should have decided by then; afterwards they are reminded every day."""
LINK_LASTS = timedelta(days=45)

RECOVERY_OVER = define(
    "recovery-over",
    410,
    "This request is over",
    "It was stopped, refused, carried out, or no evidence came in time. If you still cannot log in, ask again.",
)
RECOVERY_EARLY = define(
    "recovery-early",
    409,
    "The waiting time is not over",
    f"Between the evidence and the decision are {WAITS.days} days, in which the owner of the account is told every day and can stop "
    "it. Nobody can shorten them.",
)
EVIDENCE_MISSING = define(
    "evidence-missing",
    409,
    "Evidence is missing",
    "Besides the mail, one more proof is needed: an API token of the account, or a file in a repository that one of its projects "
    "links to. The page of the request says how.",
)
RECOVERY_BEGUN = define(
    "recovery-begun",
    409,
    "The evidence is handed in already",
    "The waiting time has begun. What the page shows now is what administrators will see.",
)


class State(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"
    STOPPED = "stopped"
    REFUSED = "refused"
    EXPIRED = "expired"


class Purpose(StrEnum):
    """What a link of a mail is good for."""

    OWN = "own"
    """See the request and hand in evidence."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class LostFactors:
    """One request. `challenge` is what its owner shows in a repository, and names with a token; it is no secret."""

    id: int
    user_id: str
    state: State
    challenge: str
    asked_at: datetime
    mail_at: datetime | None
    token_at: datetime | None
    token_id: str | None
    repository: str | None
    repository_at: datetime | None
    waits_until: datetime | None
    ready_at: datetime | None
    first_by: str | None
    first_at: datetime | None
    ended_at: datetime | None

    @property
    def answer_by(self) -> datetime | None:
        """When administrators should have decided."""
        return self.ready_at + ANSWER_WITHIN if self.ready_at else None

    def overdue(self, now: datetime) -> bool:
        return self.state is State.READY and self.answer_by is not None and now > self.answer_by


def find(conn: Connection, request_id: int) -> LostFactors | None:
    """The request with that number."""
    return _one(conn, table.c.id == request_id)


def open_of(conn: Connection, user_id: str) -> LostFactors | None:
    """What is under way for that person."""
    return _one(conn, (table.c.user_id == user_id) & table.c.ended_at.is_(None))


def open_ones(conn: Connection) -> list[LostFactors]:
    """All that is under way, those that wait for administrators first, oldest first."""
    rows = conn.execute(select(table).where(table.c.ended_at.is_(None)).order_by(table.c.ready_at, table.c.id))
    return sorted(map(_request, rows), key=lambda one: (one.ready_at is None, one.ready_at or one.asked_at))


def by_link(conn: Connection, secret: str, purpose: Purpose, *, now: datetime) -> LostFactors:
    """The request of a mail's link. Raises Refusal (link-invalid, link-expired)."""
    mine = (links.c.secret_hash == hash_secret(secret)) & (links.c.purpose == purpose)
    row = conn.execute(select(links.c.request_id, links.c.expires_at).where(mine)).one_or_none()
    found = find(conn, row.request_id) if row else None
    if row is None or found is None:
        raise Refusal(LINK_INVALID, "this link is not valid; ask for a new one")
    if row.expires_at <= now:
        raise Refusal(LINK_EXPIRED, "this link has expired; ask for a new one")
    return found


def make_link(tx: Tx, request_id: int, purpose: Purpose, *, now: datetime) -> str | None:
    """A secret for a mail; those of earlier mails stay good. None when the request is over."""
    found = find(tx, request_id)
    if found is None or found.ended_at is not None:
        return None
    secret = new_secret()
    values = {"request_id": request_id, "purpose": purpose, "expires_at": now + LINK_LASTS}
    tx.execute(insert(links).values(values | {"secret_hash": hash_secret(secret)}))
    return secret


def hand_in(tx: Tx, who: Actor, found: LostFactors, *, more_is_possible: bool, now: datetime) -> None:
    """End the collecting: the waiting time begins. Raises Refusal (evidence-missing, recovery-begun, recovery-over).

    `more_is_possible`: the account has a token or a linked repository, so that one of these proofs is asked for.
    """
    if more_is_possible and found.token_at is None and found.repository_at is None:
        raise Refusal(EVIDENCE_MISSING, "one more proof is needed besides the mail")
    values = {"state": State.WAITING, "mail_at": now, "waits_until": now + WAITS, "told_at": now}
    note(tx, found, values)
    write(tx, "recovery.begin", who, found, now, {"until": (now + WAITS).isoformat()})


def note(tx: Tx, found: LostFactors, values: dict[str, Any]) -> None:
    """Write evidence into a request that collects some. Raises Refusal (recovery-begun, recovery-over)."""
    if not _turn(tx, found, (State.ASKED,), values):
        now = find(tx, found.id)
        if now is not None and now.ended_at is None:
            raise Refusal(RECOVERY_BEGUN, "the evidence is handed in already")
        raise Refusal(RECOVERY_OVER, "this request is over")


def stop(tx: Tx, who: Actor, found: LostFactors, *, now: datetime) -> None:
    """The owner of the account does not want it. Raises Refusal (recovery-over)."""
    end(tx, found, State.STOPPED, now)
    write(tx, "recovery.stop", who, found, now)


def end(tx: Tx, found: LostFactors, state: State, now: datetime) -> None:
    """End it, in whatever state it is. Raises Refusal (recovery-over)."""
    if not _turn(tx, found, (State.ASKED, State.WAITING, State.READY), {"state": state, "ended_at": now}):
        raise Refusal(RECOVERY_OVER, "this request is over")
    tx.execute(delete(links).where(links.c.request_id == found.id, links.c.purpose == Purpose.STOP))


def write(
    tx: Tx,
    action: str,
    who: Actor,
    found: LostFactors,
    now: datetime,
    facts: dict[str, Any] | None = None,
    private: dict[str, str] | None = None,
) -> int:
    """The journal row of an act about a request; returns its id."""
    subject, told = (SubjectKind.USER, found.user_id), {"request": found.id} | (facts or {})
    return record(tx, action, who, subject, now=now, user=found.user_id, facts=told, private=private)


def _turn(tx: Tx, found: LostFactors, states: tuple[State, ...], values: dict[str, Any]) -> bool:
    mine = (table.c.id == found.id) & table.c.state.in_(states)
    return tx.execute(update(table).where(mine).values(values)).rowcount == 1


def _one(conn: Connection, condition: Any) -> LostFactors | None:
    row = conn.execute(select(table).where(condition)).one_or_none()
    return _request(row) if row else None


def _request(row: Row[Any]) -> LostFactors:
    values = {name: getattr(row, name) for name in LostFactors.__slots__}
    return LostFactors(**(values | {"state": State(row.state)}))
