"""Mail domains that are gone: addresses are taken out of use on the third day, and the person is told where they can be."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage

from sqlalchemy import insert

from bonded.accounts import address_book, addresses, people, recovery_asking, reset, second_step, unusual
from bonded.accounts.lost_domains import due, round_of
from bonded.accounts.people import User
from bonded.accounts.tables import factor
from bonded.adapters.counter_sql import SqlCounter
from bonded.adapters.mail_domains_dns import DnsMailDomains
from bonded.db.engine import Database
from bonded.db.worker import work_once
from bonded.mail.compose import MailSettings
from bonded.mail.job import MailContext, handle
from bonded.seams import MailDomain
from bonded.values.who import OPERATOR
from tests.support.dns import name_server

DAY = timedelta(days=1)


class Says:
    """What the DNS says, by domain; others take mail."""

    def __init__(self, **gone: MailDomain) -> None:
        self.answers = {f"{name}.example.net": answer for name, answer in gone.items()}
        self.asked: list[str] = []

    def look(self, domain: str) -> MailDomain:
        self.asked.append(domain)
        return self.answers.get(domain, MailDomain.TAKES_MAIL)


def person(db: Database, now: datetime, name: str, *domains: str, is_admin: bool = False) -> User:
    with db.write() as tx:
        made = people.create(tx, OPERATOR, name, f"{name}@{domains[0]}", is_admin=is_admin, now=now)
        for domain in domains[1:]:
            address_book.put(tx, made.id, f"{name}@{domain}", verified=True, now=now)
    return made


def mails(db: Database, now: datetime) -> list[tuple[str, str]]:
    sent: list[EmailMessage] = []

    class Keeps:
        def send(self, message: EmailMessage) -> None:
            sent.append(message)

    context = MailContext(db, Keeps(), MailSettings("Bonded", "http://localhost/", "b@example.invalid"))
    while work_once(db, {"mail": lambda job, at: handle(context, job, at)}, lambda: now):
        pass
    return [(str(one["To"]), str(one["Subject"])) for one in sent]


def test_an_address_goes_on_the_third_day_and_the_next_one_is_told(db: Database, now: datetime) -> None:
    ann = person(db, now, "ann", "lost.example.net", "good.example.net")
    mails(db, now)
    says = Says(lost=MailDomain.GONE)
    for day in range(3):
        round_of(db, says, now=now + day * DAY)
        with db.read() as conn:
            assert people.need(conn, "ann").email == "ann@lost.example.net", f"day {day}"
    round_of(db, says, now=now + 3 * DAY)
    with db.read() as conn:
        known = {one.address: one for one in address_book.of_user(conn, ann.id)}
        assert people.need(conn, "ann").email == "ann@good.example.net"
    assert known["ann@lost.example.net"].lost_at == now + 3 * DAY
    assert not known["ann@lost.example.net"].verified
    assert mails(db, now + 3 * DAY) == [("ann@good.example.net", "An e-mail address can no longer be reached")]
    round_of(db, says, now=now + 9 * DAY)
    assert mails(db, now + 9 * DAY) == [], "it is told once"


def test_whoever_cannot_be_reached_is_told_to_the_administrators(sqlite_db: Database, now: datetime) -> None:
    person(sqlite_db, now, "ann", "lost.example.net")
    person(sqlite_db, now, "ada", "good.example.net", is_admin=True)
    mails(sqlite_db, now)
    says = Says(lost=MailDomain.GONE)
    for day in range(4):
        round_of(sqlite_db, says, now=now + day * DAY)
    assert [to for to, _ in mails(sqlite_db, now + 3 * DAY)] == ["ada@good.example.net"]


def test_no_link_that_sets_a_password_goes_to_a_lost_domain(sqlite_db: Database, now: datetime) -> None:
    person(sqlite_db, now, "ann", "lost.example.net")
    says = Says(lost=MailDomain.GONE)
    for day in range(4):
        round_of(sqlite_db, says, now=now + day * DAY)
    mails(sqlite_db, now + 4 * DAY)
    for typed in ("ann", "ann@lost.example.net"):
        reset.ask(sqlite_db, SqlCounter(sqlite_db), OPERATOR, typed, now=now + 5 * DAY)
    assert mails(sqlite_db, now + 5 * DAY) == []
    says.answers.clear()  # somebody registered the domain anew
    round_of(sqlite_db, says, now=now + 6 * DAY)
    reset.ask(sqlite_db, SqlCounter(sqlite_db), OPERATOR, "ann@lost.example.net", now=now + 6 * DAY)
    assert mails(sqlite_db, now + 6 * DAY) == [], "it must be confirmed anew first"


def test_nobody_proves_by_a_lost_domain_to_have_the_mail(sqlite_db: Database, now: datetime) -> None:
    ann = person(sqlite_db, now, "ann", "lost.example.net")
    values = {"id": "1" * 26, "user_id": ann.id, "kind": "device", "label": "key", "created_at": now}
    with sqlite_db.write() as tx:
        tx.execute(insert(factor).values(values))

    def told(later: timedelta) -> list[str]:
        """To whom links go of somebody who asks for recovery, and of an unusual login."""
        counter, at = SqlCounter(sqlite_db), now + later
        recovery_asking.ask(sqlite_db, counter, OPERATOR, "ann", now=at)
        with sqlite_db.write() as tx:
            place = second_step.begin(tx, ann, ip="203.0.113.5", agent="Eve/1.0", now=at).session
        unusual.send(sqlite_db, counter, ann, place, again=False, now=at)
        return [to for to, _ in mails(sqlite_db, at)]

    assert told(DAY).count("ann@lost.example.net") == 3, "with that of the new account"
    says = Says(lost=MailDomain.GONE)
    for day in range(1, 5):
        round_of(sqlite_db, says, now=now + day * DAY)
    mails(sqlite_db, now + 4 * DAY)
    says.answers.clear()  # somebody registered the domain anew
    round_of(sqlite_db, says, now=now + 5 * DAY)
    assert told(6 * DAY) == []


def test_a_day_without_answer_or_with_a_good_one_begins_anew(sqlite_db: Database, now: datetime) -> None:
    person(sqlite_db, now, "ann", "lost.example.net")
    for day, answer in enumerate([MailDomain.GONE, MailDomain.GONE, MailDomain.TAKES_MAIL] * 4):
        round_of(sqlite_db, Says(lost=answer), now=now + day * DAY)
    for day in range(20, 30):
        round_of(sqlite_db, Says(lost=MailDomain.UNKNOWN), now=now + day * DAY)
    with sqlite_db.read() as conn:
        assert address_book.owner(conn, "ann@lost.example.net")


def test_each_domain_is_asked_for_once_a_day_and_private_names_never(sqlite_db: Database, now: datetime) -> None:
    for number, domain in enumerate(
        ("one.example.net", "one.example.net", "two.example.net", "localhost", "x.invalid")
    ):
        person(sqlite_db, now, f"p{number}", domain)
    says = Says()
    for hour in range(24):
        round_of(sqlite_db, says, now=now + timedelta(hours=hour))
    assert says.asked == ["one.example.net", "two.example.net"]
    with sqlite_db.read() as conn:
        assert due(conn, now=now + DAY) == ["one.example.net", "two.example.net"]


def test_a_clock_that_was_ahead_puts_no_question_off(sqlite_db: Database, now: datetime) -> None:
    person(sqlite_db, now, "ann", "lost.example.net", "ann.example.org")
    round_of(sqlite_db, Says(lost=MailDomain.GONE), now=now + 365 * DAY)
    for day in range(4):
        with sqlite_db.read() as conn:
            assert address_book.owner(conn, "ann@lost.example.net"), day
        round_of(sqlite_db, Says(lost=MailDomain.GONE), now=now + day * DAY)
    with sqlite_db.read() as conn:
        assert not address_book.owner(conn, "ann@lost.example.net")


def test_a_server_that_knows_no_names_takes_nobodys_address(sqlite_db: Database, now: datetime) -> None:
    for number in range(6):
        person(sqlite_db, now, f"p{number}", f"d{number}.example.net")
    says = Says(**{f"d{number}": MailDomain.GONE for number in range(6)})
    for day in range(10):
        round_of(sqlite_db, says, now=now + day * DAY)
    with sqlite_db.read() as conn:
        assert all(address_book.owner(conn, f"p{number}@d{number}.example.net") for number in range(6))


def test_over_real_questions(sqlite_db: Database, now: datetime) -> None:
    person(sqlite_db, now, "ann", "lost.example.net", "good.example.net")
    with name_server({"good.example.net": "mx"}) as server:
        for day in range(4):
            assert round_of(sqlite_db, DnsMailDomains([server]), now=now + day * DAY) == 2
    with sqlite_db.read() as conn:
        assert people.need(conn, "ann").email == "ann@good.example.net"


def test_a_lost_address_can_be_confirmed_anew(sqlite_db: Database, now: datetime) -> None:
    ann = person(sqlite_db, now, "ann", "lost.example.net", "good.example.net")
    for day in range(4):
        round_of(sqlite_db, Says(lost=MailDomain.GONE), now=now + day * DAY)
    with sqlite_db.write() as tx:
        known = address_book.called(tx, ann.id, "ann@lost.example.net")
        assert known
        addresses.send_again(tx, OPERATOR, ann, known.id, now=now)
        secret = addresses.make_link(tx, ann.id, known.id, now=now)
        assert secret
        addresses.confirm(tx, secret, ip="", agent="", now=now)
        again = address_book.one(tx, ann.id, known.id)
    assert again
    assert (again.verified, again.lost_at) == (True, None)
