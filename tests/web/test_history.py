"""The three views of the journal: what each shows and hides, narrowed, page by page, and as a file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from webtest import TestApp

from bonded.accounts.people import User
from bonded.catalog.change import add_role, delete_project, remove_role, set_status
from bonded.journal import record
from bonded.journal.tables import journal
from bonded.values.states import FileState, ProjectStatus, Role, SubjectKind
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.web.house import House, form_with
from tests.web.test_guard import csrf


def by(user: User, credential: str = "s1", ip: str = "192.0.2.1", kind: ActorKind = ActorKind.USER) -> Actor:
    return Actor(kind, user.id, credential, ip, "Browser/1")


def act(house: House, action: str, who: Actor, **more: Any) -> int:
    subject = (SubjectKind.USER, more.get("user") or who.user_id)
    with house.db.write() as tx:
        return record(tx, action, who, subject, now=more.pop("now", house.now), **more)


def shown(page: Any) -> list[int]:
    """Row numbers on the page."""
    return [int(text.removeprefix("#")) for text in page.html.find_all(string=lambda s: s and s.startswith("#"))]


def rows(browser: TestApp, address: str) -> list[dict[str, Any]]:
    return json.loads(browser.get(address).body)  # type: ignore[no-any-return]


def reads(house: House) -> list[Any]:
    """Rows that say that addresses were read."""
    with house.db.read() as conn:
        return list(
            conn.execute(journal.select().where(journal.c.action == "admin.read-private").order_by(journal.c.id))
        )


def ask(browser: TestApp, address: str, reason: str, kind: str = "page", **fields: str) -> Any:
    """Press "Show addresses" on a page of the administrators' journal."""
    form = form_with(browser.get(address), "reason")
    form["reason"] = reason
    for name, value in fields.items():
        form[name] = value
    return form.submit("as", value=kind, expect_errors=True)


def test_a_history_is_narrowed_by_act_project_credential_and_days(both: House) -> None:
    ann = both.person("ann")
    browser = both.login("ann")
    day = timedelta(days=1)
    old = act(both, "user.confirm", by(ann, "one"), now=both.now - 9 * day)
    late = act(both, "user.confirm", by(ann, "two"), now=both.now - 2 * day)
    other = act(both, "file.upload", by(ann, "two", kind=ActorKind.TOKEN), now=both.now - 2 * day, project="spam")
    page = browser.get("/account/history/")
    form = form_with(page, "since")
    asked: list[tuple[dict[str, str], set[int]]] = [
        ({"action": "user.confirm"}, {old, late}),
        ({"project": "Spam"}, {other}),
        ({"credential": "two"}, {late, other}),
        ({"credential": "two", "action": "user.confirm"}, {late}),
        ({"until": f"{both.now - 9 * day:%Y-%m-%d}"}, {old}),
        ({"since": f"{both.now - 2 * day:%Y-%m-%d}", "until": f"{both.now - 2 * day:%Y-%m-%d}"}, {late, other}),
    ]
    for fields, expected in asked:
        for name in ("action", "project", "credential", "since", "until"):
            form[name] = fields.get(name, "")
        answer = form.submit()
        assert set(shown(answer)) == expected, fields
        link = next(a["href"] for a in answer.html.find_all("a") if "format=json" in a["href"])
        assert {row["row"] for row in rows(browser, link)} == expected, f"the file of {fields}"
    for wrong in ("since=yesterday", "until=2026-02-30", "since=2026-01-02&until=2026-01-01", "action=index.read"):
        assert "bad-form" in browser.get(f"/account/history/?{wrong}", status=400)


def test_states_roles_and_permissions_are_in_the_readers_language(house: House) -> None:
    house.settings = replace(house.settings, languages=("en", "de"))
    house.__post_init__()
    ann, bob = house.person("ann"), house.person("bob")
    house.project("spam", ann)
    house.file(ann, "spam", "1.0", state=FileState.HELD)
    with house.db.write() as tx:
        add_role(tx, OPERATOR, "spam", bob.id, Role.MAINTAINER, now=house.now)
        set_status(tx, "project.archive", OPERATOR, "spam", ProjectStatus.ARCHIVED, reason="public", now=house.now)
    granted = {"permissions": ["upload", "yank"], "filter": {}}
    act(house, "token.create", by(ann), project="spam", user=ann.id, facts=granted)

    def told(language: str) -> list[str]:
        house.login("ann", browser := house.browser(HTTP_ACCEPT_LANGUAGE=language))
        page = browser.get("/manage/project/spam/history/")
        return [" ".join(one.text.split()) for one in page.html.select("td ul.inline li")]

    assert told("en") == [
        *(
            "permissions: upload files and yank files",
            "from: active",
            "to: archived",
            "reason: public",
            "role: maintainer",
        ),
        *("file: spam-1.0-py3-none-any.whl", "version: 1.0", "from: received", "to: held", "reason: by the test"),
        "name: spam",
    ]
    assert told("de") == [
        *(
            "Rechte: Dateien hochladen und Dateien zurückziehen",
            "von: aktiv",
            "nach: archiviert",
            "Grund: public",
            "Rolle: Maintainer",
        ),
        *(
            "Datei: spam-1.0-py3-none-any.whl",
            "Version: 1.0",
            "von: wird geprüft",
            "nach: wartet auf Prüfung",
            "Grund: by the test",
        ),
        "Name: spam",
    ]


def test_the_next_page_is_as_narrow_as_the_first(house: House) -> None:
    ann = house.person("ann")
    browser = house.login("ann")
    wanted = []
    for n in range(120):
        made = act(house, "user.confirm" if n % 2 else "user.logout", by(ann))
        wanted += [made] if n % 2 else []
    page = browser.get("/account/history/?action=user.confirm&credential=s1")
    seen = shown(page)
    while page.html.find("a", rel="next"):
        page = page.click("Older")
        seen += shown(page)
    assert seen == wanted[::-1], "each once, newest first, nothing else"


def test_the_file_of_a_long_history_is_whole(house: House) -> None:
    ann = house.person("ann")
    browser = house.login("ann")
    made = [act(house, "user.confirm", by(ann)) for _ in range(1_203)]
    exported = rows(browser, "/account/history/export/?format=json&action=user.confirm")
    assert [row["row"] for row in exported] == made[::-1]
    text = browser.get("/account/history/export/?format=csv&action=user.confirm").text
    table = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["row"]) for row in table] == made[::-1]
    assert table[0]["who"] == "ann"
    assert table[0]["address"] == "192.0.2.1"


def test_a_projects_history_names_removed_members_and_outlives_the_project(both: House) -> None:
    ann, bob = both.person("ann"), both.person("bob")
    key = both.project("spam", ann)
    with both.db.write() as tx:
        add_role(tx, OPERATOR, key, bob.id, Role.MAINTAINER, now=both.now)
    his = act(both, "file.upload", by(bob, "token-of-bob-123456", "203.0.113.5", ActorKind.TOKEN), project=key)
    with both.db.write() as tx:
        remove_role(tx, OPERATOR, key, bob.id, Role.MAINTAINER, now=both.now)
    browser = both.login("ann")
    page = browser.get("/manage/project/spam/history/?person=bob")
    assert his in shown(page)
    assert "token …123456" in page
    assert set(shown(page.click("token …123456"))) == {his}
    both.login("bob").get("/manage/project/spam/history/", status=403)
    with both.db.write() as tx:
        gone = delete_project(tx, by(ann), key, reason="", now=both.now)
    page = browser.get("/manage/project/spam/history/")
    assert {his, gone} <= set(shown(page))
    exported = rows(browser, "/manage/project/spam/history/export/?format=json")
    assert {his, gone} <= {row["row"] for row in exported}
    assert {row["who"] for row in exported if row["row"] == his} == {"bob"}
    assert {(row["address"], row["agent"]) for row in exported} == {("", "")}, "addresses are not for maintainers"


def test_administrators_look_up_any_person_project_and_token(both: House) -> None:
    ann, bob = both.person("ann"), both.person("bob")
    both.person("root", admin=True)
    browser = both.login("root")
    hers = act(both, "user.confirm", by(ann, "cred-a"))
    his = act(both, "file.upload", by(bob, "cred-b", kind=ActorKind.TOKEN), project="spam")
    assert hers in shown(browser.get("/admin/journal/?person=ann"))
    assert his not in shown(browser.get("/admin/journal/?person=ann"))
    assert shown(browser.get("/admin/journal/?project=spam")) == [his]
    assert shown(browser.get("/admin/journal/?credential=cred-b")) == [his]
    assert [row["row"] for row in rows(browser, "/admin/journal/export/?credential=cred-a")] == [hers]
    browser.get("/admin/journal/?person=nobody-here", status=404)


def test_addresses_are_read_for_a_reason_which_the_journal_keeps(both: House) -> None:
    ann = both.person("ann")
    root = both.person("root", admin=True)
    browser = both.login("root")
    act(both, "user.confirm", by(ann, "cred-a", "203.0.113.77"))
    for address in ("/admin/journal/", "/admin/journal/?person=ann", "/admin/people/?name=ann"):
        assert "203.0.113.77" not in browser.get(address), "not without a reason"
    assert "203.0.113.77" not in browser.get("/admin/journal/export/?format=csv")
    refused = ask(browser, "/admin/journal/?person=ann", "  ")
    assert "reason-needed" in refused
    assert "203.0.113.77" not in refused
    assert reads(both) == []
    page = ask(browser, "/admin/journal/?person=ann", "Ann asked who it was")
    assert "203.0.113.77" in page
    (row,) = reads(both)
    assert (row.actor_id, row.user_id, row.facts["reason"]) == (root.id, ann.id, "Ann asked who it was")
    assert row.facts["as"] == "page"
    own = both.login("ann").get("/account/history/")
    assert "Read addresses in the journal" in own
    assert "Ann asked who it was" in own


def test_who_came_from_an_address_is_asked_for_a_reason_too(house: House) -> None:
    ann, bob = house.person("ann"), house.person("bob")
    house.person("root", admin=True)
    browser = house.login("root")
    mine = [
        act(house, "user.confirm", by(ann, ip="203.0.113.7")),
        act(house, "user.confirm", by(bob, ip="203.0.113.7")),
    ]
    act(house, "user.confirm", by(bob, ip="203.0.113.70"))
    answer = ask(browser, "/admin/journal/", "abuse report 4", ip="203.0.113.7")
    assert shown(answer) == mine[::-1]
    answer = ask(browser, "/admin/journal/", "abuse report 4", kind="json", ip="203.0.113.7")
    assert [row["address"] for row in json.loads(answer.body)] == ["203.0.113.7"] * 2
    assert [row.facts["as"] for row in reads(house)] == ["page", "json"]
    assert all("203.0.113.7" not in str(row.facts) for row in reads(house)), "addresses are never in public facts"
    with house.db.read() as conn:
        from bonded.journal.read import entry

        found = entry(conn, reads(house)[0].id)
    assert found is not None
    assert found.private["searched"] == "203.0.113.7"


def test_older_rows_with_addresses_are_read_and_noted_again(house: House) -> None:
    ann = house.person("ann")
    house.person("root", admin=True)
    browser = house.login("root")
    made = [act(house, "user.confirm", by(ann, ip="203.0.113.7")) for _ in range(60)]
    page = ask(browser, "/admin/journal/?action=user.confirm", "abuse")
    older = next(form for form in page.forms.values() if "before" in form.fields)
    rest = older.submit("as", value="page")
    assert shown(page) + shown(rest) == made[::-1]
    assert len(reads(house)) == 2


@pytest.mark.parametrize("who", ["ann", "nobody"])
def test_addresses_are_for_administrators_only(house: House, who: str) -> None:
    house.person("ann")
    other = house.login("ann") if who == "ann" else house.browser()
    other.get("/account/login/" if who == "nobody" else "/account/")
    fields = {"reason": "x", "as": "page", "csrf": csrf(house, other)}
    answer = other.post("/admin/journal/addresses/", fields, status="*")
    assert answer.status_int == 403
    assert reads(house) == []
