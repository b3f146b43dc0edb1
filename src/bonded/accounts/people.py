"""People: making accounts, looking them up, freezing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bonded.accounts import address_book
from bonded.accounts.names import check_email, check_user_name, name_key, plausible_id, plausible_name, retired
from bonded.accounts.tables import session, user
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.pieces import account_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import AccountState, SubjectKind
from bonded.values.text import has_control, new_id
from bonded.values.who import Actor

NAME_TAKEN = define(
    "user-name-taken",
    409,
    "The user name is taken",
    "Somebody has this name, or one that looks too much like it (0 and o, 1 and l, separators and case count as the same).",
)
NO_SUCH_USER = define("no-such-user", 404, "No such person", "There is no account of this name on this index.")
REASON_NEEDED = define(
    "account-reason-needed",
    400,
    "Give a reason",
    "This act is shown to the people concerned and kept in the journal: say in a few words why, in 3 to 2,000 characters.",
)
SAME_STATE = define(
    "same-account-state", 409, "Nothing to do", "The account already is in the state that was asked for."
)


@dataclass(frozen=True, slots=True)
class User:
    """A person's account. `email` is where mails go (all addresses: `address_book`); `language` is a locale name such as
    "pt_BR", None when they never chose one; `password_void`: the password opens nothing until it is reset."""

    id: str
    name: str
    email: str
    state: AccountState
    is_admin: bool
    language: str | None
    has_password: bool
    created_at: datetime
    password_void: bool = False

    @property
    def active(self) -> bool:
        return self.state is AccountState.ACTIVE


def create(
    tx: Tx,
    who: Actor,
    name: str,
    email: str,
    *,
    is_admin: bool,
    now: datetime,
    action: str = "user.create",
    made_id: str | None = None,
) -> User:
    """Make an account without a password (see `links`). Raises Refusal: invalid name or address, or the name is taken.

    The address counts as confirmed, unless it is another account's: whoever calls this vouches for it.
    """
    check_user_name(name)
    address = check_email(email)
    taken = Refusal(NAME_TAKEN, f"the user name {name} is taken, or looks too much like one that is")
    if tx.execute(select(user.c.id).where(user.c.name_key.in_(kept_keys(name)))).first():
        raise taken
    made = User(made_id or new_id(), name, address, AccountState.ACTIVE, is_admin, None, False, now)
    try:
        with tx.begin_nested():
            tx.execute(
                insert(user).values(
                    id=made.id,
                    name=name,
                    name_key=name_key(name),
                    email=address,
                    state=made.state,
                    is_admin=is_admin,
                    created_at=now,
                )
            )
    except IntegrityError:  # somebody else took the name since we looked
        raise taken from None
    _enter_address(tx, made.id, address, now)
    record(
        tx,
        action,
        who,
        (SubjectKind.USER, made.id),
        now=now,
        user=made.id,
        facts={"is_admin": is_admin},
        private={"name": name, "email": address},
    )
    return made


def _enter_address(tx: Tx, user_id: str, address: str, now: datetime) -> None:
    try:
        with tx.begin_nested():
            address_book.put(tx, user_id, address, verified=True, now=now)
    except IntegrityError:  # another account has it
        address_book.put(tx, user_id, address, verified=False, now=now)


def kept_keys(name: str) -> tuple[str, str]:
    """The keys under which an account that has, or had, this name is found."""
    return name_key(name), retired(name_key(name))


def by_id(conn: Connection, user_id: str) -> User | None:
    """The person with that id."""
    return _one(conn, _BY_ID, user_id) if plausible_id(user_id) else None


def by_name(conn: Connection, name: str) -> User | None:
    """The person of exactly that name, whatever its case."""
    found = _one(conn, _BY_NAME, name_key(name)) if plausible_name(name) else None
    return found if found and found.name.lower() == name.lower() else None


def need(conn: Connection, name: str) -> User:
    """Like `by_name`; raises Refusal (no-such-user)."""
    found = by_name(conn, name)
    if found is None:
        raise Refusal(NO_SUCH_USER, f"there is no user {name[:60]!r}")
    return found


def names(conn: Connection, ids: set[str]) -> dict[str, str]:
    """Names by id, for pages that show the journal."""
    if not ids:
        return {}
    return {row.id: row.name for row in conn.execute(select(user.c.id, user.c.name).where(user.c.id.in_(ids)))}


def since(conn: Connection, ids: Iterable[str]) -> dict[str, datetime]:
    """When accounts were made, by id."""
    rows = conn.execute(select(user.c.id, user.c.created_at).where(user.c.id.in_(sorted(set(ids)))))
    return {row.id: row.created_at for row in rows}


def admins(conn: Connection) -> list[User]:
    """All active administrators, by name."""
    rows = conn.execute(select(user).where(user.c.is_admin, user.c.state == AccountState.ACTIVE).order_by(user.c.name))
    return [_user(row) for row in rows]


def everyone(conn: Connection) -> list[User]:
    """All accounts, by name; deleted ones are left out."""
    rows = conn.execute(select(user).where(user.c.state != AccountState.DELETED).order_by(user.c.name_key))
    return [_user(row) for row in rows]


def password_hash(conn: Connection, user_id: str) -> str | None:
    """The stored argon2 hash, None when no password was set. For `passwords` and `login` only."""
    return conn.execute(select(user.c.password_hash).where(user.c.id == user_id)).scalar_one_or_none()


def locked(tx: Tx, user_id: str) -> User | None:
    """The person as they are now: nobody changes account, password or factors before this transaction ends."""
    return _one(tx, _BY_ID.with_for_update(key_share=True), user_id) if plausible_id(user_id) else None


def freeze(tx: Tx, who: Actor, user_id: str, *, reason: str, now: datetime) -> None:
    """Freeze the account: sessions end at once, tokens are refused while it lasts. Raises Refusal."""
    _turn(tx, who, user_id, AccountState.FROZEN, "user.freeze", check_reason(reason), now)
    tx.execute(delete(session).where(session.c.user_id == user_id))


def unfreeze(tx: Tx, who: Actor, user_id: str, *, reason: str, now: datetime) -> None:
    """Thaw the account; its tokens work again. Raises Refusal."""
    _turn(tx, who, user_id, AccountState.ACTIVE, "user.unfreeze", check_reason(reason), now)


def check_reason(reason: str) -> str:
    """`reason` without surrounding space; raises Refusal (reason-needed)."""
    reason = reason.strip()
    if not 3 <= len(reason) <= 2000 or has_control(reason.replace("\n", " ").replace("\r", " ").replace("\t", " ")):
        raise Refusal(REASON_NEEDED, "say why, in 3 to 2,000 characters")
    return reason


def _turn(tx: Tx, who: Actor, user_id: str, state: AccountState, action: str, reason: str, now: datetime) -> None:
    if by_id(tx, user_id) is None:
        raise Refusal(NO_SUCH_USER, "there is no such account")
    mine = (user.c.id == user_id) & user.c.state.not_in((state, AccountState.DELETED))
    changed = tx.execute(update(user).where(mine).values(state=state))
    if changed.rowcount != 1:
        raise Refusal(SAME_STATE, f"the account is {account_state(state)} already, or was deleted")
    record(tx, action, who, (SubjectKind.USER, user_id), now=now, user=user_id, facts={"reason": reason})


_BY_ID = select(user).where(user.c.id == bindparam("wanted"))
_BY_NAME = select(user).where(user.c.name_key == bindparam("wanted"))
"""Built once: every request of somebody who is signed in asks."""


def _one(conn: Connection, statement: Any, wanted: str) -> User | None:
    row = conn.execute(statement, {"wanted": wanted}).one_or_none()
    return _user(row) if row else None


def _user(row: Any) -> User:
    return User(
        row.id,
        row.name,
        row.email,
        AccountState(row.state),
        row.is_admin,
        row.language,
        row.password_hash is not None,
        row.created_at,
        row.password_void_at is not None,
    )
