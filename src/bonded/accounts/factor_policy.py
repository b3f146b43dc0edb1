"""Who must have a second factor: what settings say, and what administrators chose beyond that.

Settings (`account.second_factor`) ask it of whoever makes tokens or manages projects. Administrators can ask it of everybody,
and for a security device, which no copy of the site deceives, of whoever has a role in a critical project (OpenSSF, Principles
for Package Repository Security, authentication, levels 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from bonded.accounts.factors import Kind
from bonded.accounts.people import check_reason
from bonded.accounts.recovery_tables import factor_policy as table
from bonded.accounts.tables import factor, user
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import AccountState, SubjectKind
from bonded.values.who import Actor

ONLY = 1
"""Id of the only row."""

SAME_POLICY = define(
    "same-policy",
    409,
    "Nothing to do",
    "The policy is what was asked for. It may have changed since the page was loaded.",
)
SHUT_OUT = define(
    "policy-shuts-you-out",
    409,
    "You would shut yourself out",
    "You ask of everybody what you do not have yourself. Add a second factor to your account first.",
)


@dataclass(frozen=True, slots=True)
class FactorPolicy:
    """`everybody`: nothing but one's own safety can be done without one. `critical_devices`: people of critical projects
    need a security device."""

    everybody: bool = False
    critical_devices: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """How many active people there are, and how many of them have a second factor, and a security device."""

    people: int
    with_factor: int
    with_device: int


def current(conn: Connection) -> FactorPolicy:
    """The policy in force."""
    row = conn.execute(select(table.c.everybody, table.c.critical_devices)).one_or_none()
    return FactorPolicy(row.everybody, row.critical_devices) if row else FactorPolicy()


def has_device(conn: Connection, user_id: str) -> bool:
    """Whether the person has a security device or passkey."""
    mine = (factor.c.user_id == user_id) & (factor.c.kind == Kind.DEVICE)
    return conn.execute(select(factor.c.id).where(mine).limit(1)).first() is not None


def standing(conn: Connection) -> Standing:
    """How things stand, for the page on which the policy is chosen."""
    active = set(conn.execute(select(user.c.id).where(user.c.state == AccountState.ACTIVE)).scalars())
    rows = conn.execute(select(factor.c.user_id, factor.c.kind).distinct()).all()
    some = {row.user_id for row in rows} & active
    devices = {row.user_id for row in rows if row.kind == Kind.DEVICE} & active
    return Standing(len(active), len(some), len(devices))


def choose(tx: Tx, who: Actor, wanted: FactorPolicy, *, reason: str, now: datetime) -> None:
    """Change the policy. Raises Refusal (same-policy, policy-shuts-you-out, account-reason-needed)."""
    words, old = check_reason(reason), current(tx)
    if wanted == old:
        raise Refusal(SAME_POLICY, "the policy is this already")
    own = select(factor.c.id).where(factor.c.user_id == who.user_id).limit(1)
    if wanted.everybody and who.user_id and tx.execute(own).first() is None:
        raise Refusal(SHUT_OUT, "add a second factor to your own account first")
    values = {"everybody": wanted.everybody, "critical_devices": wanted.critical_devices, "changed_at": now}
    if tx.execute(update(table).where(table.c.id == ONLY).values(values)).rowcount == 0:
        tx.execute(insert(table).values(values | {"id": ONLY}))
    facts = {"everybody": wanted.everybody, "critical_devices": wanted.critical_devices, "reason": words}
    record(tx, "policy.set-factors", who, (SubjectKind.INDEX, ""), now=now, facts=facts)
