"""Exchanging a proven identity for a short-lived token: each identity once, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.dialects import postgresql, sqlite

from bonded.accounts import macaroon, publishers
from bonded.accounts.oidc import IDENTITY_USED, Identity
from bonded.accounts.publisher_tables import used_identity
from bonded.accounts.publishers import Publisher
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import token
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import clean, new_id
from bonded.values.who import Actor

LIFETIME = timedelta(minutes=15)
"""PEP 807: no less than 15 minutes, no more than 6 hours."""
KEPT = timedelta(days=1)
"""How long the rows of tokens stay after their end."""
TELLING = ("ref", "sha", "run_id", "actor", "pipeline_id", "job_id", "build_number", "sub")
"""Claims that say which build it was: shown in the project's history to its people, and gone with their time."""

NO_PUBLISHER = define(
    "publisher-none",
    403,
    "No trusted publisher fits this build",
    "The identity is genuine, but no project trusts a build like this one. Compare the repository, the workflow's file and the environment on "
    "the project's publishing page with those of the build, letter by letter.",
)


def mint(
    tx: Tx, who: Actor, identity: Identity, found: Sequence[Publisher], *, sealer: Sealer, now: datetime
) -> tuple[str, datetime]:
    """A token for the projects of `found`, all of which the identity fits, and when it ends.

    Of any number of transactions with one identity, at whatever time, one succeeds. Raises Refusal (identity-used,
    publisher-none).
    """
    _use_up(tx, identity)
    pins = identity.issuer.shape.pins_of(identity.claims)
    for one in found:
        publishers.used(tx, one, pins, now=now)
    _check_pins(tx, identity, found, now)
    token_id, key, ends = new_id(), macaroon.new_key(), now + LIFETIME
    projects = sorted({one.project_key for one in found})
    values = {
        "id": token_id,
        "user_id": found[0].user_id,
        "name": f"trusted publishing {token_id[:8]}",
        "key": sealer.seal(key, f"token:{token_id}"),
        "projects": projects,
        "permissions": ["upload"],
        "networks": [],
        "operator": False,
        "publishers": sorted(one.id for one in found),
        "created_at": now,
        "expires_at": ends,
    }
    tx.execute(insert(token).values(values))
    for one in found:
        _note(tx, who, identity, one, token_id, now)
    return macaroon.mint(token_id, key), ends


def sweep(tx: Tx, *, now: datetime) -> int:
    """Forget identities that no clock takes any more, tokens that ended, and pending publishers whose time is over."""
    tx.execute(delete(used_identity).where(used_identity.c.expires_at <= now))
    tx.execute(delete(token).where(token.c.publishers != [], token.c.expires_at <= now - KEPT))
    return publishers.expire(tx, now=now)


def _use_up(tx: Tx, identity: Identity) -> None:
    make: Any = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    row = {"issuer": identity.issuer.url, "jti": identity.id, "expires_at": identity.forget_at}
    insert_once = make(used_identity).values(row).on_conflict_do_nothing().returning(used_identity.c.jti)
    if tx.execute(insert_once).first() is None:
        raise Refusal(IDENTITY_USED, "this identity was exchanged for a token already")


def _check_pins(tx: Tx, identity: Identity, found: Sequence[Publisher], now: datetime) -> None:
    """Another first use at the same moment may have been faster to say what must stay the same."""
    shape = identity.issuer.shape
    good, _ = publishers.matching(tx, shape, identity.issuer.url, identity.claims, now=now)
    if {one.id for one in found} - {one.id for one in good}:
        raise Refusal(
            NO_PUBLISHER, "the build is of another repository than the one that the publisher was used by first"
        )


def _note(tx: Tx, who: Actor, identity: Identity, one: Publisher, token_id: str, now: datetime) -> None:
    told = {name: clean(str(identity.claims[name]))[:200] for name in TELLING if name in identity.claims}
    facts = {"publisher": one.id, "issuer": one.issuer, "minutes": int(LIFETIME.total_seconds() // 60)}
    private = {"publisher": one.words} | told
    subject = (SubjectKind.TOKEN, token_id)
    project = one.project_key
    record(tx, "publisher.mint", who, subject, now=now, project=project, user=one.user_id, facts=facts, private=private)
