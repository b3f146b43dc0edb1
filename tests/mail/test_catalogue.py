"""Every mail as its recipient gets it: when, where, with what, what to do; in their language; and no way to a login."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.accounts.tables import user as user_table
from bonded.catalog import change, invitations, read
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.db.engine import Database
from bonded.db.jobs import Job
from bonded.journal import record
from bonded.journal.tables import journal, journal_private
from bonded.mail import kinds, letter, samples
from bonded.mail.catalogues import available, translations
from bonded.mail.job import MailContext, handle
from bonded.mail.tables import sent
from bonded.ops.delete_account import delete_account
from bonded.values.actions import ACTIONS, Notify
from bonded.values.states import FileState, PackageType, Role, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, POLICY, Actor, ActorKind
from tests.mail.test_job import Recording, body, event, make_cast, person, run

SETTINGS = samples.settings("Bonded", "https://index.example.invalid/")
LANGUAGES = sorted({"en", "de"} & available())


@pytest.fixture
def mailer() -> Recording:
    return Recording()


def test_there_are_enough_kinds() -> None:
    assert len(samples.names()) >= 45


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", samples.names())
def test_each_says_when_where_and_with_what_and_what_to_do(name: str, language: str) -> None:
    made = samples.sample(name, language, SETTINGS)
    words = translations(language).gettext
    for label in ("time", "address", "agent", "where"):
        assert re.search(rf"^{re.escape(words(letter.LABELS[label]))}: .", made.text, re.MULTILINE), label
    assert "2026" in made.text
    head = made.text.partition(f"\n{words(letter.LABELS['time'])}: ")[0]
    paragraphs = [one for one in head.split("\n\n") if one.strip()]
    assert len(paragraphs) >= 3, "a greeting, what happened, and what to do"
    assert made.subject
    for text in (made.text, made.html):
        assert "{" not in re.sub(r"style=\"[^\"]*\"", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_only_links_are_the_index_and_secret_ones(language: str) -> None:
    for name in samples.names():
        made = samples.sample(name, language, SETTINGS)
        links = set(re.findall(r"https?://[^\s\"<>]+", made.text + made.html))
        links = {link.rstrip(".") for link in links} - {"https://index.example.invalid/", samples.FACTS["found"]}
        assert all(samples.SECRET in link for link in links), (name, links)


WHOM = ("en", "de", "de_AT", None, "tlh", "../x")


@pytest.mark.parametrize("by_language", ["en", "de"])
@pytest.mark.parametrize("language", WHOM)
def test_the_language_is_that_of_the_recipient_not_of_who_acts(
    sqlite_db: Database, now: datetime, mailer: Recording, language: str | None, by_language: str
) -> None:
    """As when an administrator whose pages are in English freezes somebody who reads German."""
    with sqlite_db.write() as tx:
        mia = person(tx, "mia", now, language)
        ada = person(tx, "ada", now, by_language, is_admin=True)
        who = Actor(ActorKind.USER, ada.id, "session", "192.0.2.1", "Browser")
        facts = {"reason": "stolen laptop"}
        journal_id = record(tx, "user.freeze", who, (SubjectKind.USER, mia.id), now=now, user=mia.id, facts=facts)
    (told,) = run(sqlite_db, mailer, journal_id, now)
    german = str(language).startswith("de")
    assert ("Guten Tag, mia," in body(told)) is german
    assert told["Content-Language"] == ("de" if german else "en")
    assert ("5. Januar 2026" in body(told)) is german


@pytest.mark.parametrize(
    ("offered", "language"), [((), "de"), (("en", "de"), "de"), (("en", "fr"), "en"), (("en",), "en")]
)
def test_a_language_that_is_not_offered_is_not_written(
    sqlite_db: Database, now: datetime, mailer: Recording, offered: tuple[str, ...], language: str
) -> None:
    """As when drafts are switched off after people had chosen one: their pages are in English then, and their mails too."""
    with sqlite_db.write() as tx:
        mia = person(tx, "mia", now, "de")
        facts = {"reason": "stolen laptop"}
        journal_id = record(tx, "user.freeze", OPERATOR, (SubjectKind.USER, mia.id), now=now, user=mia.id, facts=facts)
    job = Job(1, "mail", f"mail:{journal_id}", {"journal_id": journal_id}, 1, now)
    handle(MailContext(sqlite_db, mailer, replace(SETTINGS, languages=offered)), job, now)
    assert [told["Content-Language"] for told in mailer.sent] == [language]


def test_each_recipient_of_one_row_reads_their_own(db: Database, now: datetime, mailer: Recording) -> None:
    make_cast(db, now)
    run(db, mailer, event(db, "file.yank", now), now)
    assert {str(m["To"]).partition("@")[0]: str(m["Content-Language"]) for m in mailer.sent} == {
        "olga": "de",
        "otto": "en",
        "mia": "en",
    }


def unwanted(db: Database, user: User, kind: str, now: datetime) -> None:
    with db.write() as tx:
        kinds.choose(tx, OPERATOR, user.id, frozenset(kinds.OPTIONAL) - {kind}, now=now)


@pytest.mark.parametrize(
    ("kind", "action"),
    [("release", "file.publish"), ("yank", "file.yank"), ("yank", "file.unyank"), ("status", "project.archive")],
)
def test_an_optional_kind_can_be_switched_off_by_one_person(
    db: Database, now: datetime, mailer: Recording, kind: str, action: str
) -> None:
    cast = make_cast(db, now)
    unwanted(db, cast["mia"], kind, now)
    told = run(db, mailer, event(db, action, now), now)
    assert mailer.to() == ["olga", "otto"]
    assert all("page Mails of" in body(m) or "„Mails“" in body(m) for m in told)


SECURITY = ["role.add", "role.remove", "review.quarantine", "review.quarantine-project", "file.withdraw", "file.delete"]


@pytest.mark.parametrize("action", SECURITY)
def test_what_shows_an_attack_reaches_everybody(
    sqlite_db: Database, now: datetime, mailer: Recording, action: str
) -> None:
    cast = make_cast(sqlite_db, now)
    with sqlite_db.write() as tx:
        kinds.choose(tx, OPERATOR, cast["mia"].id, frozenset(), now=now)
    run(sqlite_db, mailer, event(sqlite_db, action, now, user=cast["otto"].id), now)
    assert {"mia", "olga", "otto"} <= set(mailer.to())
    assert not any("page Mails of" in body(m) for m in mailer.sent)


def test_every_optional_letter_is_one_and_none_is_about_security() -> None:
    optional = {name for letters in kinds.OPTIONAL.values() for name in letters}
    assert optional <= set(samples.names())
    kept = (
        "user.",
        "factor.",
        "token.",
        "role.add",
        "role.remove",
        "role.leave",
        "role.invite",
        "role.accept",
        "review.",
    )
    assert not [name for name in optional if name.startswith(kept)]
    assert kinds.LATE not in optional


def test_owners_alone_are_asked_what_owners_alone_can_answer(
    sqlite_db: Database, now: datetime, mailer: Recording
) -> None:
    make_cast(sqlite_db, now)
    for action in sorted(
        kinds.OWNERS_ONLY - {"role.invite", "role.decline", "role.revoke-invitation", "role.expire-invitation"}
    ):
        assert ACTIONS[action].notify is Notify.OWNERS
        mailer.sent.clear()
        run(sqlite_db, mailer, event(sqlite_db, action, now), now)
        assert mailer.to() == ["olga", "otto"], action


def put_file(db: Database, at: datetime, number: int) -> int:
    """A file of release 1.0 of `sample`, received and published at that moment; returns the journal id."""
    file_id = new_id()
    with db.write() as tx:
        project = read.project(tx, "sample")
        assert project
        known = read.release_head(tx, project.id, "1.0")
        release_id = known[0] if known else new_id()
        if not known:
            row = {"id": release_id, "project_id": project.id, "version": "1.0", "metadata": {}, "created_at": at}
            tx.execute(insert(release_table).values(row))
        row = {"id": file_id, "project_id": project.id, "release_id": release_id, "filename": f"sample-{number}.whl"}
        row |= {"packagetype": PackageType.WHEEL, "python_version": "py3", "size": 1, "md5": "m", "sha256": f"{number}"}
        row |= {"blake2_256": "b", "vault_key": f"{number}", "state": FileState.RECEIVED, "state_at": at}
        row |= {"holds_name": True, "uploaded_at": at, "uploader_id": "", "token_id": ""}
        tx.execute(insert(file_table).values(row))
        return change.move_file(tx, "file.publish", POLICY, file_id, FileState.PUBLIC, reason="", now=at)


def test_a_file_in_an_old_release_is_told_to_those_too_who_want_no_news_of_releases(
    db: Database, now: datetime, mailer: Recording
) -> None:
    cast = make_cast(db, now)
    unwanted(db, cast["mia"], "release", now)
    put_file(db, now, 1)

    def told(journal_id: int, at: datetime) -> list[str]:
        mailer.sent.clear()
        run(db, mailer, journal_id, at)
        return mailer.to()

    soon = now + timedelta(hours=3)
    assert told(put_file(db, soon, 2), soon) == ["olga", "otto"]
    late = now + timedelta(days=30)
    assert told(put_file(db, late, 3), late) == ["mia", "olga", "otto"]
    assert {str(m["Subject"]) for m in mailer.sent if m["Content-Language"] == "en"} == {
        "sample 1.0: a file was added to an old release"
    }


def test_an_invitation_has_its_link_for_one_reader_only(db: Database, now: datetime, mailer: Recording) -> None:
    cast = make_cast(db, now)
    with db.write() as tx:
        ivo = person(tx, "ivo", now, "de")
        made = invitations.invite(tx, Actor(ActorKind.USER, cast["otto"].id), "sample", ivo.id, Role.OWNER, now=now)
    with db.read() as conn:
        journal_id = conn.execute(select(journal.c.id).where(journal.c.action == "role.invite")).scalar_one()
    run(db, mailer, journal_id, now)
    assert mailer.to() == ["ivo", "olga", "otto"]
    for message in mailer.sent:
        mine = "ivo@" in str(message["To"])
        assert ("/account/invitations/link/" in body(message)) is mine
    with db.write() as tx:
        invitations.revoke(tx, OPERATOR, "sample", made, now=now)
        tx.execute(sent.delete())
    mailer.sent.clear()
    run(db, mailer, journal_id, now)
    assert mailer.to() == ["olga", "otto"], "an invitation that was taken back is not sent any more"


def test_the_last_mail_of_a_deleted_account_takes_the_address_with_it(
    db: Database, now: datetime, mailer: Recording
) -> None:
    with db.write() as tx:
        mia = person(tx, "mia", now, "de")
        mia = people.by_id(tx, mia.id) or mia
        journal_id = delete_account(tx, Actor(ActorKind.USER, mia.id, "", "192.0.2.7", "Browser"), mia, now=now)
    (told,) = run(db, mailer, journal_id, now)
    assert told["To"] == "mia@example.invalid"
    assert told["Subject"] == "Bonded: Ihr Konto wurde gelöscht"
    assert "Guten Tag, mia," in body(told)
    with db.read() as conn:
        assert conn.execute(select(func.count()).select_from(journal_private)).scalar_one() == 0
    with db.write() as tx:
        assert tx.execute(update(user_table).values(language=None)).rowcount == 1


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "upload files and yank files"),
        ("de", "Dateien hochladen und Dateien zurückziehen"),
        ("ja", "ファイルのアップロード、ファイルのヤンク"),
        ("ar", "رفع الملفات وسحب الملفات"),
    ],
)
def test_a_list_is_written_as_in_the_readers_language(language: str, words: str) -> None:
    said = " ".join(samples.sample("token.create", language, SETTINGS).text.split())
    assert words in said, said
