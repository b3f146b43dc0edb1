"""The mail job: who gets what, once, in their language; failures of one do not keep others waiting."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select, update

from bonded.accounts import people, tokens
from bonded.accounts.people import User
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import user as user_table
from bonded.catalog import change
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, claim
from bonded.db.worker import work_once
from bonded.journal import record
from bonded.mail.compose import MailSettings
from bonded.mail.job import MailContext, NotSent, handle
from bonded.mail.tables import sent
from bonded.values.states import Role, SubjectKind
from bonded.values.who import OPERATOR, POLICY, PUBLISHER, Actor, ActorKind

SETTINGS = MailSettings("Bonded", "https://index.example.invalid/", "Bonded Index <bonded@example.invalid>")


class Recording:
    """A mailer that keeps what it is given, and fails for some."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.fails_for: set[str] = set()

    def send(self, message: EmailMessage) -> None:
        message.as_bytes()
        if str(message["To"]) in self.fails_for:
            raise OSError(f"550 no such mailbox {message['To']}")
        self.sent.append(message)

    def to(self) -> list[str]:
        return sorted(str(m["To"]).partition("@")[0] for m in self.sent)


@pytest.fixture
def mailer() -> Recording:
    return Recording()


def person(tx: Tx, name: str, now: datetime, language: str | None = None, *, is_admin: bool = False) -> User:
    made = people.create(tx, OPERATOR, name, f"{name}@example.invalid", is_admin=is_admin, now=now)
    tx.execute(update(user_table).where(user_table.c.id == made.id).values(language=language))
    return made


@pytest.fixture
def cast(sqlite_db: Database, now: datetime) -> dict[str, User]:
    return make_cast(sqlite_db, now)


def make_cast(db: Database, now: datetime) -> dict[str, User]:
    with db.write() as tx:
        made = {
            "olga": person(tx, "olga", now, "de"),
            "otto": person(tx, "otto", now),
            "mia": person(tx, "mia", now),
            "ada": person(tx, "ada", now, is_admin=True),
        }
        change.create_project(tx, OPERATOR, "Sample", owner_id=made["olga"].id, now=now)
        change.add_role(tx, OPERATOR, "sample", made["otto"].id, Role.OWNER, now=now)
        change.add_role(tx, OPERATOR, "sample", made["mia"].id, Role.MAINTAINER, now=now)
    return made


def event(db: Database, action: str, now: datetime, who: Actor = OPERATOR, **more: object) -> int:
    facts = {"filename": "sample-1.0.tar.gz", "version": "1.0", "reason": "a reason"}
    subject = more.pop("subject", (SubjectKind.FILE, "file"))
    with db.write() as tx:
        return record(tx, action, who, subject, now=now, **({"project": "sample", "facts": facts} | more))  # type: ignore[arg-type]


def run(db: Database, mailer: Recording, journal_id: int, now: datetime) -> list[EmailMessage]:
    before = len(mailer.sent)
    job = Job(1, "mail", f"mail:{journal_id}", {"journal_id": journal_id}, 1, now)
    effects = handle(MailContext(db, mailer, SETTINGS), job, now)
    if effects is not None:
        with db.write() as tx:
            effects(tx)
    return mailer.sent[before:]


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part
    return str(part.get_content())


def test_owners_are_told_each_in_their_language(db: Database, now: datetime, mailer: Recording) -> None:
    cast = make_cast(db, now)
    admin = Actor(ActorKind.USER, cast["ada"].id, "session", "192.0.2.1", "Browser")
    run(db, mailer, event(db, "review.quarantine", now, admin), now)
    assert mailer.to() == ["mia", "olga", "otto"], "maintainers too"
    english, german, _ = sorted(mailer.sent, key=lambda m: str(m["To"]))
    assert german["Subject"] == "sample 1.0: sample-1.0.tar.gz steht unter Quarantäne"
    assert german["Content-Language"] == "de"
    assert "Guten Tag, olga," in body(german)
    assert "5. Januar 2026" in body(german)
    assert english["Subject"] == "sample 1.0: sample-1.0.tar.gz was quarantined"
    assert "January 5, 2026" in body(english)
    assert english["From"] == "Bonded Index <bonded@example.invalid>"
    assert english["Auto-Submitted"] == "auto-generated"
    for message in mailer.sent:
        text = body(message) + body(message, "html")
        assert "a reason" in text
        assert "sample › " in text, "the way to the page, not a link to a login"
        assert "https://index.example.invalid/manage" not in text
        assert "192.0.2.1" not in text, "somebody else's address"
        assert "ada" not in text.replace("Canada", ""), "reviewers are not named to uploaders"


def test_running_again_mails_nobody_twice(db: Database, now: datetime, mailer: Recording) -> None:
    make_cast(db, now)
    journal_id = event(db, "file.yank", now)
    first = run(db, mailer, journal_id, now)
    assert len(first) == 3
    assert run(db, mailer, journal_id, now) == []
    with db.read() as conn:
        assert len(conn.execute(select(sent).where(sent.c.journal_id == journal_id)).all()) == 3


def test_a_crash_before_the_end_of_the_job_mails_the_last_one_again_and_nobody_else(
    db: Database, now: datetime, mailer: Recording
) -> None:
    make_cast(db, now)
    journal_id = event(db, "file.yank", now)
    job = Job(1, "mail", f"mail:{journal_id}", {"journal_id": journal_id}, 1, now)
    assert handle(MailContext(db, mailer, SETTINGS), job, now) is not None
    *_, last = mailer.sent
    assert len(mailer.sent) == 3
    (again,) = run(db, mailer, journal_id, now)
    assert (again["To"], again["Message-ID"]) == (last["To"], last["Message-ID"])
    assert run(db, mailer, journal_id, now) == []


def test_who_could_not_be_mailed_is_tried_again_alone(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    journal_id = event(sqlite_db, "file.yank", now)
    mailer.fails_for = {"olga@example.invalid"}
    with pytest.raises(NotSent) as caught:
        run(sqlite_db, mailer, journal_id, now)
    assert "olga" not in str(caught.value)
    assert mailer.to() == ["mia", "otto"]
    mailer.fails_for = set()
    (late,) = run(sqlite_db, mailer, journal_id, now)
    assert late["To"] == "olga@example.invalid"


def test_a_repeated_message_has_the_same_id(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    """A crash between sending and noting it."""
    journal_id = event(sqlite_db, "file.yank", now)
    once = run(sqlite_db, mailer, journal_id, now)
    with sqlite_db.write() as tx:
        tx.execute(sent.delete())
    again = run(sqlite_db, mailer, journal_id, now + timedelta(minutes=1))
    assert {m["Message-ID"] for m in once} == {m["Message-ID"] for m in again}
    assert len({m["Message-ID"] for m in once}) == 3
    assert all(cast[name].id not in str(once[0]["Message-ID"]) for name in cast)


def test_the_person_concerned_is_told_with_their_own_address(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    mia = cast["mia"]
    who = Actor(ActorKind.USER, mia.id, "session", "192.0.2.7", "Browser 1.0")
    with sqlite_db.write() as tx:
        expires = now + timedelta(days=9)
        token_id, text = tokens.mint(
            tx, who, mia, sealer=Sealer(b"k" * 32), name="n", projects=[], permissions=["upload", "yank"], expires_at=expires, operator=False, now=now
        )  # fmt: skip
    taken = _job(sqlite_db, now)
    handle(MailContext(sqlite_db, mailer, SETTINGS), taken, now)
    message = mailer.sent[-1]
    assert message["To"] == "mia@example.invalid"
    words = body(message)
    assert "192.0.2.7" in words
    assert "Browser 1.0" in words
    assert "upload files and yank files" in words
    assert "your account › History" in words
    assert "https://index.example.invalid/account/" not in words
    assert text not in message.as_string()
    assert token_id not in words


def test_an_administrators_address_is_not_told(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    who = Actor(ActorKind.USER, cast["ada"].id, "session", "192.0.2.1", "Browser")
    with sqlite_db.write() as tx:
        people.freeze(tx, who, cast["mia"].id, reason="stolen laptop", now=now)
    handle(MailContext(sqlite_db, mailer, SETTINGS), _job(sqlite_db, now), now)
    words = body(mailer.sent[-1])
    assert "stolen laptop" in words
    assert "192.0.2.1" not in words


def test_administrators_are_told_of_what_waits(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    (message,) = run(sqlite_db, mailer, event(sqlite_db, "file.hold", now, POLICY), now)
    assert message["To"] == "ada@example.invalid"
    assert "Administration › Review" in " ".join(body(message).split())
    (parked,) = run(
        sqlite_db,
        mailer,
        event(sqlite_db, "publication.park", now, PUBLISHER, subject=(SubjectKind.PUBLICATION, "7")),
        now,
    )
    assert "Administration › Signing" in " ".join(body(parked).split())


def test_somebody_who_lost_a_role_is_told_too(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    with sqlite_db.write() as tx:
        journal_id = change.remove_role(tx, OPERATOR, "sample", cast["mia"].id, Role.MAINTAINER, now=now)
    run(sqlite_db, mailer, journal_id, now)
    assert mailer.to() == ["mia", "olga", "otto"]
    english = next(m for m in mailer.sent if "otto" in str(m["To"]))
    assert english["Subject"] == "sample: mia is no longer maintainer"
    assert "The operator of this index took the role" in body(english)


def test_files_of_one_release_are_one_piece_of_news(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    def publish(version: str, at: datetime) -> int:
        facts = {"filename": f"sample-{version}.whl", "version": version}
        return len(run(sqlite_db, mailer, event(sqlite_db, "file.publish", at, POLICY, facts=facts), at))

    assert publish("1.0", now) == 3
    assert publish("1.0", now + timedelta(seconds=1)) == 0
    assert publish("2.0", now + timedelta(seconds=2)) == 3
    assert publish("1.0", now + timedelta(minutes=59)) == 0
    assert publish("1.0", now + timedelta(hours=3)) == 3, "a new file in an old release is news"


def test_a_row_that_is_gone_is_no_error(sqlite_db: Database, now: datetime, mailer: Recording) -> None:
    assert run(sqlite_db, mailer, 12345, now) == []


def test_hostile_facts_cannot_add_headers_or_fail(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    facts = {
        "filename": "x\r\nBcc: evil@example.invalid\x00" + "y" * 5000,
        "version": "<b>1</b>",
        "reason": "r\n" * 5000,
    }
    for message in run(sqlite_db, mailer, event(sqlite_db, "file.yank", now, facts=facts), now):
        assert message["Bcc"] is None
        assert "<b>1</b>" not in body(message, "html")
        assert len(message.as_bytes()) < 60_000


def test_through_the_worker(db: Database, now: datetime, mailer: Recording) -> None:
    """record() leaves the job, the worker runs it."""
    make_cast(db, now)
    context = MailContext(db, mailer, SETTINGS)
    while work_once(db, {"mail": lambda job, at: handle(context, job, at)}, lambda: now):
        pass
    assert mailer.to().count("mia") == 3, "the account, her role, and that otto became an owner"
    event(db, "file.delete", now)
    assert work_once(db, {"mail": lambda job, at: handle(context, job, at)}, lambda: now)
    assert str(mailer.sent[-1]["Subject"]).startswith("sample 1.0: sample-1.0.tar.gz was deleted")


def _job(db: Database, now: datetime) -> Job:
    """The newest mail job; older ones are dropped."""
    newest = None
    with db.write() as tx:
        while taken := claim(tx, ["mail"], now=now, lease=timedelta(minutes=1)):
            newest = taken
    assert newest
    return newest


def test_an_alarm_is_told_to_administrators_in_their_language(db: Database, now: datetime, mailer: Recording) -> None:
    cast = make_cast(db, now)
    with db.write() as tx:
        person(tx, "doro", now, "de", is_admin=True)
        tx.execute(update(user_table).where(user_table.c.id == cast["ada"].id).values(language="en"))
    facts = {"kind": "role-expired", "key": "expiry:root", "step": 5, "values": {"role": "root"}}
    subject = (SubjectKind.INDEX, "")
    english, german = sorted(
        run(db, mailer, event(db, "index.alarm", now, PUBLISHER, project=None, facts=facts, subject=subject), now),
        key=lambda m: str(m["To"]),
    )
    assert english["Subject"] == "Bonded, urgent: The role root has expired: clients refuse the index."
    assert german["Subject"] == "Bonded, dringend: Die Rolle root ist abgelaufen: Clients weisen den Index zurück."
    for message in (english, german):
        assert "Administration › Signi" in " ".join(body(message).split())
        assert "publisher of this index" not in body(message)
    assert "needs a ceremony" in " ".join(body(english).split())
    assert "braucht eine Zeremonie" in " ".join(body(german).split())


@pytest.mark.parametrize(
    ("time", "said"), [("7500", "seit 2 Stunden."), ("2 h 5 min", "seit 2 h 5 min.")], ids=["now", "old-row"]
)
def test_how_long_an_alarm_stands_is_said_in_the_recipients_words(
    sqlite_db: Database, now: datetime, mailer: Recording, time: str, said: str
) -> None:
    with sqlite_db.write() as tx:
        person(tx, "doro", now, "de", is_admin=True)
    facts = {"kind": "publisher-stalled", "key": "publisher-stalled", "step": 2, "values": {"count": "3", "time": time}}
    about = (SubjectKind.INDEX, "")
    (told,) = run(
        sqlite_db,
        mailer,
        event(sqlite_db, "index.alarm", now, PUBLISHER, project=None, facts=facts, subject=about),
        now,
    )
    assert told["Subject"].endswith(f"(3), die älteste {said}")


def test_an_alarm_of_a_kind_that_is_not_known_any_more_is_still_a_mail(
    sqlite_db: Database, now: datetime, mailer: Recording, cast: dict[str, User]
) -> None:
    facts = {"kind": "of-an-earlier-version", "key": "x", "step": 1, "values": {}}
    (told,) = run(
        sqlite_db,
        mailer,
        event(sqlite_db, "index.alarm", now, PUBLISHER, project=None, facts=facts, subject=(SubjectKind.INDEX, "")),
        now,
    )
    assert "Administration › Signing" in " ".join(body(told).split())
