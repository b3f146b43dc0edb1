"""The page of API tokens: what can be chosen, what is marked, what stands in which history, and what is nobody else's."""

from __future__ import annotations

import re
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from bonded.accounts import tokens
from bonded.accounts.tokens import Token
from bonded.db.jobs import Job, job
from bonded.journal.read import Filter, of_project, of_user
from bonded.mail.job import MailContext, handle
from bonded.values.who import OPERATOR
from tests.mail.test_job import SETTINGS, Recording, body
from tests.web.house import PASSWORD, House, form_to, form_with
from tests.web.test_upload import basic, send

DAY = timedelta(days=1)


def mint(house: House, name: str, title: str = "ci", **wanted: object) -> tuple[str, str]:
    from bonded.accounts import people

    values: dict[str, object] = {
        "projects": (),
        "permissions": ("upload",),
        "expires_at": house.now + 200 * DAY,
        "operator": False,
    } | wanted
    with house.db.write() as tx:
        user = people.need(tx, name)
        return tokens.mint(
            tx, OPERATOR, user, sealer=house.context.sealer, name=title, now=house.now, **values  # type: ignore[arg-type]
        )  # fmt: skip


def one(house: House, token_id: str) -> Token:
    with house.db.read() as conn:
        found = tokens.by_id(conn, token_id)
    assert found
    return found


def mails(house: House) -> list[str]:
    """What is mailed now: subject and text of each."""
    mailer = Recording()
    with house.db.write() as tx:
        payloads = tx.execute(select(job.c.payload).where(job.c.queue == "mail")).scalars().all()
        tx.execute(job.delete().where(job.c.queue == "mail"))
    for payload in payloads:
        handle(MailContext(house.db, mailer, SETTINGS), Job(1, "mail", "", payload, 1, house.now), house.now)
    return [f"{mail['Subject']}\n{body(mail)}" for mail in mailer.sent]


def test_a_token_for_a_first_upload_from_the_page_to_its_project(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    form = form_with(browser.get("/account/tokens/"), "networks")
    form["name"], form["scope"] = "first", "first"
    made = form.submit(status=200)
    text = made.html.find(id="token").text
    browser.get("/account/tokens/").mustcontain("one new project, at its first upload")
    assert send(both, basic("__token__", text), name="fresh").status_int == 200
    listed = browser.get("/account/tokens/")
    assert "one new project, at its first upload" not in listed.html.find("tbody").text
    assert "fresh" in listed.html.find("tbody").text
    refused = send(both, basic("__token__", text), name="other", accept="application/json")
    assert refused.json["code"] == "token-project"


def test_one_that_may_more_than_upload_is_said_on_the_form(house: House) -> None:
    house.person("ann")
    form = form_with(house.login("ann").get("/account/tokens/"), "networks")
    form["name"], form["scope"] = "first", "first"
    form.set("permission", True, index=[one._value for one in form.fields["permission"]].index("yank"))
    page = form.submit(status=400)
    page.mustcontain("may upload, and nothing else")
    assert form_with(page, "networks")["scope"].value == "first", "what was chosen stays chosen"


def test_what_was_not_used_for_long_is_marked(house: House) -> None:
    house.person("ann")
    token_id, _ = mint(house, "ann")
    house.now += 89 * DAY
    assert "long unused" not in house.login("ann").get("/account/tokens/")
    house.now += DAY
    browser = house.login("ann")
    browser.get("/account/tokens/").mustcontain("long unused")
    with house.db.write() as tx:
        tokens.note_use(tx, token_id, ip="192.0.2.1", agent="", now=house.now)
    assert "long unused" not in browser.get("/account/tokens/")


def test_the_last_use_says_when_from_where_and_by_what(both: House) -> None:
    """Flow 18. What used it is the person's own data: in their export, and gone with their account (see test_own_data)."""
    both.person("ann")
    token_id, text = mint(both, "ann")
    agent = 'uv/0.9.2 <b>\u202e {"distro":{"name":"Debian"}}'
    both.browser().post("/legacy/", headers={"Authorization": basic("__token__", "x"), "User-Agent": agent}, status="*")
    assert one(both, token_id).used_at is None, "what is refused is no use"
    answer = send(both, basic("__token__", text), agent=agent)
    assert answer.status_int == 200, answer.text
    assert one(both, token_id).used_agent == "uv/0.9.2 <b>"
    browser = both.login("ann")
    cell = browser.get("/account/tokens/").html.select_one("td[data-label='Last used']")
    assert cell is not None
    assert "uv/0.9.2 <b>" in cell.text
    assert "Debian" not in cell.text
    assert cell.select_one("b") is None
    export = form_to(browser.get("/account/data/"), "/export/").submit("format", value="json", status=200)
    assert orjson.loads(export.body)["token"][0]["used_agent"] == "uv/0.9.2 <b>"


@pytest.mark.parametrize("act", ["revoke", "rotate"])
def test_other_peoples_tokens_are_not_there(both: House, act: str) -> None:
    """OWASP, insecure direct object references: a number that is somebody else's is answered like one that is nobody's."""
    for name in ("ann", "eve"):
        both.person(name)
    hers, _ = mint(both, "ann")
    mint(both, "eve")
    browser = both.login("eve")
    secret = {"csrf": form_to(browser.get("/account/tokens/"), "/revoke/")["csrf"].value, "confirm_password": PASSWORD}
    bodies = []
    for number in (hers, "0" * 26, "x" * 300):
        answer = browser.post(f"/account/tokens/{number}/{act}/", secret, expect_errors=True)
        assert answer.status_int == 404
        bodies.append(re.sub(r"\b[0-9a-f]{16}\b", "", answer.text).replace(number, ""))
    assert bodies[0] == bodies[1], "the answer does not tell whether there is such a token"
    assert one(both, hers).live(both.now)


def test_replacing_is_one_event_and_one_mail(both: House) -> None:
    ann = both.person("ann")
    old, _ = mint(both, "ann", title="Laptop")
    mails(both)
    browser = both.login("ann")
    form = form_to(browser.get("/account/tokens/"), "/revoke/")
    secret = {"csrf": form["csrf"].value, "confirm_password": PASSWORD}
    text = browser.post(f"/account/tokens/{old}/rotate/", secret, status=200).html.find(id="token").text
    with both.db.read() as conn:
        found = of_user(conn, ann.id, Filter(actions=("token.rotate", "token.create", "token.revoke"))).entries
    assert [entry.action for entry in found] == ["token.rotate", "token.create"]
    assert found[0].facts["replaces"] == old
    (mail,) = [mail for mail in mails(both) if "replaced" in mail]
    assert "Laptop" in mail
    assert text not in mail


def test_a_token_for_several_projects_stands_in_the_history_of_each(both: House) -> None:
    ann = both.person("ann")
    for name in ("spam", "eggs", "ham"):
        both.project(name, ann)
    several, _ = mint(both, "ann", title="two", projects=("spam", "eggs"))
    single, _ = mint(both, "ann", title="one", projects=("spam",))
    with both.db.write() as tx:
        tokens.revoke(tx, OPERATOR, several, user_id=ann.id, now=both.now)

    def seen(project: str) -> list[tuple[str, str]]:
        with both.db.read() as conn:
            entries = of_project(conn, project, Filter(), limit=50).entries
        return [
            (entry.facts.get("by", entry.action), entry.subject_id)
            for entry in reversed(entries)
            if "token" in entry.action
        ]

    assert seen("spam") == [("token.create", several), ("token.create", single), ("token.revoke", several)]
    assert seen("eggs") == [("token.create", several), ("token.revoke", several)]
    assert seen("ham") == []


def test_making_one_is_mailed(house: House) -> None:
    house.person("ann")
    mails(house)
    browser = house.login("ann")
    form = form_with(browser.get("/account/tokens/"), "networks")
    form["name"] = "laptop"
    text = form.submit(status=200).html.find(id="token").text
    (mail,) = [mail for mail in mails(house) if "new API token" in mail]
    assert "upload" in mail
    assert text not in mail


def test_whose_token_leaked_reads_what_was_done_with_it(both: House) -> None:
    both.person("ann")
    _, text = mint(both, "ann", title="ci")
    for version in ("1.0", "2.0"):
        assert send(both, basic("__token__", text), version=version).status_int == 200
    mails(both)
    report = orjson.dumps([{"token": text, "url": "https://code.example.invalid/x"}])
    assert both.browser().post("/api/tokens/leaked/", report).json == [{"revoked": True}]
    (mail,) = [mail for mail in mails(both) if "leaked" in mail]
    assert "it was used for 3 acts" in mail, "a project and two files"
    assert "https://code.example.invalid/x" in mail
    assert "Your API token ci was found" in mail
    assert both.browser().post("/api/tokens/leaked/", report).json == [{"revoked": False}]


def test_without_a_second_factor_tokens_upload_nothing_where_one_is_asked_for(house: House) -> None:
    from dataclasses import replace

    from bonded.accounts import factors
    from bonded.web.app import make_wsgi

    ann = house.person("ann")
    house.context = replace(house.context, settings=replace(house.context.settings, second_factor=True))
    house.wsgi = make_wsgi(house.context)
    _, text = mint(house, "ann")
    _, operators = mint(house, "ann", title="operator", operator=True)
    answer = send(house, basic("__token__", text), accept="application/json")
    assert (answer.status_int, answer.json["code"]) == (403, "second-factor-needed")
    assert "add one, then upload again" in answer.json["message"]
    assert send(house, basic("__token__", operators)).status_int == 200
    with house.db.write() as tx:
        values = {"credential": b"c", "public_key": b"p", "transports": []}
        factors.add_device(tx, OPERATOR, ann.id, "key", values, now=house.now)
    assert send(house, basic("__token__", text), version="2.0").status_int == 200
