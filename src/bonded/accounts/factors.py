"""Second factors of a person: authentication apps and security devices, as many as they like, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bonded.accounts import address_book, known_devices, people, recovery, sessions, totp
from bonded.accounts.names import plausible_id
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import factor
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.pieces import seconds_ahead, seconds_behind
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import has_control, new_id
from bonded.values.who import Actor

MOST = 20
LABEL_LENGTH = 64

FACTOR_LABEL = define(
    "factor-label",
    400,
    "The name cannot be taken",
    f"Give it a name that none of your other apps and devices has, of 1 to {LABEL_LENGTH} characters: it is how you tell them apart.",
)
NO_SUCH_FACTOR = define("no-such-factor", 404, "No such second factor", "It was removed already, or it is not yours.")
TOO_MANY_FACTORS = define(
    "too-many-factors",
    409,
    "Too many second factors",
    f"An account can have {MOST} of them. Remove one that you do not use.",
)
SAME_FACTOR = define(
    "same-factor",
    403,
    "Confirm with something else",
    "To remove an app or a device, confirm that it is you with your password or with another one: so whoever finds it cannot "
    "remove it by itself.",
)
LAST_FACTOR = define(
    "last-factor",
    409,
    "The last one stays",
    "Whoever makes API tokens or manages projects needs a second factor here, and whoever works on a critical project needs a security "
    "device. Without this one you would have none. Add another one first, then remove this one.",
)
FACTOR_NEEDS_EMAIL = define(
    "factor-needs-email",
    409,
    "Confirm an e-mail address first",
    "No e-mail address of your account is confirmed. Nobody could tell you when somebody else adds or removes a second factor, and nobody "
    "could help you after losing them. Confirm an address, then add the second factor.",
)
CREDENTIAL_KNOWN = define(
    "credential-known",
    409,
    "The device is registered already",
    "Each security device is registered once, for one account.",
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What policy asks of the person: a second factor at all, and a security device."""

    factor: bool = False
    device: bool = False


NOTHING = Needs()


class Kind(StrEnum):
    """What a factor is."""

    APP = "app"
    """An authentication app (TOTP, RFC 6238)."""
    DEVICE = "device"
    """A security device: a key, or a passkey of a phone or computer (WebAuthn)."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor as its owner sees it; secrets stay in the table."""

    id: str
    user_id: str
    kind: Kind
    label: str
    passkey: bool
    backed_up: bool
    created_at: datetime
    used_at: datetime | None


def of_user(conn: Connection, user_id: str) -> list[Factor]:
    """The person's factors, oldest first."""
    rows = conn.execute(select(factor).where(factor.c.user_id == user_id).order_by(factor.c.created_at, factor.c.id))
    return [_factor(row) for row in rows]


def has_any(conn: Connection, user_id: str) -> bool:
    """Whether the person has a second factor."""
    return conn.execute(select(factor.c.id).where(factor.c.user_id == user_id).limit(1)).first() is not None


def one(conn: Connection, user_id: str, factor_id: str) -> Factor:
    """One of the person's factors. Raises Refusal (no-such-factor), also for somebody else's."""
    mine = (factor.c.id == factor_id) & (factor.c.user_id == user_id)
    row = conn.execute(select(factor).where(mine)).one_or_none() if plausible_id(factor_id) else None
    if row is None:
        raise Refusal(NO_SUCH_FACTOR, "there is no such second factor in this account")
    return _factor(row)


def held(mine: Iterable[Factor], needs: Needs) -> frozenset[str]:
    """Ids of those that cannot be removed, because without one of them nothing would be left of what is asked for."""
    ids = {one.id for one in mine}
    devices = {one.id for one in mine if one.kind is Kind.DEVICE}
    return frozenset(
        one
        for asked, having in ((needs.factor, ids), (needs.device, devices))
        for one in having
        if asked and len(having) == 1
    )


def reachable(conn: Connection, user_id: str) -> None:
    """Raises Refusal (factor-needs-email) for somebody none of whose addresses is confirmed."""
    if not any(one.verified for one in address_book.of_user(conn, user_id)):
        raise Refusal(FACTOR_NEEDS_EMAIL, "confirm an e-mail address of yours first; then add the second factor")


def add_app(
    tx: Tx, who: Actor, sealer: Sealer, user_id: str, label: str, secret: bytes, code: str, *, now: datetime
) -> str:
    """Add an authentication app whose `code` shows that it has the secret; returns its id. Raises Refusal.

    Each secret is added once: with two of one, a code that was used for the first would be taken for the second.
    """
    if secret in _secrets(tx, sealer, user_id):
        raise Refusal(CREDENTIAL_KNOWN, "this device is registered already")
    found = totp.check(secret, code, last_step=0, now=now)
    if isinstance(found, totp.Mismatch):
        raise wrong_code(found)
    made = new_id()
    values = {"secret": sealer.seal(secret, f"factor:{made}"), "last_step": found.step}
    return _add(tx, who, made, user_id, Kind.APP, label, values, now)


def add_device(tx: Tx, who: Actor, user_id: str, label: str, values: dict[str, Any], *, now: datetime) -> str:
    """Add a security device that `accounts.devices` verified; returns its id. Raises Refusal."""
    known = select(factor.c.id).where(factor.c.credential == values["credential"])
    if tx.execute(known).first():
        raise Refusal(CREDENTIAL_KNOWN, "this device is registered already")
    return _add(tx, who, new_id(), user_id, Kind.DEVICE, label, values, now)


def rename(tx: Tx, who: Actor, user_id: str, factor_id: str, label: str, *, now: datetime) -> None:
    """Give one another name. Raises Refusal (no-such-factor, factor-label)."""
    known = one(tx, user_id, factor_id)
    label = _label(tx, user_id, label, but=factor_id)
    tx.execute(update(factor).where(factor.c.id == factor_id).values(label=label))
    facts = {"factor": factor_id, "kind": known.kind}
    record(
        tx,
        "factor.rename",
        who,
        (SubjectKind.USER, user_id),
        now=now,
        user=user_id,
        facts=facts,
        private={"label": label},
    )


def remove(
    tx: Tx,
    who: Actor,
    user_id: str,
    factor_id: str,
    *,
    confirmed_with: str,
    now: datetime,
    needs: Needs = NOTHING,
) -> Factor:
    """Remove one; with the last, the recovery codes go as well. Raises Refusal (no-such-factor, last-factor, same-factor).

    `confirmed_with` names the proof of the step-up: a factor's id, or "password". One request of a person at a time: else two
    could each take the other for the one that stays.
    """
    people.locked(tx, user_id)
    known = one(tx, user_id, factor_id)
    if factor_id in held(of_user(tx, user_id), needs):
        raise Refusal(LAST_FACTOR, "add another one first; then this one can be removed")
    if confirmed_with == factor_id:
        raise Refusal(SAME_FACTOR, "confirm with your password or another device to remove this one")
    tx.execute(delete(factor).where(factor.c.id == factor_id))
    ended = _begin_anew(tx, who, user_id)
    if not has_any(tx, user_id):
        recovery.forget(tx, user_id)
    facts = {"factor": factor_id, "kind": known.kind, "sessions_ended": ended}
    private = {"label": known.label}
    record(tx, "factor.remove", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts=facts, private=private)
    return known


def use_code(tx: Tx, sealer: Sealer, user_id: str, code: str, *, now: datetime) -> Factor:
    """Take a code of any of the person's apps; returns the app. Raises Refusal (wrong-code, account-key-missing).

    The time step is noted with the code, so that of two requests with one code one is refused.
    """
    apps = tx.execute(select(factor).where(factor.c.user_id == user_id, factor.c.kind == Kind.APP)).all()
    worst: totp.Mismatch = totp.Mismatch()
    for row in apps:
        secret = sealer.open(bytes(row.secret), f"factor:{row.id}")
        found = totp.check(secret, code, last_step=row.last_step, now=now)
        if isinstance(found, totp.Match):
            mine = (factor.c.id == row.id) & (factor.c.last_step < found.step)
            if tx.execute(update(factor).where(mine).values(last_step=found.step, used_at=now)).rowcount == 1:
                return _factor(row)
            found = totp.Mismatch(replayed=True)
        if found != totp.Mismatch():
            worst = found
    raise wrong_code(worst)


def _secrets(tx: Tx, sealer: Sealer, user_id: str) -> set[bytes]:
    """Those of the person's apps that can be opened: one that was sealed with a lost key stops nobody from adding another."""
    apps = tx.execute(select(factor).where(factor.c.user_id == user_id, factor.c.kind == Kind.APP)).all()
    found = set()
    for row in apps:
        with suppress(Refusal):
            found.add(sealer.open(bytes(row.secret), f"factor:{row.id}"))
    return found


def wrong_code(found: totp.Mismatch) -> Refusal:
    """The refusal of a code, with what the person can do."""
    if found.replayed:
        return Refusal(recovery.WRONG_CODE, "that code was used already; wait for the next one")
    if found.seconds_off is not None:
        off = abs(found.seconds_off)
        return Refusal(
            recovery.WRONG_CODE,
            f"the clock of the app {seconds_behind(off)}; set it, then take a new code"
            if found.seconds_off < 0
            else f"the clock of the app {seconds_ahead(off)}; set it, then take a new code",
        )
    return Refusal(recovery.WRONG_CODE, "that code is not right")


def _add(
    tx: Tx, who: Actor, made: str, user_id: str, kind: Kind, label: str, values: dict[str, Any], now: datetime
) -> str:
    reachable(tx, user_id)
    label = _label(tx, user_id, label)
    if len(of_user(tx, user_id)) >= MOST:
        raise Refusal(TOO_MANY_FACTORS, f"the account has as many second factors as it may have ({MOST})")
    row = {"id": made, "user_id": user_id, "kind": kind, "label": label, "created_at": now}
    try:
        with tx.begin_nested():
            tx.execute(insert(factor).values(row | values))
    except IntegrityError:  # the same in another window, a moment ago
        raise Refusal(FACTOR_LABEL, "this name or this device is registered already") from None
    facts = {"factor": made, "kind": kind, "sessions_ended": _begin_anew(tx, who, user_id)}
    record(
        tx, "factor.add", who, (SubjectKind.USER, user_id), now=now, user=user_id, facts=facts, private={"label": label}
    )
    return made


def _begin_anew(tx: Tx, who: Actor, user_id: str) -> int:
    """Nobody goes on by what was proved before the change, but the person in the session that made it (OWASP ASVS 5.0, 7.4.3).

    No browser stands for the second step any more; returns how many sessions were ended. The operator ends none.
    """
    people.locked(tx, user_id)  # a login that has seen the factors before the change commits first, and ends here
    known_devices.void(tx, user_id)
    return sessions.end_all(tx, user_id, keep=who.credential_id) if who.user_id == user_id else 0


def _label(conn: Connection, user_id: str, label: str, but: str = "") -> str:
    label = " ".join(label.split())
    taken = {known.label.casefold() for known in of_user(conn, user_id) if known.id != but}
    if not 1 <= len(label) <= LABEL_LENGTH or has_control(label) or label.casefold() in taken:
        raise Refusal(FACTOR_LABEL, "take a name of 1 to 64 characters that none of your others has")
    return label


def _factor(row: Any) -> Factor:
    return Factor(
        row.id, row.user_id, Kind(row.kind), row.label, row.passkey, row.backed_up, row.created_at, row.used_at
    )
