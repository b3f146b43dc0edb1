"""Tokens for a first upload: one new project, whoever asks how often at once, and that project from then on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bonded.accounts import tokens
from bonded.accounts.tokens import Bearer
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Database
from bonded.journal.read import Filter, of_project
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import SEALER, person, token
from tests.upload.conftest import Index
from tests.upload.making import make_wheel


@pytest.fixture
def index(db: Database, tmp_path: Path, now: datetime) -> Index:
    return index_of(db, tmp_path, now)


def index_of(db: Database, folder: Path, now: datetime) -> Index:
    from bonded.adapters.storage_files import FileStorage

    for name in ("vault", "spool"):
        (folder / name).mkdir()
    return Index(db, FileStorage(folder / "vault"), folder / "spool", now)


def bearer(index: Index, text: str) -> Bearer:
    with index.db.read() as conn:
        return tokens.check(conn, text, sealer=SEALER, permission="upload", project=None, now=index.now, ip="192.0.2.1")


def upload(index: Index, who: Bearer, name: str, version: str = "1.0") -> str:
    """The code of the refusal, or the state."""
    file, data = make_wheel(name, version)
    try:
        return index.upload(who, file, data, name=name, version=version).state
    except Refusal as refusal:
        return refusal.code


def projects(db: Database) -> list[str]:
    with db.read() as conn:
        return sorted(conn.execute(select(project_table.c.key)).scalars())


def test_it_makes_one_project_and_is_for_that_one_alone_from_then_on(index: Index) -> None:
    alice = person(index.db, index.now)
    token_id, text = token(index.db, alice, index.now, first_upload=True)
    assert upload(index, bearer(index, text), "Al_pha") == "received"
    assert upload(index, bearer(index, text), "al-pha", "2.0") == "received"
    assert upload(index, bearer(index, text), "beta") == "token-project"
    with index.db.read() as conn:
        made = tokens.by_id(conn, token_id)
        history = of_project(conn, "al-pha", Filter())
    assert made
    assert (made.projects, made.first_upload) == (("al-pha",), False)
    assert [entry.action for entry in history.entries].count("token.bind") == 1


def test_it_is_not_good_for_a_project_that_is_there(index: Index) -> None:
    alice = person(index.db, index.now)
    _, whole = token(index.db, alice, index.now, name="whole")
    assert upload(index, bearer(index, whole), "alpha") == "received"
    _, text = token(index.db, alice, index.now, first_upload=True)
    assert upload(index, bearer(index, text), "alpha", "2.0") == "token-first-upload"
    assert upload(index, bearer(index, text), "beta") == "received"


def test_fifty_uploads_of_different_projects_have_one_winner(index: Index) -> None:
    _, text = token(index.db, person(index.db, index.now), index.now, first_upload=True)
    who = bearer(index, text)
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda n: upload(index, who, f"project{n}"), range(50)))
    assert sorted(said) == ["received"] + ["token-project"] * 49
    assert len(projects(index.db)) == 1
    kept = [path for path in (index.spool.parent / "vault").rglob("*") if path.is_file() and path.name != "lock"]
    assert len([path for path in kept if path.suffix != ".json"]) <= 2, "what lost left nothing in the vault"


def test_fifty_files_of_one_new_project_all_get_in(index: Index) -> None:
    _, text = token(index.db, person(index.db, index.now), index.now, first_upload=True)
    who = bearer(index, text)
    with ThreadPoolExecutor(25) as pool:
        said = list(pool.map(lambda n: upload(index, who, "alpha", f"1.{n}"), range(25)))
    assert said == ["received"] * 25
    assert projects(index.db) == ["alpha"]


def test_a_revoked_one_makes_nothing(index: Index) -> None:
    token_id, text = token(index.db, person(index.db, index.now), index.now, first_upload=True)
    who = bearer(index, text)
    with index.db.write() as tx:
        tokens.revoke(tx, OPERATOR, token_id, user_id=None, now=index.now)
    assert upload(index, who, "alpha") == "token-revoked"
    assert projects(index.db) == []


@pytest.mark.parametrize("changed", [{"projects": ("alpha",)}, {"permissions": ("upload", "yank")}])
def test_one_that_contradicts_itself_is_not_made(
    sqlite_db: Database, now: datetime, changed: dict[str, tuple[str, ...]]
) -> None:
    with pytest.raises(Refusal) as caught:
        token(sqlite_db, person(sqlite_db, now), now, first_upload=True, **changed)
    assert caught.value.code == "token-form"


def test_replacing_it_keeps_what_it_is(sqlite_db: Database, now: datetime) -> None:
    alice = person(sqlite_db, now)
    token_id, _ = token(sqlite_db, alice, now, first_upload=True)
    with sqlite_db.write() as tx:
        new, _ = tokens.rotate(tx, OPERATOR, alice, token_id, sealer=SEALER, now=now + timedelta(days=1))
    assert new.first_upload
