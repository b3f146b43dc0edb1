"""API tokens: minting, checking, revoking. The text of a token is shown once and stored nowhere; its key is stored sealed.

What a token may do is in its row (and can be revoked there at once); caveats that somebody added offline only narrow it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, or_, select, update

from bonded.accounts import caveats, macaroon
from bonded.accounts.caveats import TOKEN_EXPIRED, TOKEN_PROJECT
from bonded.accounts.macaroon import TOKEN_INVALID
from bonded.accounts.names import plausible_id
from bonded.accounts.people import User
from bonded.accounts.people import by_id as user_by_id
from bonded.accounts.permits import ACCOUNT_FROZEN, TOKEN_PERMISSION
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import token
from bonded.accounts.token_wanted import DEFAULT_LIFETIME as DEFAULT_LIFETIME
from bonded.accounts.token_wanted import MAX_LIFETIME as MAX_LIFETIME
from bonded.accounts.token_wanted import PERMISSIONS as PERMISSIONS
from bonded.accounts.token_wanted import TOKEN_FORM as TOKEN_FORM
from bonded.accounts.token_wanted import Wanted, checked
from bonded.db.engine import Tx
from bonded.db.window import Window, within
from bonded.journal import record
from bonded.values.names import normalize
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import clean, new_id
from bonded.values.who import Actor, ActorKind

STALE_AFTER = timedelta(days=90)
USED_EVERY = timedelta(minutes=1)
"""Last use is written at most this often."""
AGENT_LENGTH = 60

TOKEN_REVOKED = define(
    "token-revoked",
    401,
    "The API token was revoked",
    "You or an administrator revoked this token. Make a new one and replace it where it is used.",
)
NO_SUCH_TOKEN = define("no-such-token", 404, "No such token", "The token was revoked already, or it is not yours.")


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whoever sent a token that is good for what it was checked for.

    `projects` is () for all projects of the user, else the normalized names it is limited to, caveats included.
    `operator`: made on the operator's command line. `first_upload`: good for making one new project, and nothing else before
    that. `publishers`: ids of those that it was given to, where a CI identity was exchanged for it. Both may have changed since:
    see `bearing.as_of_now`.
    """

    user: User
    token_id: str
    operator: bool
    projects: tuple[str, ...]
    permissions: frozenset[str]
    used_at: datetime | None
    first_upload: bool = False
    publishers: tuple[str, ...] = ()

    def actor(self, ip: str, agent: str) -> Actor:
        """The actor for the journal."""
        return Actor(ActorKind.TOKEN, self.user.id, self.token_id, ip, agent)

    def use_is_news(self, now: datetime) -> bool:
        """Whether `note_use` is worth a write."""
        return self.used_at is None or abs(now - self.used_at) >= USED_EVERY


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its owner sees it in a list."""

    id: str
    user_id: str
    name: str
    projects: tuple[str, ...]
    permissions: frozenset[str]
    operator: bool
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_ip: str | None
    used_agent: str | None
    revoked_at: datetime | None
    networks: tuple[str, ...] = ()
    first_upload: bool = False

    def live(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def stale(self, now: datetime) -> bool:
        """Whether it works and was not used for so long that it is likely forgotten."""
        return self.live(now) and now - (self.used_at or self.created_at) >= STALE_AFTER


def mint(
    tx: Tx,
    who: Actor,
    user: User,
    *,
    sealer: Sealer,
    name: str,
    projects: Iterable[str],
    permissions: Iterable[str],
    expires_at: datetime,
    operator: bool,
    networks: Iterable[str] = (),
    first_upload: bool = False,
    now: datetime,
) -> tuple[str, str]:
    """Make a token for `user` and return its id and its text, which cannot be had again; see `Wanted`.

    Raises Refusal (token-form, account-frozen, invalid-name).
    """
    wanted = Wanted(name, tuple(projects), tuple(permissions), expires_at, operator, tuple(networks), first_upload)
    made, text, facts = _insert(tx, sealer, user, wanted, now)
    _record(tx, "token.create", who, made, user.id, wanted.name, facts["projects"], facts, now)
    return made, text


def _insert(tx: Tx, sealer: Sealer, user: User, wanted: Wanted, now: datetime) -> tuple[str, str, dict[str, Any]]:
    """The row. Returns its id, the token's text, and what the journal says of it."""
    if not user.active:
        raise Refusal(ACCOUNT_FROZEN, "the account is frozen: it cannot make tokens")
    wanted = checked(wanted, [one.name for one in of_user(tx, user.id) if one.live(now)], now)
    token_id, key = new_id(), macaroon.new_key()
    values = {
        "id": token_id,
        "user_id": user.id,
        "key": sealer.seal(key, f"token:{token_id}"),
        "name": wanted.name,
        "projects": list(wanted.projects),
        "permissions": list(wanted.permissions),
        "networks": list(wanted.networks),
        "operator": wanted.operator,
        "first_upload": wanted.first_upload,
        "created_at": now,
        "expires_at": wanted.expires_at,
    }
    tx.execute(insert(token).values(values))
    facts = {name: values[name] for name in ("projects", "permissions", "operator")}
    facts |= {"days": (wanted.expires_at - now).days}
    facts |= {name: values[name] for name in ("networks", "first_upload") if values[name]}
    return token_id, macaroon.mint(token_id, key), facts


def check(
    conn: Connection, serialized: str, *, sealer: Sealer, permission: str, project: str | None, now: datetime, ip: str
) -> Bearer:
    """Whoever bears the token, if it is good for `permission` on `project` (normalized or not) now and from `ip`.

    With `project` None no project is compared: the caller looks at `Bearer.projects`. Whether the user has a role is for
    `permits.decide`. Raises Refusal: token-invalid, -expired, -revoked (401); -not-yet-valid, -project, -permission,
    -address, -caveat, account-frozen (403); account-key-missing (503).
    """
    read = macaroon.read(serialized)
    row = _genuine(conn, sealer, read)
    if row is None:
        raise Refusal(TOKEN_INVALID, "the API token is not valid on this index")
    if row.revoked_at is not None:
        raise Refusal(TOKEN_REVOKED, "the API token was revoked: make a new one")
    if row.expires_at <= now:
        raise Refusal(TOKEN_EXPIRED, f"the API token expired on {row.expires_at:%Y-%m-%d}: make a new one")
    user = user_by_id(conn, row.user_id)
    if user is None or not user.active:
        raise Refusal(ACCOUNT_FROZEN, "the account of this API token is frozen: ask an administrator")
    key = None if project is None else normalize(project)
    places = [caveats.networks(row.networks)] if row.networks else []
    left = caveats.apply([*places, *read.caveats], caveats.Use(user.id, permission, key, now, ip))
    return _allow(row, user, left, permission, key)


def note_use(tx: Tx, token_id: str, *, ip: str, agent: str, now: datetime) -> None:
    """Note the last use; at most one write a minute changes anything (see `Bearer.use_is_news`)."""
    used = token.c.used_at  # later than now where the clock was ahead
    old = or_(used.is_(None), used <= now - USED_EVERY, used >= now + USED_EVERY)
    values = {"used_at": now, "used_ip": ip, "used_agent": short_agent(agent)}
    tx.execute(update(token).where(token.c.id == token_id, old).values(values))


def short_agent(agent: str) -> str:
    """The programs that a User-Agent names (RFC 9110, 10.1.5), for a list that people read.

    pip and uv add a JSON object about the machine, which nobody needs to recognise a use: all from its brace on is left out.
    """
    shown = "".join(c if c.isprintable() else " " for c in clean(agent).partition("{")[0])
    return textwrap.shorten(shown, AGENT_LENGTH, placeholder="") or shown.strip()[:AGENT_LENGTH]


def revoke(tx: Tx, who: Actor, token_id: str, *, user_id: str | None, now: datetime) -> None:
    """Revoke at once. `user_id`: only if the token is theirs (None: whosever it is, for administrators).

    Raises Refusal (no-such-token), the same for revoked, unknown and other people's tokens.
    """
    if not plausible_id(token_id):
        raise Refusal(NO_SUCH_TOKEN, "there is no such token to revoke")
    mine = (token.c.id == token_id) & token.c.revoked_at.is_(None)
    if user_id is not None:
        mine &= token.c.user_id == user_id
    done = tx.execute(
        update(token).where(mine).values(revoked_at=now).returning(token.c.user_id, token.c.name, token.c.projects)
    ).one_or_none()
    if done is None:
        raise Refusal(NO_SUCH_TOKEN, "there is no such token to revoke")
    facts = {"projects": done.projects}
    _record(tx, "token.revoke", who, token_id, done.user_id, done.name, done.projects, facts, now)


def rotate(tx: Tx, who: Actor, user: User, token_id: str, *, sealer: Sealer, now: datetime) -> tuple[Token, str]:
    """Replace a live token by another with the same name, limits and lifetime; the old one ends at once.

    Returns the new token and its text. Raises Refusal (no-such-token, token-form, account-frozen).
    """
    old = by_id(tx, token_id)
    mine = (token.c.id == token_id) & (token.c.user_id == user.id) & token.c.revoked_at.is_(None)
    if old is None or not old.live(now) or tx.execute(update(token).where(mine).values(revoked_at=now)).rowcount != 1:
        raise Refusal(NO_SUCH_TOKEN, "there is no such token to replace")
    ends = now + (old.expires_at - old.created_at)
    wanted = Wanted(
        old.name, old.projects, tuple(old.permissions), ends, old.operator, old.networks, old.first_upload
    )  # fmt: skip
    made, text, facts = _insert(tx, sealer, user, wanted, now)
    facts |= {"replaces": old.id}
    _record(tx, "token.rotate", who, made, user.id, old.name, list(old.projects), facts, now)
    new = by_id(tx, made)
    assert new is not None
    return new, text


def revoke_all(tx: Tx, user_id: str, *, now: datetime) -> int:
    """Revoke every live token of a person; returns how many. The caller's action is the journal row."""
    mine = (token.c.user_id == user_id) & token.c.revoked_at.is_(None) & (token.c.expires_at > now)
    return tx.execute(update(token).where(mine).values(revoked_at=now)).rowcount


def of_user(conn: Connection, user_id: str) -> list[Token]:
    """All tokens that a person made, revoked ones included, newest first; not those that CI identities were exchanged for."""
    mine = (token.c.user_id == user_id) & (token.c.publishers == [])
    rows = conn.execute(select(token).where(mine).order_by(token.c.created_at.desc(), token.c.id))
    return [_token(row) for row in rows]


def kept(conn: Connection, user_id: str, some: Window, *, live_at: datetime | None = None) -> list[Token]:
    """Some of those of them that are not revoked, newest first; with `live_at` only what works then."""
    rows = select(token).where(*_kept(user_id, live_at)).order_by(token.c.created_at.desc(), token.c.id)
    return [_token(row) for row in conn.execute(within(rows, some))]


def count_kept(conn: Connection, user_id: str, *, live_at: datetime | None = None) -> int:
    """How many there are of those."""
    return int(conn.execute(select(func.count()).select_from(token).where(*_kept(user_id, live_at))).scalar_one())


def _kept(user_id: str, live_at: datetime | None) -> list[ColumnElement[bool]]:
    c = token.c
    working = [c.expires_at > live_at] if live_at is not None else []
    return [c.user_id == user_id, c.publishers == [], c.revoked_at.is_(None), *working]


def by_id(conn: Connection, token_id: str) -> Token | None:
    """The token with that id."""
    if not plausible_id(token_id):
        return None
    row = conn.execute(select(token).where(token.c.id == token_id)).one_or_none()
    return _token(row) if row else None


def _allow(row: Any, user: User, left: caveats.Narrowed, permission: str, project: str | None) -> Bearer:
    permissions = frozenset(row.permissions)
    if left.permissions is not None:
        permissions &= left.permissions
    if permission not in permissions:
        raise Refusal(TOKEN_PERMISSION, f"the API token lacks the permission `{permission}`: use one that has it")
    limits = [names for names in (frozenset(row.projects) or None, left.projects) if names is not None]
    projects = frozenset.intersection(*limits) if limits else None
    if projects is not None and (not projects or (project is not None and project not in projects)):
        raise Refusal(
            TOKEN_PROJECT, f"the API token is not for the project {project or 'in question'}: use one that is"
        )
    limited = tuple(sorted(projects or ()))
    ids = tuple(row.publishers)
    return Bearer(user, row.id, row.operator, limited, permissions, row.used_at, row.first_upload, ids)


def genuine(conn: Connection, sealer: Sealer, read: macaroon.Read) -> Token | None:
    """The token whose text was read, if its signatures begin with its key. Raises Refusal (account-key-missing)."""
    row = _genuine(conn, sealer, read)
    return None if row is None else _token(row)


def note(tx: Tx, action: str, who: Actor, one: Token, facts: dict[str, Any], now: datetime) -> None:
    """Write what happened to a token into the journal, for its person and its projects."""
    _record(tx, action, who, one.id, one.user_id, one.name, list(one.projects), facts, now)


_BY_ID = select(token).where(token.c.id == bindparam("wanted"))
"""Built once: every upload asks."""


def _genuine(conn: Connection, sealer: Sealer, read: macaroon.Read) -> Any:
    """The row of a token whose signatures begin with its key; None otherwise. Raises Refusal (account-key-missing)."""
    row = conn.execute(_BY_ID, {"wanted": read.token_id}).one_or_none()
    return row if row is not None and read.genuine(sealer.open(bytes(row.key), f"token:{row.id}")) else None


def _record(
    tx: Tx,
    action: str,
    who: Actor,
    token_id: str,
    user_id: str,
    name: str,
    keys: list[str],
    facts: dict[str, Any],
    now: datetime,
) -> None:
    """A token for projects shows in the history of each: of one by the row itself, of several by a row each.

    Its name is what its owner called it, and may name people: it stands beside the row.
    """
    project = keys[0] if len(keys) == 1 else None
    subject, private = (SubjectKind.TOKEN, token_id), {"token": name.strip()}
    record(tx, action, who, subject, now=now, project=project, user=user_id, facts=facts, private=private)
    for key in keys if len(keys) > 1 else ():
        record(tx, "project.token", who, subject, now=now, project=key, user=user_id, facts={"by": action})


def _token(row: Any) -> Token:
    return Token(
        row.id,
        row.user_id,
        row.name,
        tuple(row.projects),
        frozenset(row.permissions),
        row.operator,
        row.created_at,
        row.expires_at,
        row.used_at,
        row.used_ip,
        row.used_agent,
        row.revoked_at,
        tuple(row.networks),
        row.first_upload,
    )
