"""One's own account: logging in and out, passwords, step-up, tokens, sessions, history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from webtest import TestApp, TestResponse

from bonded.accounts import links, passwords, people, sessions, tokens
from bonded.accounts.hashing import Verified
from bonded.accounts.login_limits import LoginLimits
from bonded.journal import record
from bonded.values.states import FileState, SubjectKind
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.web.house import PASSWORD, House, form_to, form_with, login_form


def attempt(browser: TestApp, name: str, password: str, status: int = 401):
    form = login_form(browser.get("/account/login/"))
    form["name"], form["password"] = name, password
    return form.submit(status=status)


def test_logging_in_gives_a_new_session_and_goes_on_to_the_page(house: House) -> None:
    house.person("ann")
    browser = house.browser()
    asked = browser.get("/account/tokens/?project=x", status=303)
    form = login_form(browser.get(asked.location))
    form["name"], form["password"] = "Ann", PASSWORD
    answer = form.submit(status=303)
    assert answer.location == "http://localhost/account/tokens/?project=x"
    cookie = next(c for c in answer.headers.getall("Set-Cookie") if c.startswith("bonded="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    page = browser.get("/account/")
    assert "You are logged in." in page
    assert "You are logged in." not in browser.get("/account/")


def test_each_login_has_a_secret_of_its_own_and_ends_the_one_before(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    first = browser.cookies["bonded"]
    other = house.browser()
    other.set_cookie("bonded", first)
    form = login_form(house.browser().get("/account/login/"))
    assert other.get("/account/").status_int == 200
    house.login("ann", house.browser())
    assert browser.cookies["bonded"] == first
    assert form["name"].value == ""


def test_a_secret_planted_before_the_login_is_worth_nothing_after(house: House) -> None:
    house.person("ann")
    browser = house.browser()
    browser.set_cookie("bonded", "planted")
    house.login("ann", browser)
    assert browser.cookies["bonded"] != "planted"
    spy = house.browser()
    spy.set_cookie("bonded", "planted")
    spy.get("/account/", status=303)


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", PASSWORD), ("ann' OR 1=1", "x")])
def test_wrong_names_and_passwords_look_the_same(house: House, name: str, password: str) -> None:
    house.person("ann")
    answer = attempt(house.browser(), name, password)
    assert answer.html.find(role="alert").text.split() == [
        "There",
        "is",
        "a",
        "problem",
        "with",
        "the",
        "form:",
        "Wrong",
        "user",
        "name",
        "or",
        "password",
    ]
    assert answer.html.find("input", {"name": "password"})["value"] == ""


def test_fields_left_empty_are_named(house: House) -> None:
    answer = attempt(house.browser(), "", "", status=400)
    assert answer.html.find("input", {"name": "name"})["aria-invalid"] == "true"
    assert len(answer.html.find(role="alert").find_all("a")) == 2


def test_too_many_attempts_wait(house: House) -> None:
    limits = LoginLimits(account_and_network=3)
    house.settings = replace(house.settings, login_limits=limits)
    house.__post_init__()
    house.person("ann")
    for _ in range(3):
        attempt(house.browser(), "ann", "wrong")
    answer = attempt(house.browser(), "ann", PASSWORD, status=429)
    assert int(answer.headers["Retry-After"]) > 0
    house.now += timedelta(minutes=6)
    attempt(house.browser(), "ann", PASSWORD, status=303)


@pytest.mark.parametrize(
    "target", ["https://evil.invalid/", "//evil.invalid", "/\\evil.invalid", "/\t/evil.invalid", "javascript:x", ""]
)
def test_login_leads_nowhere_else(house: House, target: str) -> None:
    house.person("ann")
    browser = house.browser()
    form = login_form(browser.get("/account/login/", {"next": target}))
    form["name"], form["password"] = "ann", PASSWORD
    assert form.submit(status=303).location == "http://localhost/account/"
    assert browser.get("/account/login/", {"next": target}, status=303).location == "http://localhost/account/"


def test_logging_out_ends_the_session_on_the_server(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    secret = browser.cookies["bonded"]
    form_to(browser.get("/account/"), "/account/logout/").submit(status=303)
    assert "bonded" not in browser.cookies
    browser.set_cookie("bonded", secret)
    browser.get("/account/", status=303)


def test_secure_sites_get_host_cookies(house: House) -> None:
    house.settings = replace(house.settings, url="https://localhost/", secure=True)
    house.__post_init__()
    house.person("ann")
    browser = house.browser(**{"wsgi.url_scheme": "https"})
    form = login_form(browser.get("/account/login/"))
    form["name"], form["password"] = "ann", PASSWORD
    cookies = form.submit(status=303).headers.getall("Set-Cookie")
    assert any(c.startswith("__Host-bonded=") and "; secure;" in c.lower() + ";" for c in cookies)
    assert all("; path=/" in c.lower() and "domain=" not in c.lower() for c in cookies)


def link_for(house: House, name: str) -> str:
    user = house.person(name)
    with house.db.write() as tx:
        secret = links.make_link(tx, user.id, links.Purpose.SET_PASSWORD, now=house.now, lifetime=timedelta(days=1))
    return f"/account/set-password/{secret}/"


def test_a_one_time_link_sets_a_password_once(both: House) -> None:
    browser, path = both.browser(), link_for(both, "ann")
    form = login_form(browser.get(path))
    browser.get(path, status=200)  # looking does not use it up
    form["password"], form["again"] = "a whole new phrase", "a whole new phrase"
    assert form.submit(status=303).location == "http://localhost/account/login/"
    attempt(both.browser(), "ann", PASSWORD)
    attempt(both.browser(), "ann", "a whole new phrase", status=303)
    assert "link-used" in browser.get(path, status=410)


def test_bad_passwords_are_explained_and_leave_the_link_good(house: House) -> None:
    browser, path = house.browser(), link_for(house, "ann")
    for password, again in (("short", "short"), ("a whole new phrase", "another phrase here"), ("", "")):
        form = login_form(browser.get(path))
        form["password"], form["again"] = password, again
        answer = form.submit(status=400)
        assert answer.html.find(role="alert")
        assert password not in answer.html.form.text or not password
    browser.get(path, status=200)


def test_links_that_are_wrong_or_late_are_refused(house: House) -> None:
    path = link_for(house, "ann")
    assert "link-invalid" in house.browser().get("/account/set-password/xyz/", status=404)
    house.now += timedelta(days=2)
    assert "link-expired" in house.browser().get(path, status=410)


def test_a_link_sets_no_password_while_the_account_is_frozen(house: House) -> None:
    path, browser = link_for(house, "ann"), house.browser()
    form = form_with(browser.get(path), "again")
    form["password"], form["again"] = "a whole new phrase", "a whole new phrase"
    with house.db.write() as tx:
        ann = people.need(tx, "ann")
        before = people.password_hash(tx, ann.id)
        people.freeze(tx, OPERATOR, ann.id, reason="somebody else has it", now=house.now)
    assert "account-frozen" in browser.get(path, status=403)
    assert "account-frozen" in form.submit(status=403)
    with house.db.write() as tx:
        assert people.password_hash(tx, ann.id) == before
        people.unfreeze(tx, OPERATOR, ann.id, reason="its owner is back", now=house.now)
    form.submit(status=303)


def test_changing_the_password_ends_other_sessions(house: House) -> None:
    house.person("ann")
    mine, other = house.login("ann"), house.login("ann")
    form = form_to(mine.get("/account/password/"), "/account/password/")
    form["old"], form["password"], form["again"] = "wrong", "a whole new phrase", "a whole new phrase"
    assert "not your password" in form.submit(status=400)
    form["old"] = PASSWORD
    form.submit(status=303)
    assert "Your password is changed." in mine.get("/account/")
    other.get("/account/", status=303)


@pytest.mark.parametrize("filler", ["a", "ß"])
def test_a_long_password_counts_to_its_last_character(house: House, filler: str) -> None:
    house.person("ann")
    long = "abcdefgh" + filler * ((passwords.MAX_BYTES - 8) // len(filler.encode()))
    form = form_to(house.login("ann").get("/account/password/"), "/account/password/")
    form["old"] = PASSWORD
    for too_long in (long + "x", long + "x" * 5000):
        assert "maxlength" not in form["password"].attrs, "no browser cuts it off"
        form["password"] = form["again"] = too_long
        assert "The password is too easy to guess" in form.submit(status=400)
    form["password"] = form["again"] = long
    form.submit(status=303)
    for wrong in (long[:-1], long + "x", long + "x" * 5000):
        attempt(house.browser(), "ann", wrong)
    attempt(house.browser(), "ann", long, 303)


def test_the_old_password_is_not_guessed_in_an_open_session(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")

    def change(old: str, status: int) -> TestResponse:
        form = form_with(browser.get("/account/password/"), "old")
        form["old"], form["password"], form["again"] = old, "a new and better one", "a new and better one"
        return form.submit(status=status)

    for number in range(house.settings.login_limits.known):
        change(f"guess number {number}", 400)
    page = change(PASSWORD, 429)
    assert "login-limited" in page
    assert 0 < int(page.headers["Retry-After"]) <= 300
    house.now += timedelta(minutes=5)
    change(PASSWORD, 303)


def test_a_step_up_keeps_what_was_filled_in(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    form = form_to(browser.get("/account/tokens/"), "/account/tokens/")
    form["name"] = "laptop <1>"
    house.now += timedelta(hours=1)
    asked = form.submit(status=403)
    confirm = form_to(asked, "/account/tokens/")
    assert confirm["name"].value == "laptop <1>"
    confirm["confirm_password"] = "wrong"
    again = form_to(confirm.submit(status=403), "/account/tokens/")
    again["confirm_password"] = PASSWORD
    made = again.submit(status=200)
    assert made.html.find(id="token").text.startswith("bonded-")
    form_to(browser.get("/account/tokens/"), "/account/tokens/")["name"] = "fresh for a while"


def test_the_step_up_on_its_own_page(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    form = form_to(browser.get("/account/confirm/?next=/account/tokens/"), "/account/confirm/")
    form["confirm_password"] = "wrong"
    form = form_to(form.submit(status=403), "/account/confirm/")
    form["confirm_password"] = PASSWORD
    assert form.submit(status=303).location == "http://localhost/account/tokens/"


def test_a_step_up_with_a_password_that_changes_while_it_is_verified_is_none(
    both: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session lives on where it is the one in which the password was changed."""
    ann, browser = both.person("ann"), both.login("ann")
    form = form_to(browser.get("/account/confirm/?next=/account/tokens/"), "/account/confirm/")
    with both.db.read() as conn:
        (mine,) = sessions.of_user(conn, ann.id, now=both.now)
    verify = passwords.verify

    def slow(stored: str | None, password: str) -> Verified:
        found = verify(stored, password)
        with both.db.write() as tx:
            passwords.store(tx, OPERATOR, "user.set-password", ann.id, "another", keep_session=mine.id, now=both.now)
        return found

    monkeypatch.setattr(passwords, "verify", slow)
    both.now += timedelta(hours=1)
    form["confirm_password"] = PASSWORD
    assert "That is not your password" in form.submit(status=403)
    with both.db.read() as conn:
        assert sessions.of_user(conn, ann.id, now=both.now)[0].confirmed_at == mine.confirmed_at


def make_token(browser: TestApp, name: str = "my-machine"):
    form = form_to(browser.get("/account/tokens/"), "/account/tokens/")
    form["name"] = name
    return form.submit(status=200)


def test_a_token_is_shown_once_works_and_is_revoked(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    made = make_token(browser)
    text = made.html.find(id="token").text
    assert made.headers["Cache-Control"] == "no-store"
    with both.db.read() as conn:
        bearer = tokens.check(
            conn, text, sealer=both.context.sealer, permission="upload", project=None, now=both.now, ip=""
        )
    listed = browser.get("/account/tokens/")
    assert "my-machine" in listed
    assert text not in listed
    form_to(listed, f"/{bearer.token_id}/revoke/").submit(status=303)
    assert "my-machine" not in browser.get("/account/tokens/").html.main.text
    with both.db.read() as conn, pytest.raises(Exception, match="revoked"):
        tokens.check(conn, text, sealer=both.context.sealer, permission="upload", project=None, now=both.now, ip="")


def test_a_token_for_some_projects(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    house.project("eggs", ann)
    browser = house.login("ann")
    form = form_to(browser.get("/account/tokens/?project=eggs"), "/account/tokens/")
    assert form["scope"].value == "some"
    form["name"] = "one"
    text = form.submit(status=200).html.find(id="token").text
    with house.db.read() as conn:
        assert tokens.check(
            conn, text, sealer=house.context.sealer, permission="upload", project="eggs", now=house.now, ip=""
        ).projects == ("eggs",)
        with pytest.raises(Exception, match="not for the project"):
            tokens.check(
                conn, text, sealer=house.context.sealer, permission="upload", project="spam", now=house.now, ip=""
            )


@pytest.mark.parametrize("scope", ["all", "first", "some"])
def test_a_refused_token_form_keeps_what_the_token_was_to_be_for(house: House, scope: str) -> None:
    house.project("spam", house.person("ann"))
    browser = house.login("ann")
    form = form_to(browser.get("/account/tokens/?project=spam"), "/account/tokens/")
    form["scope"] = scope
    again = form_to(form.submit(status=400), "/account/tokens/")
    assert (again["scope"].value, again["project"].value) == (scope, "spam")


def test_a_link_for_a_project_of_nobody_leaves_a_choice(house: House) -> None:
    house.person("ann")
    form = form_to(house.login("ann").get("/account/tokens/?project=gone"), "/account/tokens/")
    assert form["scope"].value == "all"


def test_token_forms_that_are_not_whole(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    browser = house.login("ann")
    make_token(browser, "taken")
    for fields, said in (
        ({"name": ""}, "Fill this in."),
        ({"name": "taken"}, "already"),
        ({"name": "x", "scope": "some"}, "Choose at least one project."),
    ):
        form = form_to(browser.get("/account/tokens/"), "/account/tokens/")
        for field, value in fields.items():
            form[field] = value
        answer = form.submit(status=400)
        assert said in answer.html.find(role="alert").text
    form = form_to(browser.get("/account/tokens/"), "/account/tokens/")
    fields = [("name", "x"), ("csrf", form["csrf"].value), ("scope", "some"), ("days", "90"), ("permission", "upload")]
    for extra in (("project", "not-mine"), ("permission", "everything")):
        assert "bad-form" in browser.post("/account/tokens/", [*fields, extra], status=400)
    assert "bad-form" in browser.post("/account/tokens/", [*fields[:3], ("days", "99999")], status=400)


def test_nobody_revokes_or_ends_what_is_not_theirs(house: House) -> None:
    house.person("ann")
    house.person("bob")
    ann, bob = house.login("ann"), house.login("bob")
    text = make_token(ann).html.find(id="token").text
    with house.db.read() as conn:
        token_id = tokens.check(
            conn, text, sealer=house.context.sealer, permission="upload", project=None, now=house.now, ip=""
        ).token_id
    form = form_to(bob.get("/account/"), "/account/logout/")
    bob.post(f"/account/tokens/{token_id}/revoke/", {"csrf": form["csrf"].value}, status=404)
    with house.db.read() as conn:
        from bonded.accounts import people, sessions

        user = people.by_name(conn, "ann")
        assert user
        session_id = sessions.of_user(conn, user.id, now=house.now)[0].id
    bob.post(f"/account/sessions/{session_id}/end/", {"csrf": form["csrf"].value}, status=404)
    ann.get("/account/", status=200)


def test_a_session_is_listed_and_ended(house: House) -> None:
    house.person("ann")
    mine, other = house.login("ann"), house.login("ann", house.browser(HTTP_USER_AGENT="Other/2.0 <i>"))
    page = mine.get("/account/sessions/")
    assert "Other/2.0 &lt;i&gt;" in page
    assert "198.51.100.7" in page
    form_to(page, "/end/").submit(status=303)
    other.get("/account/", status=303)
    mine.get("/account/", status=200)


def test_owners_see_states_and_never_findings(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    file_id = house.file(ann, "spam", "1.0", state=FileState.HELD)
    house.case(file_id)
    browser = house.login("ann")
    for path in ("/account/", "/account/history/", "/manage/project/spam/", "/manage/project/spam/history/"):
        text = browser.get(path).text
        assert "decoded" not in text.lower()
        assert "0.83" not in text
    assert "waiting for review" in browser.get("/account/")


def test_history_shows_own_acts_with_addresses_and_pages(house: House) -> None:
    ann = house.person("ann")
    browser = house.login("ann")
    who = Actor(ActorKind.USER, ann.id, "", "198.51.100.9", "Test/1.0")
    with house.db.write() as tx:
        for _ in range(55):
            record(tx, "user.confirm", who, (SubjectKind.USER, ann.id), now=house.now)
    page = browser.get("/account/history/")
    assert "198.51.100.9" in page
    older = page.click("Older")
    assert "Create a person" in older
    browser.get("/account/history/?before=x", status=400)
