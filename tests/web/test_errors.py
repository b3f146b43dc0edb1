"""Errors and headers: a page for everything, never a traceback, and the same headers on all of it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from bonded.catalog import read
from bonded.db import engine
from bonded.web.headers import HEADERS
from bonded.web.request import texts
from tests.web.house import House, form_to


@pytest.mark.parametrize("path", ["/nothing/", "/project/x/", "/project", "/accounts", "/static/x/y", "/%00"])
def test_unknown_addresses_have_a_page(house: House, path: str) -> None:
    answer = house.browser().get(path, status=404)
    assert answer.html.h1.text == "Nothing here"
    assert "not-found" in answer


@pytest.mark.parametrize("broken", ['theirs="\\377"', 'bonded-session="\\377"', 'theirs="\\303("'])
def test_a_cookie_that_is_not_text_breaks_no_page(house: House, broken: str) -> None:
    """Another program under a name above ours may have set it, for all of its neighbours."""
    house.browser().get("/help/", headers={"Cookie": broken}, status=200)


def test_cookies_beside_one_that_is_not_text_count() -> None:
    assert texts([(b"theirs", b"\xff"), (b"bonded-language", b"de")]) == {"bonded-language": "de"}


def test_errors_in_the_form_that_is_asked_for(house: House) -> None:
    browser = house.browser()
    body = browser.get("/nothing/", headers={"Accept": "application/json"}, status=404).json
    assert body["code"] == "not-found"
    assert body["help"] == "http://localhost/help/refusals/not-found/"
    text = browser.get("/nothing/", headers={"Accept": "text/plain"}, status=404)
    assert text.content_type == "text/plain"
    for odd in ("image/png", "*/*", "nonsense", ""):
        assert browser.get("/nothing/", headers={"Accept": odd}, status=404).content_type == "text/html"


@pytest.mark.parametrize("path", ["/api/screenings/nobody/", "/api/nothing/"])
def test_programs_need_not_say_that_they_read_json(house: House, path: str) -> None:
    """curl says */*, most libraries the same or nothing."""
    browser = house.browser()
    for accept in ("*/*", ""):
        answer = browser.get(path, headers={"Accept": accept}, expect_errors=True)
        assert answer.json["code"] in ("token-needed", "not-found")
    people = browser.get(path, headers={"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"}, expect_errors=True)
    assert people.content_type == "text/html"


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=nonsense",
        "multipart/form-data; charset=nonsense; boundary=b",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\xff",
    ],
)
def test_a_form_that_its_content_type_makes_unreadable(house: House, kind: str, accept: str) -> None:
    headers = {"Content-Type": kind, "Accept": accept}
    for path in ("/account/login/", "/account/logout/", "/report/", "/account/recovery/token/"):
        answer = house.browser().post(path, b"csrf=x", headers=headers, expect_errors=True)
        assert answer.status_int in (400, 401), (path, answer)
        assert "bad-form" in answer or "token-needed" in answer


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/account/register/", "website"),
        ("/account/password/", "confirm_password"),
        ("/account/password/", "confirm_code"),
        ("/account/publishing/", "service"),
        ("/account/login/second/", "remember"),
        ("/admin/cases/release/", "case"),
        ("/language/", "csrf"),
    ],
)
def test_a_file_where_text_belongs(house: House, path: str, name: str) -> None:
    house.person("root", admin=True)
    browser = house.login("root")
    csrf = browser.get("/language/").html.find("input", attrs={"name": "csrf"})["value"]
    fields = {} if name == "csrf" else {"csrf": csrf}
    answer = browser.post(path, fields, upload_files=[(name, "x", b"1")], status=400)
    assert "bad-form" in answer


def test_a_method_that_is_not_there(house: House) -> None:
    answer = house.browser().delete("/help/", status=405)
    assert answer.headers["Allow"] == "GET, HEAD"
    assert house.browser().head("/help/").body == b""


def test_every_answer_has_the_headers(house: House) -> None:
    house.person("ann")
    mine = house.login("ann")
    answers = [
        house.browser().get("/"),
        house.browser().get("/nothing/", status=404),
        house.browser().get("/account/", status=303),
        house.browser().post("/legacy/", b"", status=401),
        mine.get("/account/"),
    ]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Request-Id"]


def test_what_a_session_sees_is_never_stored_by_caches(house: House) -> None:
    house.person("ann")
    mine = house.login("ann")
    for path in ("/", "/account/", "/help/", "/search/?q=a"):
        assert mine.get(path).headers["Cache-Control"] == "no-store"
    public = house.browser().get("/help/")
    assert public.headers["Cache-Control"] == "public, max-age=10"
    assert public.headers["Vary"] == "Accept-Language, Cookie"
    assert house.browser().get("/account/login/").headers["Cache-Control"] == "no-store"
    assert house.browser().get("/nothing/", status=404).headers["Cache-Control"] == "no-store"


def test_an_unexpected_error_is_a_page_with_the_number_and_no_traceback(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(read, "count_projects", broken)
    answer = house.browser(**{"bonded.request_id": "req-17"}).get("/", status=500)
    assert "req-17" in answer
    assert answer.headers["X-Request-Id"] == "req-17"
    assert "secret detail" not in answer
    assert "Traceback" not in answer
    # Where it is logged depends on whether something in this process has set logging up before.
    assert "secret detail" in capsys.readouterr().out + caplog.text


def test_a_database_that_is_locked_is_a_503(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    monkeypatch.setattr(read, "count_projects", locked)
    answer = house.browser().get("/", status=503)
    assert answer.headers["Retry-After"] == "5"
    assert "database is locked" not in answer


@pytest.mark.parametrize("path", ["/project/%ff/", "/search/?q=%ff%fe", "/user/%c3%28/", "/help/refusals/%80/"])
def test_text_that_is_not_utf8_is_refused(house: House, path: str) -> None:
    assert "bad-form" in house.browser().get(path, status=400)


def test_a_session_cookie_of_any_shape_is_nobody(house: House) -> None:
    for value in ("x", "a" * 5000, "%00", "é".encode().hex(), '"quoted"'):
        browser = house.browser()
        browser.set_cookie("bonded", value)
        browser.get("/account/", status=303)
        browser.get("/", status=200)


def test_forms_of_any_shape_are_refused_in_words(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    secret = browser.get("/account/tokens/").forms[1]["csrf"].value
    for body, kind in (
        (b"csrf=%ff", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
    ):
        answer = browser.post("/account/tokens/", body, content_type=kind, expect_errors=True)
        assert answer.status_int in (400, 403)
    upload = [("csrf", secret), ("scope", "all"), ("days", "90")]
    answer = browser.post("/account/tokens/", upload, upload_files=[("name", "x.txt", b"x")], status=400)
    assert "bad-form" in answer


def test_development_keys_are_said_on_every_page(house: House) -> None:
    house.settings = replace(house.settings, dev=True)
    house.__post_init__()
    house.person("ann")
    mine = house.login("ann")
    for page in (
        mine.get("/"),
        mine.get("/account/"),
        mine.get("/nothing/", status=404),
        mine.get("/admin/", status=403),
    ):
        assert "Development keys." in page
    house.settings = replace(house.settings, dev=False)
    house.__post_init__()
    assert "Development keys." not in house.browser().get("/")


def test_a_database_that_somebody_holds_stops_no_reader(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer may wait for a store that stalls: who reads goes on, who writes is told when to try again."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 5_000)
    house.person("ann")
    browser = house.login("ann")
    house.db.engine.dispose()
    form = form_to(browser.get("/account/sessions/"), "/logout/")
    house.now += timedelta(minutes=5)  # when it was last used is to be noted again
    with closing(sqlite3.connect(str(house.db.engine.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        browser.get("/account/", status=200)
        assert time.monotonic() - begun < 4
        refused = form.submit(status=503)
        assert "database-busy" in refused
        assert refused.headers["Retry-After"] == "5"
    form.submit(status=303)
