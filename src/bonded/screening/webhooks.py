"""Webhooks: who is told of verdicts and decisions, signed, through the jobs table as outbox.

`webhook-signature` holds `v1,` and the base64 of HMAC-SHA-256, keyed with the secret, over `<id>.<timestamp>.<body>`. The
receiver refuses an old timestamp and an id that it has seen: then nothing can be played to it twice. What an index decides is
read from its sealed journal, in its order and without gaps.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, delete, func, insert, select, update

from bonded.accounts.sealing import Sealer
from bonded.catalog.rules import check_reason
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.worker import Effects
from bonded.journal import record
from bonded.journal.tables import journal, journal_leaf
from bonded.screening import outbound
from bonded.screening.outbound import Rules, Unreachable
from bonded.screening.report import printable
from bonded.screening.service_tables import delivery, webhook
from bonded.values.pieces import names
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import iso, new_id
from bonded.values.who import Actor

QUEUE = "webhook"
ATTEMPTS = 60
"""With pauses that grow to a minute: about an hour, then a dead letter."""
REST = timedelta(seconds=30)
"""After a receiver did not answer, what else waits for it is put off for so long without being tried: a slow one would hold the
few threads that deliver, and everybody else would wait behind it."""
OVERLAP = timedelta(days=1)
"""How long the old secret signs too after a rotation."""
AT_ONCE = 500

BY_ACTION = {
    "file.publish": "file.cleared",
    "file.hold": "file.held",
    "file.refuse": "file.rejected",
    "file.withdraw": "file.quarantined",
    "review.release": "review.released",
    "review.quarantine": "review.quarantined",
    "review.reject": "review.rejected",
    "review.remove": "review.removed",
    "review.confirm": "review.confirmed",
    "review.reopen": "review.reopened",
    "review.quarantine-project": "review.project-quarantined",
    "review.release-project": "review.project-released",
}
"""Action in the journal -> event."""
EVENTS = ("submission.judged", *BY_ACTION.values(), "test")

NO_SUCH_WEBHOOK = define("no-such-webhook", 404, "No such webhook", "There is no webhook of this number.")
WEBHOOK_EVENTS = define(
    "webhook-events",
    400,
    "The events are not known",
    "A webhook is told of at least one kind of event; the documentation of the screening service lists them.",
)

log = structlog.get_logger("bonded.webhooks")


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as the operator sees it; its secret is shown once only, the rest of its address never again.

    `origin` is scheme and host, such as `https://chat.example`.
    """

    id: str
    origin: str
    events: tuple[str, ...]
    created_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What delivering works with. `resting`: webhook -> until when its receiver is left alone, as this process knows it."""

    db: Database
    sealer: Sealer
    rules: Rules = field(default_factory=lambda: Rules(None))
    timeout: float = 10.0
    resolve: outbound.Resolve = outbound.system_resolver
    resting: dict[str, datetime] = field(default_factory=dict)


def add(
    tx: Tx, who: Actor, url: str, events: Iterable[str], rules: Rules, *, sealer: Sealer, reason: str, now: datetime
) -> tuple[str, str]:
    """Add a webhook; returns its id and its secret, which cannot be had again.

    Raises Refusal (address-refused, webhook-events, reason-needed): what is decided here goes to somebody else from now on,
    and the address alone says neither who that is nor who asked for it.
    """
    words = check_reason("webhook.add", reason)
    target = outbound.parse(url)
    rules.check(target)
    chosen = sorted(set(events) or set(EVENTS))
    if not set(EVENTS).issuperset(chosen):
        raise Refusal(WEBHOOK_EVENTS, f"events are {names(EVENTS)}")
    made, secret = new_id(), _new_secret()
    cursor = tx.execute(select(func.coalesce(func.max(journal_leaf.c.seq), -1))).scalar_one() + 1
    sealed = {"url": sealer.seal_text(url, _address(made)), "secret": sealer.seal_text(secret, _bound(made))}
    values = {"id": made, "origin": target.origin, "events": chosen, "cursor": cursor, "created_at": now}
    tx.execute(insert(webhook).values(values | sealed))
    _record(tx, "webhook.add", who, made, {"host": target.host, "events": chosen, "reason": words}, now)
    return made, secret


def rotate(tx: Tx, who: Actor, webhook_id: str, *, sealer: Sealer, reason: str, now: datetime) -> str:
    """A new secret, shown once. The old one signs too for a day. Raises Refusal (no-such-webhook, reason-needed).

    The reason tells a secret that leaked from one that was only old: whoever got its deliveries needs to know.
    """
    words = check_reason("webhook.rotate", reason)
    row, secret = _need(tx, webhook_id), _new_secret()
    sealed = sealer.seal_text(secret, _bound(row.id))
    values = {"secret": sealed, "old_secret": row.secret, "old_until": now + OVERLAP}
    tx.execute(update(webhook).where(webhook.c.id == row.id).values(values))
    _record(tx, "webhook.rotate", who, row.id, {"reason": words}, now)
    return secret


def remove(tx: Tx, who: Actor, webhook_id: str, *, reason: str, now: datetime) -> None:
    """Remove a webhook and what waits for it. Raises Refusal (no-such-webhook, reason-needed)."""
    words = check_reason("webhook.remove", reason)
    row = _need(tx, webhook_id)
    tx.execute(delete(delivery).where(delivery.c.webhook_id == row.id))
    tx.execute(delete(webhook).where(webhook.c.id == row.id))
    _record(tx, "webhook.remove", who, row.id, {"reason": words}, now)


def test(tx: Tx, webhook_id: str, *, now: datetime) -> str:
    """Send an event of kind `test`; returns the delivery's id. Raises Refusal (no-such-webhook)."""
    row = _need(tx, webhook_id)
    return _deliver(tx, row.id, "test", {"message": "This is a test."}, now)


def hooks(conn: Connection) -> list[Hook]:
    """All webhooks, oldest first, with what waits for each."""
    waiting = select(delivery.c.webhook_id, func.count().label("n")).where(delivery.c.state == "waiting")
    counts = {row.webhook_id: row.n for row in conn.execute(waiting.group_by(delivery.c.webhook_id))}
    rows = conn.execute(select(webhook).order_by(webhook.c.created_at, webhook.c.id))
    return [Hook(one.id, one.origin, tuple(one.events), one.created_at, counts.get(one.id, 0)) for one in rows]


def announce(tx: Tx, event: str, data: dict[str, Any], *, now: datetime) -> None:
    """Tell every webhook that wants `event`, in the transaction that makes it true."""
    for row in tx.execute(select(webhook.c.id, webhook.c.events)).all():
        if event in row.events:
            _deliver(tx, row.id, event, data, now)


def follow(db: Database, now: datetime) -> None:
    """Read on in the sealed journal and leave a delivery for each event that somebody wants. A round of house-keeping."""
    with db.read() as conn:
        rows = conn.execute(select(webhook.c.id, webhook.c.events, webhook.c.cursor)).all()
    for row in rows:
        _follow(db, row.id, row.events, row.cursor, now)


def _follow(db: Database, webhook_id: str, events: Collection[str], cursor: int, now: datetime) -> None:
    joined = journal.join(journal_leaf, journal_leaf.c.journal_id == journal.c.id)
    wanted = select(journal_leaf.c.seq, journal).select_from(joined).where(journal_leaf.c.seq >= cursor)
    with db.read() as conn:
        found = conn.execute(wanted.order_by(journal_leaf.c.seq).limit(AT_ONCE)).all()
    if not found:
        return
    with db.write() as tx:
        mine = (webhook.c.id == webhook_id) & (webhook.c.cursor == cursor)
        if tx.execute(update(webhook).where(mine).values(cursor=found[-1].seq + 1)).rowcount != 1:
            return  # another worker was faster
        for row in found:
            event = BY_ACTION.get(row.action)
            if event is not None and event in events:
                _deliver(tx, webhook_id, event, _of_journal(row), now)


def _of_journal(row: Any) -> dict[str, Any]:
    """What others are told: what is public about the decision. No people, no findings."""
    facts = {
        name: row.facts[name]
        for name in ("filename", "version", "sha256", "from", "to", "state", "status")
        if name in row.facts
    }
    return {"project": row.project_key, "at": iso(row.at), "journal": row.seq, "by": row.actor_kind, **facts}


def _deliver(tx: Tx, webhook_id: str, event: str, data: dict[str, Any], now: datetime) -> str:
    made = new_id()
    body = orjson.dumps(printable({"id": made, "type": event, "timestamp": iso(now), "data": data})).decode()
    values = {"id": made, "webhook_id": webhook_id, "event": event, "body": body, "state": "waiting", "created_at": now}
    tx.execute(insert(delivery).values(values))
    enqueue(tx, QUEUE, f"webhook:{made}", {"delivery_id": made}, now=now, max_attempts=ATTEMPTS)
    return made


def handle(context: WebhookContext, job: Job, now: datetime) -> Effects | None:
    """Deliver once. Raises Unreachable, Refusal (address-refused, account-key-missing): the job tries again, later."""
    with context.db.read() as conn:
        wanted = select(delivery.c.id, delivery.c.body, delivery.c.webhook_id, webhook).where(
            delivery.c.id == str(job.payload["delivery_id"])
        )
        joined = delivery.join(webhook, webhook.c.id == delivery.c.webhook_id)
        row = conn.execute(wanted.select_from(joined).where(delivery.c.state == "waiting")).first()
    if row is None:
        return None
    delivery_id, body = str(row[0]), str(row[1]).encode()
    if timedelta(0) < context.resting.get(row.webhook_id, now) - now <= REST:  # more: the clock was set back
        raise Unreachable(f"{row.origin} did not answer another delivery just now")
    old = [row.old_secret] if row.old_until is not None and now < row.old_until else []
    secrets = [context.sealer.open_text(one, _bound(row.webhook_id)) for one in (row.secret, *old)]
    headers = signed_headers(secrets, delivery_id, now, body)
    target = outbound.parse(context.sealer.open_text(row.url, _address(row.webhook_id)))
    try:
        answer = outbound.ask(
            "POST", target, context.rules, timeout=context.timeout, headers=headers, body=body, resolve=context.resolve
        )
    except Unreachable:
        context.resting[row.webhook_id] = now + REST
        raise
    context.resting.pop(row.webhook_id, None)
    if not 200 <= answer.status < 300:
        raise Unreachable(f"{target.host} answered {answer.status}")

    def delivered(tx: Tx) -> None:
        values = {"state": "delivered", "status": answer.status, "delivered_at": now}
        tx.execute(update(delivery).where(delivery.c.id == delivery_id).values(values))

    return delivered


def signed_headers(keys: Iterable[str], delivery_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers of a delivery at the moment `now`."""
    stamp = str(int(now.timestamp()))
    content = f"{delivery_id}.{stamp}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(_key(one), content, hashlib.sha256)).decode() for one in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Bonded",
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _bound(webhook_id: str) -> str:
    return f"webhook:{webhook_id}"


def _address(webhook_id: str) -> str:
    # Another binding than the secret's: whoever writes rows cannot have the secret taken for an address.
    return f"webhook-address:{webhook_id}"


def _need(tx: Tx, webhook_id: str) -> Any:
    row = tx.execute(select(webhook).where(webhook.c.id == webhook_id[:64]).with_for_update()).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_WEBHOOK, "there is no such webhook")
    return row


def _record(tx: Tx, action: str, who: Actor, webhook_id: str, facts: dict[str, Any], now: datetime) -> None:
    record(tx, action, who, (SubjectKind.INDEX, ""), now=now, facts={"webhook": webhook_id} | facts)
