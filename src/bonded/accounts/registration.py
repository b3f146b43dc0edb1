"""Registering: a form, a mail, a link, an account. Until the link was used there is no account, only a name that is kept.

Whether somebody has the address already is not even looked up before the mail is written: the page and the work are the same,
and only the mailbox learns it. The link's page asks for the password once more, so that nobody gets an account by having a
stranger, or the scanner of a stranger's mail, open a link.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bonded.accounts import address_book, arrival, breached, passwords, people, registration_invitations
from bonded.accounts.addresses import EMAIL_TAKEN, LINK_LIFETIME, limit_links
from bonded.accounts.arrival import Arrived
from bonded.accounts.counted import opaque
from bonded.accounts.entry_tables import registration as table
from bonded.accounts.known_devices import Browser
from bonded.accounts.links import LINK_EXPIRED, LINK_INVALID, LINK_USED
from bonded.accounts.login_limits import LoginLimits, limit
from bonded.accounts.names import check_email, name_key, plausible_id, plausible_name, retired
from bonded.accounts.networks import network_of
from bonded.accounts.people import NAME_TAKEN, User
from bonded.accounts.registration_rules import INVITATION_NEEDED, REGISTRATION_CLOSED, Mode, RegistrationRules
from bonded.accounts.secrets_at_rest import hash_secret, new_secret
from bonded.accounts.tables import user as user_table
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import Counter, PasswordRanges
from bonded.values.pieces import again_in_minutes
from bonded.values.refusals import Refusal, define
from bonded.values.states import AccountState, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import Actor, ActorKind

WAITS = timedelta(days=3)
"""How long a name is kept for somebody who does not open the link."""
EVERYBODY_PER_HOUR = 1000

REGISTRATION_LIMITED = define(
    "registration-limited",
    429,
    "Too many registrations",
    "Too many accounts were asked for from this network. Wait an hour, or ask an administrator.",
)
UNCONFIRMED = define(
    "registration-unconfirmed",
    403,
    "The e-mail address is not confirmed yet",
    "Your account begins when you open the link in the mail that was sent to you. The page of your registration sends it again.",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody typed, and the language of the page that they read."""

    name: str
    email: str
    password: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration that waits. `password_hash` is for `login` and `verify` only."""

    id: str
    name: str
    email: str
    password_hash: str
    language: str | None
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Registration({self.id})"


def check_open(rules: RegistrationRules, *, invited: bool) -> None:
    """Raise Refusal (registration-closed, invitation-needed)."""
    if rules.mode is Mode.CLOSED:
        raise Refusal(REGISTRATION_CLOSED, "this index does not let people register by themselves")
    if rules.mode is Mode.INVITATION and not invited:
        raise Refusal(INVITATION_NEEDED, "accounts are made for people who were invited")


def limit_registrations(counter: Counter, ip: str, rules: RegistrationRules, now: datetime) -> None:
    """Count one form. Raises Refusal (registration-limited)."""
    for key, most in ((f"register-from:{network_of(ip)}", rules.per_hour), ("register-all", EVERYBODY_PER_HOUR)):
        wait = counter.hit(key, most, timedelta(hours=1), now)
        if wait:
            minutes = -(-wait // 60)
            raise Refusal(
                REGISTRATION_LIMITED, f"too many registrations; {again_in_minutes(minutes)}", retry_after=wait
            )


def limit_mails(counter: Counter, email: str, now: datetime) -> None:
    """Count one mail to an address (that `problems` took), whoever asks for it and under whatever name: its reader may be a stranger.

    Raises Refusal (resend-limited).
    """
    key = address_book.key_of(check_email(email))
    limit_links(counter, opaque(key), now)


def problems(
    conn: Connection, wanted: Wanted, rules: RegistrationRules, ranges: PasswordRanges | None, *, now: datetime
) -> list[tuple[str, Refusal]]:
    """What is wrong with each of the fields name, email and password; all at once, so that people correct them once."""

    def name() -> None:
        rules.check_name(wanted.name)
        if _name_kept(conn, wanted.name, now):
            raise _taken(wanted.name)

    def email() -> None:
        rules.domains.check(check_email(wanted.email))

    def password() -> None:
        passwords.check_strength(wanted.password, wanted.name)
        if ranges is not None:
            breached.check(ranges, wanted.password)

    rest = (("name", name), ("email", email), ("password", password))
    return [(field, refusal) for field, rule in rest if (refusal := _refusal(rule)) is not None]


def ask(db: Database, wanted: Wanted, *, ip: str, agent: str, now: datetime, invitation: str = "") -> str:
    """Keep the name and have a mail sent; returns the registration's id. Call it only when there are no `problems`.

    The secret of an `invitation` is used up. Raises Refusal: user-name-taken or invitation-needed (somebody was faster),
    login-busy.
    """
    made = passwords.hash_password(wanted.password)
    row = {
        "id": new_id(),
        "name": wanted.name,
        "name_key": name_key(wanted.name),
        "email": check_email(wanted.email),
        "password_hash": made,
        "language": wanted.language,
        "created_at": now,
        "expires_at": now + WAITS,
    }
    with db.write() as tx:
        if invitation:
            registration_invitations.use(tx, invitation, now=now)
        tx.execute(delete(table).where(table.c.name_key == row["name_key"], table.c.expires_at <= now))
        if _name_kept(tx, wanted.name, now):
            raise _taken(wanted.name)
        try:
            with tx.begin_nested():
                tx.execute(insert(table).values(row))
        except IntegrityError:
            raise _taken(wanted.name) from None
        for action in ("user.register", "user.register-link"):
            _note(tx, action, row, ip, agent, now)
    return str(row["id"])


def send_again(db: Database, counter: Counter, registration_id: str, *, ip: str, agent: str, now: datetime) -> None:
    """Have another link sent; the one before stops working. Raises Refusal (link-invalid, link-used, resend-limited)."""
    with db.read() as conn:
        row = _row(conn, table.c.id == registration_id) if plausible_id(registration_id) else None
    if row is None or row.expires_at <= now:
        raise Refusal(LINK_INVALID, "this registration is over; register again")
    if row.verified_at is not None:
        raise Refusal(LINK_USED, "the address is confirmed already; log in")
    limit_links(counter, row.id, now)
    with db.write() as tx:
        for action in ("user.register-again", "user.register-link"):
            _note(tx, action, row._mapping, ip, agent, now)


def make_link(tx: Tx, registration_id: str, *, now: datetime) -> str | None:
    """The secret of a link that makes the account; None when nobody waits for it any more, "" when the address belongs to an
    account: its mail says so, and carries no link."""
    row = _row(tx, table.c.id == registration_id)
    owner = None if row is None else address_book.owner(tx, row.email)
    if row is None or row.verified_at is not None or row.expires_at <= now or owner == row.id:
        return None
    if owner is not None:
        return ""
    secret = new_secret()
    values = {"secret_hash": hash_secret(secret), "link_until": min(now + LINK_LIFETIME, row.expires_at)}
    tx.execute(update(table).where(table.c.id == registration_id).values(values))
    return secret


def addressee(conn: Connection, registration_id: str) -> User | None:
    """To whom the mail goes: whoever registers, or, in their language, the person whose address it is already."""
    row = _row(conn, table.c.id == registration_id)
    if row is None or row.verified_at is not None:
        return None
    owner_id = address_book.owner(conn, row.email)
    owner = people.by_id(conn, owner_id) if owner_id else None
    language = owner.language if owner else row.language
    return User(row.id, row.name, row.email, AccountState.ACTIVE, False, language, False, row.created_at)


def pending(conn: Connection, name: str, *, now: datetime) -> Registration | None:
    """The registration that waits under exactly that name, whatever its case."""
    waits = (table.c.name_key == name_key(name)) & (table.c.expires_at > now) & table.c.verified_at.is_(None)
    row = _row(conn, waits) if plausible_name(name) else None
    return _registration(row) if row is not None and row.name.lower() == name.lower() else None


def waiting(conn: Connection, registration_id: str, *, now: datetime) -> Registration | None:
    """The registration of that id, while it waits."""
    row = _row(conn, table.c.id == registration_id) if plausible_id(registration_id) else None
    if row is None or row.verified_at is not None or row.expires_at <= now:
        return None
    return _registration(row)


def look(conn: Connection, secret: str, *, now: datetime) -> Registration:
    """What a link would make, without using it. Raises Refusal (link-invalid, link-expired, link-used, email-taken)."""
    row = _row(conn, table.c.secret_hash == hash_secret(secret))
    if row is None:
        raise Refusal(LINK_INVALID, "this link is not valid; a newer one may have taken its place")
    owner = address_book.owner(conn, row.email)
    if row.verified_at is not None or owner == row.id:  # the second: the same link, used since the row was read
        raise Refusal(LINK_USED, "the account is made already; log in")
    if row.link_until <= now:
        raise Refusal(LINK_EXPIRED, "this link has expired; register again")
    if owner is not None:
        raise Refusal(EMAIL_TAKEN, "another account has this address")
    return _registration(row)


def verify(
    db: Database,
    counter: Counter,
    secret: str,
    password: str,
    *,
    browser: Browser,
    limits: LoginLimits,
    lifetime: timedelta,
    now: datetime,
) -> Arrived:
    """Make the account and log in. Of many at the same moment, one wins.

    Raises Refusal: as `look` does; wrong-password, login-limited, user-name-taken, login-busy.
    """
    with db.read() as conn:
        found = look(conn, secret, now=now)
    limit(counter, found.name, browser.ip, limits, now)
    if not passwords.verify(found.password_hash, password).ok:
        raise Refusal(passwords.WRONG_PASSWORD, "that is not the password that you chose")
    who = Actor(ActorKind.USER, found.id, "", browser.ip, browser.agent)
    with db.write() as tx:
        mine = (table.c.id == found.id) & table.c.verified_at.is_(None)
        if tx.execute(update(table).where(mine).values(verified_at=now, password_hash="")).rowcount != 1:
            raise Refusal(LINK_USED, "the account is made already; log in")
        user = people.create(
            tx, who, found.name, found.email, is_admin=False, now=now, action="user.verify", made_id=found.id
        )
        known = address_book.called(tx, user.id, found.email)
        if known is None or not known.verified:
            raise Refusal(EMAIL_TAKEN, "another account has this address")
        values = {"password_hash": found.password_hash, "language": found.language}
        tx.execute(update(user_table).where(user_table.c.id == user.id).values(values))
        return arrival.enter(tx, user, browser, None, proof=arrival.PASSWORD, lifetime=lifetime, now=now)


def sweep(tx: Tx, *, now: datetime) -> int:
    """Delete registrations that are over for a day: their links say until then what became of them."""
    return tx.execute(delete(table).where(table.c.expires_at < now - timedelta(days=1))).rowcount


def _name_kept(conn: Connection, name: str, now: datetime) -> bool:
    key = name_key(name)
    used = conn.execute(select(user_table.c.id).where(user_table.c.name_key.in_((key, retired(key))))).first()
    return bool(
        used or conn.execute(select(table.c.id).where(table.c.name_key == key, table.c.expires_at > now)).first()
    )


def _taken(name: str) -> Refusal:
    return Refusal(NAME_TAKEN, f"the user name {name} is taken, or looks too much like one that is")


def _refusal(rule: Callable[[], None]) -> Refusal | None:
    try:
        rule()
    except Refusal as refusal:
        return refusal
    return None


def _row(conn: Connection, condition: Any) -> Any:
    return conn.execute(select(table).where(condition)).one_or_none()


def _registration(row: Any) -> Registration:
    return Registration(row.id, row.name, row.email, row.password_hash, row.language, row.expires_at)


def _note(tx: Tx, action: str, row: Any, ip: str, agent: str, now: datetime) -> None:
    """The row of somebody who has no account yet: its subject is the id that the account will have."""
    who = Actor(ActorKind.USER, "", "", ip, agent)
    private = {"name": row["name"], "email": row["email"]}
    record(tx, action, who, (SubjectKind.USER, row["id"]), now=now, user=row["id"], private=private)
