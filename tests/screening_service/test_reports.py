"""Reports: a form without script, an API and a command; a queue with two ends; the reporter is told once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from bonded.catalog.tables import file
from bonded.db.worker import work_once
from bonded.journal.tables import journal
from bonded.mail import reporters
from bonded.mail.compose import MailSettings
from bonded.screening import reports
from bonded.screening.reports import ReportMail, Told
from bonded.screening.service_tables import report
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from tests.screening_service.conftest import Service
from tests.web.house import form_with

WORDS = "It sends my tokens away, see setup.py line 3."


class Post:
    """A mailer that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)


@pytest.fixture
def spam(service: Service) -> str:
    house = service.house
    ann = house.person("ann")
    house.project("spam", ann)
    return house.file(ann, "spam", "1.0")


def mailed(service: Service) -> list[EmailMessage]:
    post = Post()
    settings = MailSettings("Test", "http://localhost/", "Bonded <bonded@localhost>")
    context = ReportMail(service.house.db, post, partial(reporters.answer, settings))
    while work_once(
        service.house.db, {"report-mail": lambda job, now: reports.handle(context, job, now)}, lambda: service.house.now
    ):
        pass
    return post.sent


def test_somebody_reports_by_the_form(service: Service, spam: str) -> None:
    browser = service.house.browser()
    page = browser.get("/report/?project=spam&version=1.0")
    form = form_with(page, "words")
    assert (form["project"].value, form["version"].value) == ("spam", "1.0")
    form["words"], form["kind"], form["email"] = WORDS + "\n<script>alert(1)</script>", "malware", "eve@example.invalid"
    form.submit().mustcontain("number 1")
    with service.house.db.read() as conn:
        (one,) = reports.reports(conn, state="new")
        assert conn.execute(select(file.c.state)).scalar_one() == FileState.PUBLIC
        facts = conn.execute(select(journal.c.facts).where(journal.c.action == "report.make")).scalar_one()
    assert (one.project_key, one.version, one.kind, one.answer_wanted, one.user_id) == (
        "spam",
        "1.0",
        "malware",
        True,
        "",
    )
    assert facts == {"report": 1, "kind": "malware"}
    service.house.person("admin", admin=True)
    queue = service.house.login("admin").get("/admin/reports/")
    queue.mustcontain("sends my tokens", "&lt;script&gt;", no=["<script>alert", "eve@example.invalid"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", "nothing-here"),
        ("version", "9"),
        ("filename", "x.whl"),
        ("words", "short"),
        ("url", "javascript:alert(1)"),
        ("email", "a@b, c@d"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(service: Service, spam: str, field: str, value: str) -> None:
    values = {"project": "spam", "words": WORDS, "kind": "spam"} | {field: value}
    form = form_with(service.house.browser().get("/report/"), "words")
    for name, one in values.items():
        form[name] = one
    page = form.submit(status=400)
    assert page.forms
    answer = service.house.browser().post_json(
        "/api/reports/", values, headers={"Accept": "application/json"}, expect_errors=True
    )
    assert answer.json["code"] in ("report-form", "no-such-project")
    with service.house.db.read() as conn:
        assert conn.execute(select(report)).all() == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"project": 1}', b'{"project": "spam", "more": ""}', b"\xff"])
def test_bodies_that_are_no_report(service: Service, spam: str, body: bytes) -> None:
    answer = service.house.browser().post(
        "/api/reports/", body, headers={"Accept": "application/json"}, expect_errors=True
    )
    assert (answer.status_int, answer.json["code"]) == (400, "report-form")


def test_a_form_of_elsewhere_is_refused(service: Service, spam: str) -> None:
    answer = service.house.browser().post(
        "/report/", {"project": "spam", "words": WORDS, "kind": "spam"}, expect_errors=True
    )
    assert answer.status_int == 403 or answer.status_int == 400


def test_reports_are_limited_by_network(service: Service, spam: str) -> None:
    values = {"project": "spam", "words": WORDS, "kind": "spam"}
    codes = [
        service.house.browser().post_json("/api/reports/", values, expect_errors=True).status_int for _ in range(12)
    ]
    assert codes == [201] * 10 + [429] * 2
    elsewhere = service.house.browser(REMOTE_ADDR="203.0.113.9")
    assert elsewhere.post_json("/api/reports/", values).status_int == 201
    service.house.now += timedelta(hours=1, seconds=1)
    assert service.house.browser().post_json("/api/reports/", values).status_int == 201


def test_a_report_is_linked_to_the_open_case_and_the_reporter_told_once(service: Service, spam: str) -> None:
    house = service.house
    case_id = house.case(spam)
    with house.db.write() as tx:
        number = reports.make(tx, OPERATOR, Told("Spam", "malware", WORDS, email="eve@example.invalid"), now=house.now)
    house.person("admin", admin=True)
    form = next(
        one for one in house.login("admin").get("/admin/reports/").forms.values() if one.action.endswith("/link/")
    )
    form["reason"] = "as the one of Monday"
    form.submit(status=303).follow()
    with house.db.read() as conn:
        (one,) = reports.reports(conn, state="linked")
        linked = conn.execute(select(journal.c.facts).where(journal.c.action == "report.link")).scalar_one()
    assert (one.id, one.case_id) == (number, case_id)
    assert linked == {"report": number, "case": case_id, "reason": "as the one of Monday"}
    (mail,) = mailed(service)
    assert mail["To"] == "eve@example.invalid"
    assert "A reviewer looks into it" in mail.get_content()
    assert mailed(service) == []
    with house.db.read() as conn:
        assert conn.execute(select(report.c.email, report.c.told)).one() == (None, True)
    with pytest.raises(Refusal) as caught, house.db.write() as tx:
        reports.dismiss(tx, OPERATOR, number, reason="late", now=house.now)
    assert caught.value.code == "report-closed"


def test_a_report_is_dismissed_with_a_reason(service: Service, spam: str) -> None:
    house = service.house
    with house.db.write() as tx:
        number = reports.make(tx, OPERATOR, Told("spam", "other", WORDS, email="eve@example.invalid"), now=house.now)
    for bad, code in (((number, ""), "reason-needed"), ((99, "x"), "no-such-report")):
        with pytest.raises(Refusal) as caught, house.db.write() as tx:
            reports.dismiss(tx, OPERATOR, bad[0], reason=bad[1], now=house.now)
        assert caught.value.code == code
    with pytest.raises(Refusal) as caught, house.db.write() as tx:
        reports.link(tx, OPERATOR, number, None, now=house.now)
    assert caught.value.code == "no-case-of-project"
    with house.db.write() as tx:
        reports.dismiss(tx, OPERATOR, number, reason="That is a test server of theirs", now=house.now)
    (mail,) = mailed(service)
    assert "That is a test server of theirs" in mail.get_content()


def test_a_case_of_another_project_is_not_linked(service: Service, spam: str) -> None:
    house = service.house
    house.project("other", house.person("bob"))
    with house.db.write() as tx:
        number = reports.make(tx, OPERATOR, Told("other", "spam", WORDS), now=house.now)
    case_id = house.case(spam)
    with pytest.raises(Refusal) as caught, house.db.write() as tx:
        reports.link(tx, OPERATOR, number, case_id, now=house.now)
    assert caught.value.code == "no-case-of-project"


def test_the_commands(tmp_path: Path) -> None:
    from bonded.accounts import people
    from bonded.catalog.change import create_project
    from bonded.cli import bonded
    from bonded.wiring import open_house

    def run(*words: str) -> str:
        done = CliRunner().invoke(bonded, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    where = str(tmp_path / "data")
    run("init", where, "--dev-keys", "--admin", "admin")
    house = open_house(Path(where))
    with house.db.write() as tx:
        create_project(tx, OPERATOR, "spam", owner_id=people.need(tx, "admin").id, now=house.clock())
    assert run("report", "make", "spam", "--words", WORDS, "--dir", where) == "1\n"
    assert json.loads(run("report", "list", "--json", "--dir", where))[0]["words"] == WORDS
    run("report", "dismiss", "1", "--reason", "twice", "--dir", where)
    assert run("report", "list", "--dir", where) == ""
    assert "dismissed" in run("report", "list", "--state", "any", "--dir", where)


def test_the_answer_is_in_the_language_of_the_form(service: Service, spam: str) -> None:
    """What the person chose or the browser asks for; German, as its mails are translated."""
    house = service.house
    house.settings = replace(house.settings, languages=("en", "de"))
    house.__post_init__()
    browser = house.browser()
    page = browser.get("/report/?project=spam", headers={"Accept-Language": "de"})
    form = form_with(page, "words")
    form["words"], form["kind"], form["email"] = WORDS, "malware", "eva@example.invalid"
    form.submit(headers={"Accept-Language": "de"})
    with house.db.read() as conn:
        number, stored = conn.execute(select(report.c.id, report.c.language)).one()
    assert stored == "de"
    with house.db.write() as tx:
        reports.dismiss(tx, OPERATOR, number, reason="Ein Irrtum", now=house.now)
    (mail,) = mailed(service)
    assert (mail["Subject"], mail["Content-Language"]) == ("Ihre Meldung zu spam", "de")
    assert "geschlossen: Ein Irrtum" in mail.get_content()
