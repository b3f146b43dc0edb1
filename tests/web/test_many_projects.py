"""Somebody with thousands of projects: pages show some of them, and a statement does not grow with all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bonded.accounts import sessions
from bonded.accounts.people import User
from bonded.catalog import of_person
from bonded.catalog.search_tables import search
from bonded.catalog.tables import project, role
from bonded.values.text import new_id
from tests.web.house import House, form_with

MANY = 2_500


@pytest.fixture
def ann(both: House) -> User:
    """The owner of MANY projects, alone; in every tenth there is another owner."""
    person, other = both.person("ann"), both.person("bob")
    rows = [
        {"id": new_id(), "key": f"lib-{n:05}", "name": f"Lib_{n:05}", "status": "active", "status_reason": "",
         "deleted": n == 7, "last_journal_id": 0, "created_at": both.now}
        for n in range(MANY)
    ]  # fmt: skip
    roles = [
        {"project_id": row["id"], "user_id": who.id, "role": "owner", "created_at": both.now}
        for n, row in enumerate(rows)
        for who in ((person, other) if n % 10 == 0 else (person,))
    ]
    with both.db.write() as tx:
        tx.execute(insert(project), rows)
        tx.execute(insert(role), roles)
    return person


def test_the_first_page_shows_some_and_the_rest_is_paged_and_found(both: House, ann: User) -> None:
    browser = both.login("ann")
    page = browser.get("/account/")
    assert len(page.body) < 120_000
    assert "Page 1 of 25" in page
    assert "Lib_00100" in page
    assert "Lib_00101" not in page
    assert "Lib_00101" in page.click("Next")
    assert "Lib_02499" in browser.get("/account/?page=9999")
    form = form_with(page, "name")
    form["name"] = "LIB.0249"
    found = form.submit()
    assert found.text.count("/manage/project/lib-0249") == 10
    form["name"] = "absent_%"
    assert "No project found" in form.submit()
    browser.get("/account/?page=x", status=400)


def test_a_token_names_projects_that_are_too_many_for_boxes(both: House, ann: User) -> None:
    browser = both.login("ann")
    page = browser.get("/account/tokens/?project=lib-00003")
    assert len(page.body) < 60_000
    form = form_with(page, "project")
    assert form["project"].value == "lib-00003"
    form["name"], form["scope"], form["project"] = "ci", "some", " Lib.02400,"
    assert "bonded-" in form.submit(status=200)
    with both.db.read() as conn:
        assert of_person.keys_among(conn, ann.id, ["lib-00003", "lib-00007", "x"]) == {"lib-00003"}
    form["name"], form["project"] = "other", "lib-00007"
    assert "No project found" in form.submit(status=400)


def test_a_public_page_of_them_and_who_owns_alone(both: House, ann: User) -> None:
    with both.db.write() as tx:
        rows = tx.execute(select(project.c.id, project.c.key, project.c.name).order_by(project.c.key)).all()
        values = [
            {"project_id": one.id, "key": one.key, "name": one.name, "version": "1", "summary": "", "words": ""}
            for one in rows[:250]
        ]
        tx.execute(insert(search), values)
    page = both.browser().get("/user/ann/")
    assert "249 projects" in page
    assert page.text.count("/project/lib-") == of_person.AT_ONCE
    assert "Page 3 of 3" in page.click("Next").click("Next")
    with both.db.read() as conn:
        alone = of_person.owned_alone(conn, ann.id)
    assert (len(alone), "lib-00010" in alone, "lib-00011" in alone) == (MANY * 9 // 10 - 1, False, True)
    data = both.login("ann").get("/account/data/")
    assert len(data.body) < 60_000
    assert "Page 1 of 23" in data
    assert "lib-00113" in data.click("Next")


def test_administrators_see_them_a_page_at_a_time(both: House, ann: User) -> None:
    both.person("root", admin=True)
    page = both.login("root").get("/admin/people/?name=ann")
    assert "Page 1 of 25" in page
    assert page.text.count("/admin/projects/?name=lib-") == 100
    assert "Lib_00150" in page.click("Next")


def test_sessions_and_files_are_a_page_at_a_time(house: House) -> None:
    person = house.person("ann")
    house.project("demo", person)
    with house.db.write() as tx:
        for _ in range(250):
            sessions.open(tx, person.id, ip="", agent="", now=house.now - timedelta(days=1))
    for n in range(3):
        house.file(person, "demo", f"{n}.0")
    browser = house.login("ann")
    page = browser.get("/account/sessions/")
    assert "Page 1 of 3" in page
    assert page.text.count("/end/") == 99, "and this one"
    assert page.click("Next").text.count("/end/") == 100
    files = browser.get("/manage/project/demo/")
    assert [h2.text for h2 in files.html.main.find_all("h2")] == ["2.0", "1.0", "0.0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bonded.web.manage.files.AT_ONCE", 2)
        assert [h2.text for h2 in browser.get("/manage/project/demo/?page=2").html.main.find_all("h2")] == ["0.0"]
        browser.get("/manage/project/demo/?page=0", status=400)
