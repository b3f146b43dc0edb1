"""Losing and taking back control: forgotten passwords, sessions, tokens that leak or are replaced, "this was not me"."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta

import pytest

from bonded.accounts import links, tokens
from bonded.accounts.reset import make_reset_link
from bonded.journal.tables import journal
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from tests.web.house import PASSWORD, House, form_to, form_with


def rows(house: House) -> list[tuple[str, dict[str, object]]]:
    with house.db.read() as conn:
        found = conn.execute(
            journal.select().with_only_columns(journal.c.action, journal.c.facts).order_by(journal.c.id)
        )
        return [(row.action, row.facts) for row in found]


def token(house: House, name: str = "ci", **limits: object) -> str:
    from bonded.accounts import people

    with house.db.write() as tx:
        user = people.need(tx, "ann")
        values: dict[str, object] = {
            "projects": (),
            "permissions": ("upload",),
            "expires_at": house.now + timedelta(days=9),
        }
        _, text = tokens.mint(
            tx,
            OPERATOR,
            user,
            sealer=house.context.sealer,
            name=name,
            operator=False,
            now=house.now,
            **(values | limits),
        )  # type: ignore[arg-type]
    return text


def works(house: House, text: str, ip: str = "198.51.100.7") -> str:
    """ "" when the token is good, else the code of the refusal."""
    try:
        with house.db.read() as conn:
            tokens.check(
                conn, text, sealer=house.context.sealer, permission="upload", project=None, now=house.now, ip=ip
            )
        return ""
    except Refusal as refusal:
        return refusal.code


def test_a_forgotten_password_is_answered_the_same_for_everybody(both: House) -> None:
    both.person("ann")
    pages = []
    for typed in ("ann", "ann@example.invalid", "nobody", "ANN@EXAMPLE.INVALID", "x@example.invalid"):
        browser = both.browser()
        form = form_with(browser.get("/account/forgotten/"), "name")
        form["name"] = typed
        page = form.submit(status=200)
        pages.append(re.sub(r'value="[^"]*"', "", page.text))
    assert len(set(pages)) == 1
    asked = [action for action, _ in rows(both) if action.startswith("user.") and "reset" in action]
    assert asked == ["user.reset-link", "user.reset-link", "user.ask-reset", "user.reset-link", "user.ask-reset"]


def test_links_for_one_account_are_limited_and_the_answer_does_not_say_so(both: House) -> None:
    both.person("ann")
    for _ in range(7):
        form = form_with(both.browser().get("/account/forgotten/"), "name")
        form["name"] = "ann"
        assert "on its way by mail" in form.submit(status=200)
    assert [action for action, _ in rows(both)].count("user.reset-link") == 5


def test_the_link_sets_a_password_within_two_hours(both: House) -> None:
    ann = both.person("ann")
    with both.db.write() as tx:
        secret = make_reset_link(tx, ann.id, now=both.now)
    both.now += timedelta(hours=1)
    form = form_with(both.browser().get(f"/account/set-password/{secret}/"), "password")
    form["password"] = form["again"] = "another long password"
    form.submit(status=303)
    with both.db.write() as tx:
        late = make_reset_link(tx, ann.id, now=both.now)
    both.now += timedelta(hours=3)
    both.browser().get(f"/account/set-password/{late}/", status=410)
    with both.db.read() as conn, pytest.raises(Refusal):
        links.peek(conn, str(late), links.Purpose.SET_PASSWORD, now=both.now)


def test_all_other_sessions_end(both: House) -> None:
    both.person("ann")
    old, here = both.login("ann"), both.login("ann")
    form_to(here.get("/account/sessions/"), "/end-others/").submit(status=303)
    old.get("/account/", status=303)
    here.get("/account/", status=200)
    assert rows(both)[-1] == ("session.end-others", {"sessions_ended": 1})


def test_that_was_not_me(both: House) -> None:
    both.person("ann")
    intruder, here = both.login("ann"), both.login("ann")
    texts = [token(both, "one"), token(both, "two")]
    page = form_to(here.get("/account/history/"), "/not-me/").submit(status=303).follow()
    assert "Now take a new password" in page
    intruder.get("/account/", status=303)
    assert [works(both, text) for text in texts] == ["token-revoked"] * 2
    assert rows(both)[-1] == ("user.not-me", {"tokens_revoked": 2, "sessions_ended": 1})


def test_a_token_is_replaced_in_one_step(both: House) -> None:
    both.person("ann")
    old = token(both, networks=("198.51.100.0/24",))
    browser = both.login("ann")
    page = browser.get("/account/tokens/")
    form = next(f for f in page.forms.values() if f.action.endswith("/revoke/"))
    path = form.action.replace("/revoke/", "/rotate/")
    answer = browser.post(path, {"csrf": form["csrf"].value}, status=200)
    new = re.search(r"bonded-[A-Za-z0-9_-]+", answer.text)
    assert new is not None
    assert (works(both, old), works(both, new.group(0)), works(both, new.group(0), "203.0.113.1")) == (
        "token-revoked",
        "",
        "token-address",
    )
    assert answer.headers["Cache-Control"] == "no-store"
    browser.post(path, {"csrf": form["csrf"].value}, status=404)


def test_a_token_for_networks(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    form = form_with(browser.get("/account/tokens/"), "networks")
    form["name"], form["networks"] = "ci", "192.0.2.7, 2001:db8::/32"
    text = re.search(r"bonded-[A-Za-z0-9_-]+", form.submit(status=200).text)
    assert text is not None
    seen = [works(both, text.group(0), ip) for ip in ("192.0.2.7", "2001:db8::5", "192.0.2.8", "")]
    assert seen == ["", "", "token-address", "token-address"]
    form["name"], form["networks"] = "other", "everywhere"
    assert "networks are addresses" in form.submit(status=400)


def test_no_network_of_many_is_left_out(house: House) -> None:
    house.person("ann")
    form = form_with(house.login("ann").get("/account/tokens/"), "networks")
    many = [f"10.0.0.{number}" for number in range(60)]
    form["name"], form["networks"] = "ci", " ".join(many)
    text = re.search(r"bonded-[A-Za-z0-9_-]+", form.submit(status=200).text)
    assert text is not None
    assert [works(house, text.group(0), ip) for ip in many] == [""] * 60


def test_a_leaked_token_is_dead_once_it_is_reported(both: House) -> None:
    both.person("ann")
    text = token(both)
    report = json.dumps([{"token": text, "url": "https://code.example.invalid/x"}, {"token": "bonded-nonsense"}])
    scanner = both.browser()
    answer = scanner.post("/api/tokens/leaked/", report, content_type="application/json", status=200)
    assert answer.json == [{"revoked": True}, {"revoked": False}]
    assert works(both, text) == "token-revoked"
    again = scanner.post("/api/tokens/leaked/", report, content_type="application/json", status=200)
    assert again.json == [{"revoked": False}, {"revoked": False}]
    action, facts = rows(both)[-1]
    assert (action, facts["found"]) == ("token.leaked", "https://code.example.invalid/x")
    assert "name" not in facts, "names of tokens lie in the private data"


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "[1]", '[{"url": "x"}]', '[{"token": 7}]', "[" * 5000, '"' + "x" * 3_000_000]
)
def test_a_report_that_cannot_be_read_is_refused(both: House, body: str) -> None:
    both.browser().post("/api/tokens/leaked/", body, content_type="application/json", status=400)


def test_ones_history_is_to_be_had_as_a_file(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    token(both, "=cmd()")
    exported = json.loads(browser.get("/account/history/export/?format=json").body)
    table = list(csv.DictReader(io.StringIO(browser.get("/account/history/export/?format=csv").text)))
    assert [row["action"] for row in exported] == [row["action"] for row in table]
    assert exported[0]["action"] == "token.create"
    assert not any(cell.startswith(("=", "+", "@")) for row in table for cell in row.values())
    browser.get("/account/history/export/?format=xml", status=400)
    assert "token.create" not in str(browser.get("/account/history/?action=user.login").html.find("tbody"))


def test_eves_history_holds_nothing_of_anns(both: House) -> None:
    both.person("ann")
    both.person("eve")
    token(both)
    assert PASSWORD  # both log in with it
    exported = json.loads(both.login("eve").get("/account/history/export/?format=json").body)
    assert {row["action"] for row in exported} == {"user.create", "user.login"}
