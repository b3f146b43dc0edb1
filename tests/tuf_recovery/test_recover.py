"""A database that was lost, or restored from an older state, comes back from the public record; nothing bad comes with it."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import func, insert, select

from bonded.catalog.change_projects import delete_project, set_status
from bonded.catalog.descriptions import outdated
from bonded.catalog.pages import page_state
from bonded.catalog.read import project as read_project
from bonded.catalog.requirements import dependants
from bonded.catalog.tables import file, file_metadata, release, role
from bonded.db.jobs import job
from bonded.journal.seal import current, seal
from bonded.journal.tables import journal
from bonded.ops.recover import ownerless
from bonded.tuf.claim import Behind
from bonded.tuf.publish import publish
from bonded.values.states import FileState, ProjectStatus
from bonded.values.who import OPERATOR
from tests.tuf_recovery.conftest import Databases
from tests.tuf_recovery.house import House

GOOD = "packages/alpha/alpha-1.0-py3-none-any.whl"
BAD = "packages/beta/beta-1.0-py3-none-any.whl"


def live_a_little(house: House) -> dict[str, str]:
    """Everything that can happen to a file and a project, in several publications; returns file ids by name."""
    ids = {name: house.upload(name) for name in ("alpha", "beta", "gamma", "delta", "epsilon")}
    house.settle_everything()
    house.wait(minutes=2)
    ids["alpha 2"] = house.upload("alpha", "2.0")
    house.move("review.quarantine", ids["beta"], FileState.QUARANTINED)
    house.settle_everything()
    house.wait(minutes=2)
    house.move("review.remove", ids["gamma"], FileState.REMOVED)
    with house.db.write() as tx:
        set_status(
            tx, "review.quarantine-project", OPERATOR, "delta", ProjectStatus.QUARANTINED, reason="bad", now=house.now
        )
        set_status(tx, "project.archive", OPERATOR, "alpha", ProjectStatus.ARCHIVED, reason="done", now=house.now)
        delete_project(tx, OPERATOR, "epsilon", reason="mine", now=house.now)
    house.settle_everything()
    house.wait(minutes=2)
    from bonded.catalog.change import yank

    with house.db.write() as tx:
        yank(tx, OPERATOR, ids["alpha"], reason="broken", now=house.now)
    house.settle_everything()
    return ids


def states(house: House) -> dict[str, str]:
    with house.db.read() as conn:
        return {row.filename.split("-py3")[0]: str(row.state) for row in conn.execute(select(file)).all()}


def test_an_empty_database_gets_everything_public_back(house: House, databases: Databases) -> None:
    live_a_little(house)
    before, live = house.catalogue(), house.live()
    returning = house.client("returning").versions
    lost = house.on(databases.empty(house.db))
    done = lost.recover()
    assert lost.catalogue() == before
    assert states(lost) == {
        "alpha-1.0": "public",
        "alpha-2.0": "public",
        "beta-1.0": "quarantined",
        "gamma-1.0": "removed",
        "delta-1.0": "public",  # its project is quarantined
        "epsilon-1.0": "removed",
    }
    assert done.bins == done.pages == [], "nothing differed: only the journal, which begins anew, is signed"
    assert done.live == lost.live() > live
    assert lost.findings() == []
    assert lost.client("returning").versions > returning
    assert lost.client().get(BAD) is None
    assert ownerless(lost.db) == ["alpha", "beta", "delta", "gamma"]


def retell(house: House, file_id: str, **said: object) -> None:
    """Change what the vault keeps of what a file says of itself."""
    with house.db.read() as conn:
        key = conn.execute(select(file.c.vault_key).where(file.c.id == file_id)).scalar_one()
    path = house.folder / "vault" / f"{key}.facts.json"
    facts = orjson.loads(path.read_bytes())
    path.unlink()
    path.write_bytes(orjson.dumps(facts | {"metadata": facts["metadata"] | said}))


def test_what_releases_say_comes_back_as_an_upload_brings_it(house: House, databases: Databases) -> None:
    retell(house, house.upload("alpha"), requires_dist=["beta"])
    retell(house, house.upload("alpha", "1.0.0"), summary="words of the other file")  # 1.0.0 is 1.0
    house.settle_everything()
    lost = house.on(databases.empty(house.db))
    lost.recover()
    with lost.db.read() as conn:
        releases = conn.execute(select(release.c.id)).scalars().all()
        assert outdated(conn, 1, 10) == releases, "its description is to be rendered"
        assert dependants(conn, ["beta"]) == {"beta": 1}
        page = page_state(conn, "alpha")
        said = dict(conn.execute(select(file_metadata.c.file_id, file_metadata.c.metadata)).all())
    assert page is not None
    own = {one.filename: said.get(one.file_id, page.metadata[one.version])["summary"] for one in page.files}
    assert own == {
        "alpha-1.0-py3-none-any.whl": "what alpha is",
        "alpha-1.0.0-py3-none-any.whl": "words of the other file",
    }


def test_it_goes_on_afterwards(house: House, databases: Databases) -> None:
    live_a_little(house)
    client = house.client("returning").versions
    lost = house.on(databases.empty(house.db))
    lost.recover()
    with lost.db.write() as tx:
        lost.owner = lost.owner[:-1] + ("a" if lost.owner[-1] != "a" else "b")
        lost_owner = lost.owner
    lost.add_owner()
    with lost.db.write() as tx:
        found = read_project(tx, "alpha")
        assert found
        values = {"project_id": found.id, "user_id": lost_owner, "role": "owner", "created_at": lost.now}
        tx.execute(insert(role).values(**values))
        set_status(tx, "project.unarchive", OPERATOR, "alpha", ProjectStatus.ACTIVE, reason="", now=lost.now)
    lost.upload("alpha", "3.0")
    lost.settle_everything()
    now = lost.client("returning")
    assert now.versions > client
    assert now.get("packages/alpha/alpha-3.0-py3-none-any.whl")
    assert lost.findings() == []


def test_an_older_database_learns_what_happened_since(house: House, databases: Databases) -> None:
    first = house.upload("alpha")
    house.settle_everything()
    house.wait(minutes=2)
    old = databases.copy(house.db)
    live_a_little_more = house.upload("beta")
    house.move("review.quarantine", first, FileState.QUARANTINED)
    house.settle_everything()
    house.wait(minutes=2)
    before, live = house.catalogue(), house.live()
    restored = house.on(old)
    restored.upload("zeta")
    with pytest.raises(Behind):
        publish(restored.publisher, restored.now)
    done = restored.recover()
    after = restored.catalogue()
    assert done.live > live, "the upload that waited is published"
    assert after["states"] == sorted([*before["states"], ("zeta-1.0-py3-none-any.whl", "public")])
    client = restored.client()
    assert client.get(GOOD) is None
    assert client.get("packages/beta/beta-1.0-py3-none-any.whl")
    assert client.get("packages/zeta/zeta-1.0-py3-none-any.whl")
    assert restored.findings() == []
    assert live_a_little_more
    assert ownerless(restored.db) == ["beta"], "alpha's owner was in the older database"


def test_what_the_journal_lost_is_told_although_it_went_on(
    house: House, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that were sealed after the database was restored, by a server that ran or a recovery that stopped, are not those
    that were signed before: fsck must not take that for a log that somebody rewrote."""
    house.upload("alpha")
    house.settle_everything()
    house.wait(minutes=2)
    old = databases.copy(house.db)
    for name in ("beta", "gamma", "delta"):
        house.upload(name)
        house.settle_everything()
        house.wait(minutes=2)
    restored = house.on(old)
    with pytest.raises(Behind):
        publish(restored.publisher, restored.now)
    with restored.db.read() as conn:
        common = current(conn)[0]
    restored.upload("zeta")
    with restored.db.write() as tx:
        seal(tx, now=restored.now)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("bonded.ops.recover.retire", lambda *_: 1 // 0)
        restored.recover()
    restored.wait(minutes=2)
    done = restored.recover()
    assert done.kept <= common
    assert restored.findings() == []
    restored.wait(minutes=2)
    again = restored.recover()
    with restored.db.read() as conn:
        assert common < again.kept <= current(conn)[0], "nothing was lost since"
    assert restored.findings() == []


def test_replaying_twice_changes_nothing(sqlite_house: House, databases: Databases) -> None:
    live_a_little(sqlite_house)
    lost = sqlite_house.on(databases.empty(sqlite_house.db))
    lost.recover()
    first, rows = lost.catalogue(), journal_rows(lost)
    done = lost.recover()
    assert (done.replayed.publications, done.replayed.files, done.replayed.uploads) == (0, 0, 0)
    assert lost.catalogue() == first
    assert journal_rows(lost) == rows + 1, "only the summary of the second run"


def journal_rows(house: House) -> int:
    with house.db.read() as conn:
        return int(conn.execute(select(func.count()).select_from(journal)).scalar_one())


def test_it_may_stop_anywhere(sqlite_house: House, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after each publication that it replays: what is there stays, and the next run goes on from there."""
    from bonded.tuf import recover as module

    live_a_little(sqlite_house)
    before = sqlite_house.catalogue()
    lost = sqlite_house.on(databases.empty(sqlite_house.db))
    real = module._replay

    class Stopped(Exception):
        pass

    turns = 0

    def once(*args: object) -> None:
        nonlocal turns
        turns += 1
        if turns % 2 == 0:
            raise Stopped
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_replay", once)
    stops = 0
    while True:
        try:
            lost.recover()
            break
        except Stopped:
            stops += 1
            with pytest.raises(Behind):
                publish(lost.publisher, lost.now)
    assert stops >= 4
    assert lost.catalogue() == before
    assert lost.findings() == []


def test_packed_publications_are_replayed(sqlite_house: House, databases: Databases) -> None:
    from bonded.tuf.pack_jobs import pack_days
    from bonded.tuf.sweep import sweep

    house = sqlite_house
    for day in range(4):
        house.upload("alpha", f"{day}.0")
        house.settle_everything()
        age_records(house)
        house.wait(days=1)
        publish(house.publisher, house.now)
    house.wait(days=2)
    publish(house.publisher, house.now)
    house.work()
    pack_days(house.publisher, house.now)
    house.wait(days=2)
    publish(house.publisher, house.now)
    sweep(house.publisher, house.now)
    packs = list((house.folder / "public/publications").glob("*.jsonl.zst"))
    singles = list((house.folder / "public/publications").glob("*.json"))
    assert len(packs) >= 4
    assert len(singles) < len(packs)
    before = house.catalogue()
    lost = house.on(databases.empty(house.db))
    lost.recover()
    assert lost.catalogue() == before


def age_records(house: House) -> None:
    """The files are as old as the clock of the test says."""
    import os

    for path in (house.folder / "public/publications").iterdir():
        at = (house.now - timedelta(minutes=1)).timestamp()
        if path.stat().st_mtime > at + 3600:
            os.utime(path, (at, at))


def test_an_accepted_upload_survives_the_database(house: House, databases: Databases) -> None:
    house.upload("alpha")
    house.settle_everything()
    house.wait(minutes=2)
    waiting = house.upload("beta", public=False)
    with house.db.read() as conn:
        key = conn.execute(select(file.c.vault_key).where(file.c.id == waiting)).scalar_one()
    lost = house.on(databases.empty(house.db))
    done = lost.recover()
    assert done.replayed.uploads == 1
    assert states(lost) == {"alpha-1.0": "public", "beta-1.0": "received"}
    with lost.db.read() as conn:
        row = conn.execute(select(file).where(file.c.vault_key == key)).one()
        jobs = list(conn.execute(select(job.c.key).where(job.c.queue == "screen")).scalars())
    assert jobs == [f"screen:{row.id}"]
    assert row.uploader_id == house.owner
    assert lost.findings() == []
    assert lost.client().get("simple/beta/index.json") is None


def test_what_was_withdrawn_does_not_come_back_from_the_vault(house: House, databases: Databases) -> None:
    ids = live_a_little(house)
    with house.db.read() as conn:
        names = set(conn.execute(select(file.c.vault_key).where(file.c.id.in_([ids["beta"], ids["gamma"]]))).scalars())
    assert all(house.vault.exists(name) for name in names)
    lost = house.on(databases.empty(house.db))
    done = lost.recover()
    assert done.replayed.uploads == 0
    assert states(lost)["beta-1.0"] == "quarantined"
    assert states(lost)["gamma-1.0"] == "removed"


def test_bytes_that_the_vault_lost_come_back_from_the_public_store(sqlite_house: House, databases: Databases) -> None:
    house = sqlite_house
    house.upload("alpha")
    house.upload("beta")
    house.settle_everything()
    for path in (house.folder / "vault").iterdir():
        if path.is_file():
            path.unlink()
    house.path_of(BAD).unlink()
    lost = house.on(databases.empty(house.db))
    done = lost.recover()
    assert done.replayed.without_bytes == [BAD]
    assert [line.split(":")[0] for line in lost.findings() if "alpha" in line] == [
        "vault-facts alpha-1.0-py3-none-any.whl"
    ]
    assert lost.client().get(GOOD) == b"bytes of alpha-1.0-py3-none-any.whl"
