"""Accepting uploads: what is written, who may, repeats, other bytes, races; on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import delete, func, select

from bonded.accounts import people, tokens
from bonded.accounts.tables import token
from bonded.accounts.tokens import Bearer
from bonded.catalog import change, change_two_owners, pages, read
from bonded.catalog.descriptions import Description, Outcome, keep_description, read_description
from bonded.catalog.search_tables import search
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.db.engine import Tx
from bonded.db.jobs import job
from bonded.journal.tables import journal, to_publish
from bonded.ops.delete_account import delete_account
from bonded.upload.accept import Accepted
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, Mode, ProjectStatus, Role
from bonded.values.who import OPERATOR, POLICY
from tests.upload.conftest import Index
from tests.upload.making import make_sdist, make_wheel, metadata


def refused(index: Index, bearer: Bearer, filename: str, data: bytes, **more: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        index.upload(bearer, filename, data, **more)
    return caught.value


def count(index: Index, column: object) -> int:
    with index.db.read() as conn:
        return int(conn.execute(select(func.count(column))).scalar_one())  # type: ignore[arg-type]


def actions(index: Index) -> list[str]:
    with index.db.read() as conn:
        return list(conn.execute(select(journal.c.action).order_by(journal.c.id)).scalars())


def test_a_first_upload_makes_project_release_file_journal_and_job(index: Index) -> None:
    ann = index.person("ann")
    bearer = index.bearer(ann)
    filename, data = make_wheel("Sample.Project", "1.0")
    accepted = index.upload(bearer, filename, data, name="Sample.Project")
    assert accepted.created
    assert not accepted.repeated
    assert accepted.state is FileState.RECEIVED
    assert accepted.project_key == "sample-project"
    with index.db.read() as conn:
        project = read.project(conn, "sample-project")
        assert project is not None
        assert project.name == "Sample.Project"
        assert read.roles(conn, project.id) == [(ann.id, Role.OWNER)]
        file = read.file(conn, accepted.file_id)
        assert file is not None
        assert (file.filename, file.size, file.uploader_id, file.token_id) == (
            filename,
            len(data),
            ann.id,
            bearer.token_id,
        )
        assert file.metadata_size is not None
        release = read.release(conn, project.id, "1.0")
        assert release is not None
        assert release.metadata["summary"] == "a test"
        jobs = conn.execute(select(job.c.queue, job.c.key, job.c.payload).where(job.c.queue == "screen")).all()
        assert [tuple(row) for row in jobs] == [("screen", f"screen:{accepted.file_id}", {"file_id": accepted.file_id})]
        assert pages.page_state(conn, "sample-project") is None, "nothing is public before a verdict"
        assert read.project_keys(conn) == []
    assert actions(index)[-2:] == ["project.create", "file.upload"]
    assert index.vault.get(file.vault_key).data == data
    facts = orjson.loads(index.vault.get(file.vault_key + ".facts.json").data)
    assert facts["filename"] == filename
    assert facts["uploader_id"] == ann.id
    kept = index.vault.get(file.vault_key + ".metadata").data
    assert kept.startswith(b"Metadata-Version: 2.4\nName: Sample.Project\n")
    assert list(index.spool.iterdir()) == []


def test_the_same_bytes_again_are_a_success_that_changes_nothing(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    first = index.upload(bearer, *make_wheel())
    before = (index.stored(), actions(index))
    again = index.upload(bearer, *make_wheel())
    assert again == Accepted(first.file_id, "sample", "1.0", first.filename, first.state, created=False, repeated=True)
    assert (index.stored(), actions(index)) == before


def test_other_bytes_under_a_name_are_refused_in_words_that_clients_know(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    index.upload(bearer, *make_wheel())
    stored = index.stored()
    refusal = refused(index, bearer, *make_wheel(files={"sample/__init__.py": b"x = 2\n"}))
    assert refusal.code == "file-exists"
    assert refusal.status == 400
    assert refusal.reason().startswith("File already exists")
    assert index.stored() == stored


def test_a_name_that_was_public_is_never_used_again(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    one = index.upload(bearer, *make_wheel())
    with index.db.write() as tx:
        change.move_file(tx, "file.publish", POLICY, one.file_id, FileState.PUBLIC, reason="", now=index.now)
        change.delete_file(tx, OPERATOR, one.file_id, reason="", now=index.now)
    for files in ({"sample/__init__.py": b"x = 1\n"}, {"sample/__init__.py": b"x = 2\n"}):
        refusal = refused(index, bearer, *make_wheel(files=files))
        assert refusal.code == "filename-used"
        assert refusal.reason().startswith("File already exists")


def test_a_project_deleted_while_its_file_is_screened_can_be_uploaded_anew(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    one = index.upload(bearer, *make_wheel())
    with index.db.write() as tx:
        change.delete_project(tx, OPERATOR, one.project_key, reason="a mistake", now=index.now)
    two = index.upload(bearer, *make_wheel())
    assert (two.state, two.repeated) == (FileState.RECEIVED, False)
    with index.db.write() as tx:
        change.move_file(tx, "file.publish", POLICY, two.file_id, FileState.PUBLIC, reason="", now=index.now)
    with index.db.read() as conn:
        page = pages.page_state(conn, one.project_key)
    assert page is not None
    assert [file.file_id for file in page.files] == [two.file_id]


def test_a_rejected_file_frees_its_name_for_other_bytes_only(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    one = index.upload(bearer, *make_wheel())
    with index.db.write() as tx:
        change.move_file(tx, "file.refuse", POLICY, one.file_id, FileState.REJECTED, reason="", now=index.now)
    assert refused(index, bearer, *make_wheel()).code == "rejected-before"
    two = index.upload(bearer, *make_wheel(files={"sample/__init__.py": b"x = 2\n"}))
    assert not two.repeated
    with index.db.read() as conn:
        held = read.file_by_name(conn, two.filename)
    assert held is not None
    assert held.id == two.file_id
    with pytest.raises(Refusal) as caught, index.db.write() as tx:
        change.move_file(
            tx, "review.release", OPERATOR, one.file_id, FileState.PUBLIC, reason="was good", now=index.now
        )
    assert caught.value.code == "name-taken"


def says(index: Index) -> tuple[str, str, str]:
    """The summary that the page has and that the search has, and the HTML of the description, of sample 1.0."""
    with index.db.read() as conn:
        page = pages.page_state(conn, "sample")
        found = conn.execute(select(search.c.summary)).scalar_one()
        shown = read_description(conn, "sample", "1.0")
    assert page is not None
    return page.metadata["1.0"]["summary"], found, shown.html


def describing(index: Index) -> list[str]:
    """The releases whose description is to be rendered; forgets that."""
    with index.db.write() as tx:
        keys = tx.execute(delete(job).where(job.c.queue == "describe").returning(job.c.key)).scalars().all()
    return [key.removeprefix("describe:") for key in keys]


def move(index: Index, action: str, file_id: str, state: FileState) -> None:
    with index.db.write() as tx:
        change.move_file(tx, action, OPERATOR, file_id, state, reason="seen", now=index.now)


def said(word: str) -> bytes:
    head = metadata("sample", "1.0", f"Keywords: {word}", description=f"{word}\n")
    return head.replace(b"Summary: a test", f"Summary: {word}".encode())


def test_a_release_says_what_a_public_file_of_it_says(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    bad = index.upload(bearer, *make_sdist(meta=said("phishing")))
    good = index.upload(bearer, *make_wheel(meta=said("good")))
    like_bad = index.upload(bearer, *make_wheel(tag="py2-none-any", meta=said("phishing")))
    release = bad.file_id
    rendered = Description(Outcome.RENDERED, html="<p>phishing</p>")
    with index.db.write() as tx:
        keep_description(tx, release, rendered, renderer=1, now=index.now)
    assert describing(index) == [release]
    move(index, "file.publish", good.file_id, FileState.PUBLIC)
    assert says(index) == ("good", "good", ""), "nobody let out what the other files say"
    assert describing(index) == [release]
    move(index, "file.publish", like_bad.file_id, FileState.PUBLIC)
    assert says(index)[:2] == ("good", "good"), "what a public file says stays"
    assert describing(index) == []
    move(index, "review.quarantine", good.file_id, FileState.QUARANTINED)
    assert says(index)[:2] == ("phishing", "phishing"), "and goes with it"
    move(index, "review.release", good.file_id, FileState.PUBLIC)
    move(index, "review.remove", like_bad.file_id, FileState.REMOVED)
    assert says(index)[:2] == ("good", "good")


def test_a_file_after_a_rejected_one_brings_its_own_words(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    one = index.upload(bearer, *make_wheel(meta=said("phishing")))
    move(index, "file.refuse", one.file_id, FileState.REJECTED)
    two = index.upload(bearer, *make_wheel(meta=said("good")))
    move(index, "file.publish", two.file_id, FileState.PUBLIC)
    assert says(index) == ("good", "good", "")


def test_in_mode_watch_a_file_is_public_at_once_and_screened_after(index: Index) -> None:
    index.mode = Mode.WATCH
    bearer = index.bearer(index.person("ann"))
    accepted = index.upload(bearer, *make_wheel())
    assert accepted.state is FileState.PUBLIC
    assert actions(index)[-2:] == ["file.upload", "file.publish"]
    with index.db.read() as conn:
        page = pages.page_state(conn, "sample")
        assert page is not None
        assert [file.filename for file in page.files] == [accepted.filename]
        assert read.project_keys(conn) == [("sample", "sample")]
        queued = conn.execute(select(job.c.key).where(job.c.queue == "screen")).scalars().all()
        published = conn.execute(select(to_publish.c.project_key)).scalars().all()
    assert queued == [f"screen:{accepted.file_id}"]
    assert published == ["sample", "sample"]


def test_rights_are_those_of_now_and_of_the_token(index: Index) -> None:
    ann, bob = index.person("ann"), index.person("bob")
    index.upload(index.bearer(ann), *make_wheel())
    two = make_wheel(version="2.0")
    bobs = index.bearer(bob)
    assert refused(index, bobs, *two, version="2.0").code == "not-your-project"
    assert refused(index, index.bearer(ann, "other"), *two, version="2.0").code == "token-project"
    assert refused(index, index.bearer(ann, permissions=("yank",)), *two, version="2.0").code == "token-permission"
    with index.db.write() as tx:
        change.add_role(tx, OPERATOR, "sample", bob.id, Role.MAINTAINER, now=index.now)
    assert index.upload(bobs, *two, version="2.0").state is FileState.RECEIVED
    with index.db.write() as tx:
        change.remove_role(tx, OPERATOR, "sample", bob.id, Role.MAINTAINER, now=index.now)
    assert refused(index, bobs, *make_wheel(version="3.0"), version="3.0").code == "not-your-project"
    assert count(index, project_table.c.id) == 1


def end_token(tx: Tx, index: Index, bearer: Bearer) -> None:
    tokens.revoke(tx, OPERATOR, bearer.token_id, user_id=None, now=index.now)


def freeze(tx: Tx, index: Index, bearer: Bearer) -> None:
    people.freeze(tx, OPERATOR, bearer.user.id, reason="stolen", now=index.now)


def erase(tx: Tx, index: Index, bearer: Bearer) -> None:
    delete_account(tx, OPERATOR, bearer.user, now=index.now)


@pytest.mark.parametrize(
    ("act", "code"), [(end_token, "token-revoked"), (freeze, "account-frozen"), (erase, "token-revoked")]
)
def test_a_token_that_ends_while_its_file_comes_in_uploads_nothing(
    index: Index, act: Callable[[Tx, Index, Bearer], None], code: str
) -> None:
    """The token was good at the door; a file of a gigabyte is examined for many seconds after that."""
    bearer = index.bearer(index.person("ann"))
    with index.db.write() as tx:
        act(tx, index, bearer)
    assert refused(index, bearer, *make_wheel()).code == code
    with index.db.read() as conn:
        assert read.project(conn, "sample") is None


def test_archived_and_quarantined_projects_take_no_files(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    index.upload(bearer, *make_wheel())
    with index.db.write() as tx:
        change.set_status(
            tx, "project.archive", OPERATOR, "sample", ProjectStatus.ARCHIVED, reason="over", now=index.now
        )
    assert refused(index, bearer, *make_wheel(version="2.0"), version="2.0").code == "project-closed"
    assert index.upload(bearer, *make_wheel()).repeated, "the same bytes are a success whatever the project's state"


def test_a_release_has_one_sdist_and_may_have_many_wheels(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    index.with_limits(exact_names=False)
    index.upload(bearer, *make_sdist())
    index.upload(bearer, *make_wheel())
    index.upload(bearer, *make_wheel(tag="cp311-cp311-win_amd64"))
    name, data = make_sdist()
    assert refused(index, bearer, name.replace("sample-", "Sample-"), data).code == "second-sdist"
    assert count(index, file_table.c.id) == 3


def test_equal_versions_are_one_release_however_they_are_written(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    index.upload(bearer, *make_wheel(version="1.0"))
    index.upload(bearer, *make_sdist(version="1.0.0"), version="1.0.0")
    assert refused(index, bearer, *make_sdist(version="1.0"), version="1.0").code == "second-sdist"
    with index.db.read() as conn:
        project = read.project(conn, "sample")
        assert project is not None
        assert [release.version for release in read.releases(conn, project.id)] == ["1.0"]
        assert [file.version for file in read.files(conn, project.id)] == ["1.0", "1.0"]
        found = read.release(conn, project.id, "1")
    assert found is not None
    assert found.version == "1.0"


def test_old_releases_take_no_files_where_the_policy_says_so(lite: Index) -> None:
    lite.with_limits(freeze_after=timedelta(days=7))
    bearer = lite.bearer(lite.person("ann"))
    lite.upload(bearer, *make_wheel())
    lite.now += timedelta(days=6)
    lite.upload(bearer, *make_sdist())
    lite.now += timedelta(days=1)
    lite.upload(bearer, *make_wheel(tag="cp311-cp311-win_arm64"))
    lite.now += timedelta(seconds=1)
    frozen = refused(lite, bearer, *make_wheel(tag="cp311-cp311-win_amd64"))
    assert (frozen.code, frozen.status) == ("release-frozen", 403)
    assert "takes files for 7 days only: raise the version" in frozen.reason()
    assert lite.upload(bearer, *make_sdist()).repeated, "the same bytes again are no new file"
    lite.upload(bearer, *make_wheel(version="1.1"), version="1.1")


def test_a_file_that_needs_a_second_owner_is_not_served_before_in_any_mode(lite: Index) -> None:
    ann, otto = lite.person("ann"), lite.person("otto")
    lite.upload(lite.bearer(ann), *make_wheel())
    with lite.db.write() as tx:
        change.add_role(tx, OPERATOR, "sample", otto.id, Role.OWNER, now=lite.now)
        change_two_owners.start(tx, OPERATOR, "sample", now=lite.now)
    lite.mode = Mode.WATCH
    assert lite.upload(lite.bearer(ann), *make_wheel(version="1.1"), version="1.1").state is FileState.RECEIVED


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("json", "standard-library"),
        ("samp1e", "confusable-name"),
        ("s-a.m_ple", "confusable-name"),
        ("set-aside", "prohibited-name"),
    ],
)
def test_names_that_a_new_project_cannot_have(lite: Index, name: str, code: str) -> None:
    lite.with_limits(prohibited=frozenset({"set-aside"}))
    bearer = lite.bearer(lite.person("ann"))
    lite.upload(bearer, *make_wheel())
    assert refused(lite, bearer, *make_wheel(name), name=name).code == code
    assert len(lite.stored()) == 3


def test_a_use_of_the_token_is_noted_with_the_upload(lite: Index) -> None:
    bearer = lite.bearer(lite.person("ann"))
    lite.upload(bearer, *make_wheel())
    with lite.db.read() as conn:
        used = conn.execute(select(token.c.used_at, token.c.used_ip, token.c.used_agent)).one()
    assert tuple(used) == (lite.now, "192.0.2.1", "test/1")


def test_of_many_uploads_of_one_name_at_once_one_wins_and_none_fails(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    made = [make_wheel(files={"sample/__init__.py": f"x = {n % 5}\n".encode()}) for n in range(20)]
    received = [index.receive(*item) for item in made]
    start = threading.Barrier(10)

    def one(n: int) -> str:
        from bonded.upload.accept import accept

        if n < 10:
            start.wait()
        try:
            done = accept(index.context, received[n], bearer, bearer.actor("192.0.2.1", "test/1"), index.now)
        except Refusal as refusal:
            return refusal.code
        return "repeated" if done.repeated else "new"

    with ThreadPoolExecutor(10) as pool:
        results = Counter(pool.map(one, range(20)))
    assert results == {"new": 1, "repeated": 3, "file-exists": 16}, "each of the five contents was sent four times"
    assert count(index, file_table.c.id) == 1
    assert len(index.stored()) == 3, "losers leave nothing in the vault"


def test_of_two_confusable_names_at_once_one_wins(index: Index) -> None:
    bearer = index.bearer(index.person("ann"))
    names = ["sample-one", "sampleone", "samp1e-one", "sample0ne"]
    received = [index.receive(*make_wheel(name), name=name) for name in names]

    def one(n: int) -> str:
        from bonded.upload.accept import accept

        try:
            accept(index.context, received[n], bearer, bearer.actor("", ""), index.now)
        except Refusal as refusal:
            return refusal.code
        return "new"

    with ThreadPoolExecutor(4) as pool:
        results = Counter(pool.map(one, range(4)))
    assert results == {"new": 1, "confusable-name": 3}
