"""What the policy of second factors asks of one person: before one act (looked up for the guard, decided in `permits`), and at
their login."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bonded.accounts import factor_policy, factors, tokens
from bonded.accounts.factors import Needs
from bonded.accounts.permits import needs_second_factor, own_safety
from bonded.catalog import of_person
from bonded.catalog.critical import works_on_critical
from bonded.values.actions import Action, Who


@dataclass(frozen=True, slots=True)
class Asked:
    """What `permits.decide` is told: what they have, or that nobody asks for it."""

    second_factor: bool = True
    everybody: bool = False
    device: bool = True


NOTHING_ASKED = Asked()


def may_ask(action: Action) -> bool:
    """Whether any policy asks for something before this act."""
    return needs_second_factor(action) or not (action.who is Who.ANYONE or own_safety(action))


def device_demanded(conn: Connection, user_id: str) -> bool:
    """Whether the person logs in with a security device only: somebody of a critical project, where the policy says so."""
    return factor_policy.current(conn).critical_devices and works_on_critical(conn, user_id)


def needs_of(conn: Connection, user_id: str, of_managers: bool, *, now: datetime) -> Needs:
    """What the person cannot be without, for what they have already: roles in projects, API tokens that work."""
    policy = factor_policy.current(conn)
    own = (one for one in tokens.of_user(conn, user_id) if one.live(now) and not one.operator)
    manages = of_managers and (of_person.has_any(conn, user_id) or any(own))
    return Needs(policy.everybody or manages, policy.critical_devices and works_on_critical(conn, user_id))


def asked_of(conn: Connection, user_id: str, action: Action, of_managers: bool) -> Asked:
    """`of_managers` is the setting: whoever makes tokens or manages projects needs a second factor."""
    if not may_ask(action):
        return NOTHING_ASKED
    managing = needs_second_factor(action)
    policy = factor_policy.current(conn)
    if not policy.everybody and not managing:
        return NOTHING_ASKED
    device = policy.critical_devices and managing and works_on_critical(conn, user_id)
    return Asked(
        second_factor=not (policy.everybody or of_managers) or factors.has_any(conn, user_id),
        everybody=policy.everybody,
        device=not device or factor_policy.has_device(conn, user_id),
    )
