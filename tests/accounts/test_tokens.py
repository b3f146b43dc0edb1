"""Tokens in the database: minting, each refusal with its code, revocation, last use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bonded.accounts import caveats, macaroon, people, tokens
from bonded.accounts.tables import token as token_table
from bonded.accounts.tokens import Bearer
from bonded.db.engine import Database
from bonded.journal.read import Filter, of_everything
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.accounts.people_for_tests import SEALER, person, token


def check(db: Database, text: str, now: datetime, **changed: Any) -> Bearer:
    use: dict[str, Any] = {"permission": "upload", "project": "alpha", "ip": "192.0.2.1"}
    with db.read() as conn:
        return tokens.check(conn, text, sealer=SEALER, **(use | changed), now=now)


def code(db: Database, text: str, now: datetime, **changed: Any) -> tuple[str, int]:
    with pytest.raises(Refusal) as caught:
        check(db, text, now, **changed)
    return caught.value.code, caught.value.status


def test_a_token_for_everything(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    token_id, text = token(sqlite_db, alice, now, operator=True)
    bearer = check(sqlite_db, text, now)
    assert bearer == Bearer(alice, token_id, True, (), frozenset({"upload"}), None)
    assert check(sqlite_db, text, now, project=None).projects == ()
    assert bearer.actor("192.0.2.1", "twine") == Actor(ActorKind.TOKEN, alice.id, token_id, "192.0.2.1", "twine")


def test_a_token_for_projects(db: Database, now: datetime) -> None:
    _, text = token(db, person(db, now), now, projects=("Al.pha", "beta"))
    assert check(db, text, now, project="AL_PHA").projects == ("al-pha", "beta")
    assert check(db, text, now, project=None).projects == ("al-pha", "beta")
    assert code(db, text, now, project="gamma") == ("token-project", 403)


def test_permissions(sqlite_db: Database, now: datetime) -> None:
    _, text = token(sqlite_db, person(sqlite_db, now), now, permissions=("yank",))
    assert check(sqlite_db, text, now, permission="yank").permissions == {"yank"}
    assert code(sqlite_db, text, now) == ("token-permission", 403)


def test_expiry(sqlite_db: Database, now: datetime) -> None:
    _, text = token(sqlite_db, person(sqlite_db, now), now, expires_at=now + timedelta(hours=1))
    assert check(sqlite_db, text, now + timedelta(minutes=59))
    assert code(sqlite_db, text, now + timedelta(hours=1)) == ("token-expired", 401)


def test_revocation_is_effective_at_once_and_the_owners_only(db: Database, now: datetime) -> None:
    alice, bob = person(db, now), person(db, now, "bob")
    token_id, text = token(db, alice, now)
    with pytest.raises(Refusal, match="no such token"), db.write() as tx:
        tokens.revoke(tx, OPERATOR, token_id, user_id=bob.id, now=now)
    assert check(db, text, now)
    with db.write() as tx:
        tokens.revoke(tx, OPERATOR, token_id, user_id=alice.id, now=now)
    assert code(db, text, now) == ("token-revoked", 401)
    with pytest.raises(Refusal, match="no such token"), db.write() as tx:
        tokens.revoke(tx, OPERATOR, token_id, user_id=None, now=now)


def test_a_frozen_account_has_no_tokens_that_work(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    _, text = token(sqlite_db, alice, now)
    with sqlite_db.write() as tx:
        people.freeze(tx, OPERATOR, alice.id, reason="stolen laptop", now=now)
    assert code(sqlite_db, text, now) == ("account-frozen", 403)
    with sqlite_db.read() as conn:
        frozen = people.by_id(conn, alice.id)
    assert frozen
    with pytest.raises(Refusal, match="frozen"):
        token(sqlite_db, frozen, now, name="another")
    with sqlite_db.write() as tx:
        people.unfreeze(tx, OPERATOR, alice.id, reason="laptop found", now=now)
    assert check(sqlite_db, text, now)


def test_a_forged_or_foreign_token(sqlite_db: Database, now: datetime) -> None:
    token_id, text = token(sqlite_db, person(sqlite_db, now), now)
    assert code(sqlite_db, macaroon.mint(token_id, b"x" * 32), now) == ("token-invalid", 401)
    assert code(sqlite_db, macaroon.mint("unknown", b"x" * 32), now) == ("token-invalid", 401)
    assert code(sqlite_db, text[:-1], now) == ("token-invalid", 401)
    assert code(sqlite_db, "", now) == ("token-invalid", 401)
    assert code(sqlite_db, macaroon.mint("a\x00b", b"x" * 32), now) == ("token-invalid", 401)


def test_narrowing_takes_away_and_never_adds(sqlite_db: Database, now: datetime) -> None:
    _, text = token(sqlite_db, person(sqlite_db, now), now, projects=("alpha", "beta"), permissions=("upload", "yank"))
    narrow = macaroon.narrow(
        text, [caveats.for_projects(["beta", "gamma"]), caveats.for_permissions(["upload", "all"])]
    )
    bearer = check(sqlite_db, narrow, now, project="beta")
    assert bearer.projects == ("beta",)
    assert bearer.permissions == {"upload"}
    assert code(sqlite_db, narrow, now, project="alpha") == ("token-project", 403)
    assert code(sqlite_db, narrow, now, project="gamma") == ("token-project", 403)
    assert code(sqlite_db, narrow, now, project="beta", permission="yank") == ("token-permission", 403)
    nothing = macaroon.narrow(narrow, [caveats.for_projects(["alpha"])])
    assert code(sqlite_db, nothing, now, project=None) == ("token-project", 403)
    here = macaroon.narrow(text, [caveats.from_networks(["192.0.2.0/24"])])
    assert check(sqlite_db, here, now)
    assert code(sqlite_db, here, now, ip="198.51.100.1") == ("token-address", 403)
    assert code(sqlite_db, macaroon.narrow(text, ["[77]"]), now) == ("token-caveat", 403)
    assert check(sqlite_db, text, now), "the one it was made from is as it was"


def test_the_last_use_is_written_once_a_minute(db: Database, now: datetime) -> None:
    alice = person(db, now)
    token_id, text = token(db, alice, now)

    def use(at: datetime, ip: str, agent: str = "twine/6.2.0 CPython/3.13") -> tuple[object, ...]:
        with db.write() as tx:
            tokens.note_use(tx, token_id, ip=ip, agent=agent, now=at)
            found = tokens.by_id(tx, token_id)
        assert found
        return found.used_at, found.used_ip, found.used_agent

    assert check(db, text, now).use_is_news(now)
    assert use(now, "192.0.2.1") == (now, "192.0.2.1", "twine/6.2.0 CPython/3.13")
    soon, later = now + timedelta(seconds=59), now + timedelta(seconds=60)
    assert not check(db, text, soon).use_is_news(soon)
    assert use(soon, "192.0.2.2", "uv/0.9") == (now, "192.0.2.1", "twine/6.2.0 CPython/3.13")
    assert check(db, text, later).use_is_news(later)
    assert use(later, "192.0.2.3", "uv/0.9") == (later, "192.0.2.3", "uv/0.9")


def test_the_last_use_is_not_that_of_a_clock_that_was_ahead(db: Database, now: datetime) -> None:
    token_id, text = token(db, person(db, now), now)
    with db.write() as tx:
        tokens.note_use(tx, token_id, ip="192.0.2.1", agent="", now=now + timedelta(days=365))
    assert check(db, text, now).use_is_news(now)
    with db.write() as tx:
        tokens.note_use(tx, token_id, ip="192.0.2.2", agent="", now=now)
        found = tokens.by_id(tx, token_id)
    assert found
    assert (found.used_at, found.used_ip) == (now, "192.0.2.2")


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("", ""),
        ("twine/6.2.0 requests/2.32.5 CPython/3.13.1", "twine/6.2.0 requests/2.32.5 CPython/3.13.1"),
        ('uv/0.9.2 {"installer":{"name":"uv"},"distro":{"name":"Debian"}}', "uv/0.9.2"),
        ('{"installer":{}}', ""),
        ("a\u202eb\x1b[2J\tc\ud800", "a b [2J c"),
        ("word/1.0 " * 100, ("word/1.0 " * 6).rstrip()),
        ("x" * 500, "x" * 60),
    ],
)
def test_of_what_used_it_only_the_programs_are_kept(agent: str, shown: str) -> None:
    assert tokens.short_agent(agent) == shown


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"permissions": ()}, "permissions"),
        ({"permissions": ("upload", "everything")}, "permissions"),
        ({"expires_at": datetime.fromisoformat("2026-01-05T12:00:00+00:00")}, "future"),
        ({"expires_at": datetime.fromisoformat("2029-01-05T12:00:00+00:00")}, "two years"),
        ({"projects": ("-bad-",)}, "valid project name"),
    ],
)
def test_a_token_that_cannot_be_made(sqlite_db: Database, now: datetime, changed: dict[str, Any], words: str) -> None:
    alice = person(sqlite_db, now)
    with pytest.raises(Refusal, match=words):
        token(sqlite_db, alice, now, **changed)
    with sqlite_db.read() as conn:
        assert tokens.of_user(conn, alice.id) == []


def test_names_are_unique_among_live_tokens(db: Database, now: datetime) -> None:
    alice = person(db, now)
    first, _ = token(db, alice, now)
    with pytest.raises(Refusal, match="named 'ci' already"):
        token(db, alice, now)
    with db.write() as tx:
        tokens.revoke(tx, OPERATOR, first, user_id=None, now=now)
    second, _ = token(db, alice, now + timedelta(seconds=1))
    token(db, person(db, now, "bob"), now)
    with db.read() as conn:
        found = tokens.of_user(conn, alice.id)
    assert [(t.id, t.live(now)) for t in found] == [(second, True), (first, False)]


def test_what_the_journal_says(db: Database, now: datetime) -> None:
    alice = person(db, now)
    who = Actor(ActorKind.USER, alice.id, "session", "192.0.2.1", "Browser")
    with db.write() as tx:
        expires = now + timedelta(days=30)
        token_id, text = tokens.mint(
            tx, who, alice, sealer=SEALER, name="n", projects=["Alpha"], permissions=["upload"], expires_at=expires, operator=False, now=now
        )  # fmt: skip
        tokens.revoke(tx, who, token_id, user_id=alice.id, now=now)
    with db.read() as conn:
        revoke, create = of_everything(conn, Filter(actor_id=alice.id)).entries
        assert (create.action, revoke.action) == ("token.create", "token.revoke")
        assert (create.subject_id, create.user_id, create.project_key) == (token_id, alice.id, "alpha")
        assert create.facts == {"projects": ["alpha"], "permissions": ["upload"], "operator": False, "days": 30}
        stored = conn.execute(select(token_table)).mappings().one()
    assert text not in str(stored)
    assert text[-30:] not in str(stored)
