"""Asking for recovery, and the evidence: a token of the account, or a file in a repository that its projects link to."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy.dialects import postgresql, sqlite

from bonded.accounts import factors, macaroon, reset, tokens
from bonded.accounts.counted import opaque
from bonded.accounts.macaroon import TOKEN_INVALID
from bonded.accounts.recovery_request import LostFactors, State, note, open_of, write
from bonded.accounts.recovery_tables import recovery_request as table
from bonded.accounts.sealing import Sealer
from bonded.db.engine import Database, Tx
from bonded.journal import record
from bonded.seams import Counter
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import has_control
from bonded.values.who import Actor, ActorKind

A_DAY = 3
"""Mails about one account in a day."""

TOKEN_OF_ANOTHER = define(
    "token-of-another",
    403,
    "This token proves nothing here",
    "Use an API token of the very account that you want back, as it was given to you: one that somebody narrowed, or that was "
    "revoked or has expired, proves nothing.",
)
NOT_LINKED = define(
    "repository-not-linked",
    400,
    "No project of yours links to this repository",
    "The address has to begin with https:// and to be below a repository that a public release of one of your projects names in its "
    "metadata. The page lists those that count.",
)


def ask(db: Database, counter: Counter, who: Actor, typed: str, *, now: datetime) -> None:
    """Have a link sent, when `typed` is a name or an address of an active account that has a second factor.

    For anything else the same is done, but for the mail.
    """
    with db.read() as conn:
        user = reset.meant(conn, typed.strip())
        known = user if user is not None and user.active and factors.has_any(conn, user.id) else None
    account = opaque(known.id if known else typed)
    within = counter.hit(f"recovery:{account}", A_DAY, timedelta(days=1), now) == 0
    with db.write() as tx:
        if known and within:
            write(tx, "recovery.link", who, _request(tx, known.id, now), now)
        else:
            subject = (SubjectKind.USER, known.id if known else "")
            record(tx, "recovery.ask", who, subject, now=now, user=known.id if known else None)


def prove_token(
    tx: Tx, sealer: Sealer, serialized: str, challenge: str, *, ip: str, agent: str, now: datetime
) -> LostFactors:
    """Take a token of the account as proof, for the request that shows `challenge`; the token stays as it is.

    Raises Refusal (token-invalid, token-of-another, recovery-begun, recovery-over).
    """
    read = macaroon.read(serialized)
    known = tokens.genuine(tx, sealer, read)
    if known is None:
        raise Refusal(TOKEN_INVALID, "the API token is not valid")
    found = open_of(tx, known.user_id)
    same = found is not None and secrets.compare_digest(found.challenge.encode(), challenge.encode("utf-8", "replace"))
    if found is None or not same or read.caveats or not known.live(now):
        raise Refusal(TOKEN_OF_ANOTHER, "this token proves nothing about the account of this request")
    note(tx, found, {"token_at": now, "token_id": known.id})
    who = Actor(ActorKind.TOKEN, known.user_id, known.id, ip, agent)
    write(tx, "recovery.prove-token", who, found, now, {"token": known.id})
    return found


def name_repository(
    tx: Tx, who: Actor, found: LostFactors, address: str, linked: Iterable[str], *, now: datetime
) -> None:
    """Say where the challenge can be seen; administrators look there. `linked`: repositories that count.

    Raises Refusal (repository-not-linked, recovery-begun, recovery-over).
    """
    address = address.strip()
    if len(address) > 500 or has_control(address) or not any(is_below(address, one) for one in linked):
        raise Refusal(NOT_LINKED, "no project of the account links to this repository")
    note(tx, found, {"mail_at": now, "repository": address, "repository_at": now})
    write(tx, "recovery.name-repository", who, found, now, private={"repository": address})


def is_below(address: str, repository: str) -> bool:
    """Whether `address` is a page of the repository: same host, and its path begins with two parts of it or more. Pure."""
    try:
        here, there = urlsplit(address), urlsplit(repository)
        ports = here.port, there.port
    except ValueError:
        return False
    parts = _parts(there.path)
    own = here.scheme == "https" and ports[0] in (None, 443) and "@" not in here.netloc
    same_host = bool(here.hostname) and here.hostname == there.hostname
    return own and same_host and len(parts) >= 2 and _parts(here.path)[: len(parts)] == parts


def _parts(path: str) -> list[str]:
    return [part.removesuffix(".git") for part in path.split("/") if part not in ("", ".")]


def _request(tx: Tx, user_id: str, now: datetime) -> LostFactors:
    """The open request of that person, or a new one; two at the same moment share it."""
    make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    challenge = f"bonded-recovery-{secrets.token_hex(12)}"
    values = {"user_id": user_id, "state": State.ASKED, "challenge": challenge, "asked_at": now}
    tx.execute(make(table).values(values).on_conflict_do_nothing())
    found = open_of(tx, user_id)
    assert found is not None, "it is there, or was just made"
    return found
