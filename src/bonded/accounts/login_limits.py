"""How often somebody may try to prove that they are a person: by account, by network, and all together.

Who tries from a browser in which that person logged in before, or from their open session, is counted apart from everybody
else. So no stranger, however many machines they have, keeps the person out of a browser of theirs; and a passkey, which says
itself whose it is, is counted by network alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bonded.accounts.counted import opaque
from bonded.accounts.names import name_key
from bonded.accounts.networks import network_of
from bonded.seams import Counter
from bonded.values.pieces import again_in_seconds
from bonded.values.refusals import Refusal, define

LOGIN_LIMITED = define(
    "login-limited",
    429,
    "Too many attempts",
    "There were too many attempts to log in, to this account or from this network. Wait, then try again: a browser in which "
    "you logged in before waits five minutes at most, and a passkey works at once.",
)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """Attempts allowed, right or wrong: per account and network, per network, of everybody, per account from anywhere, and
    for one account from one browser in which its owner logged in before."""

    account_and_network: int = 10
    network: int = 100
    everybody: int = 1000
    window: timedelta = timedelta(minutes=5)
    account: int = 50
    account_window: timedelta = timedelta(hours=1)
    known: int = 10
    known_a_day: int = 100


def limit(counter: Counter, name: str, ip: str, limits: LoginLimits, now: datetime, *, known: str = "") -> None:
    """Count one attempt to prove to be `name`. Raises Refusal (login-limited). Step-ups count here too.

    `known` is the id of a browser or session that is that person's already, "" for none. After a hundred attempts in a day
    it counts for nothing: then the browser is in other hands, and is treated like any.
    """
    if known and not counter.hit(f"login-known-day:{known}", limits.known_a_day, A_DAY, now):
        _hit(counter, f"login-known:{known}", limits.known, limits.window, now)
        return
    account, network = _account(name), network_of(ip)
    _hit(counter, f"login:{account}@{network}", limits.account_and_network, limits.window, now)
    _hit(counter, f"login-from:{network}", limits.network, limits.window, now)
    _hit(counter, "login-all", limits.everybody, limits.window, now)
    _hit(counter, f"login-to:{account}", limits.account, limits.account_window, now)


def limit_network(counter: Counter, ip: str, limits: LoginLimits, now: datetime) -> None:
    """Count one attempt that names nobody (a passkey says who it is). Raises Refusal (login-limited)."""
    _hit(counter, f"passkey-from:{network_of(ip)}", limits.network, limits.window, now)


def _hit(counter: Counter, key: str, most: int, window: timedelta, now: datetime) -> None:
    wait = counter.hit(key, most, window, now)
    if wait:
        raise Refusal(LOGIN_LIMITED, f"too many attempts; {again_in_seconds(wait)}", retry_after=wait)


def _account(name: str) -> str:
    """Hashed, so that the counter's rows hold nothing that was typed."""
    return opaque(name_key(name))
