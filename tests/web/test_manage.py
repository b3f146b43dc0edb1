"""The pages of maintainers and owners: files, status, people, history."""

from __future__ import annotations

import pytest

from bonded.catalog import change, read
from bonded.values.states import FileState, ProjectStatus, Role
from bonded.values.who import OPERATOR
from tests.web.house import House, form_to, form_with


def spam(house: House) -> str:
    """A project `spam` of ann, who is a user, with one public file; returns the file's id."""
    ann = house.person("ann")
    house.project("spam", ann)
    return house.file(ann, "spam", "1.0")


def test_files_are_listed_in_every_state_newest_release_first(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    for number, state in enumerate(FileState):
        house.file(ann, "spam", f"1.{number}", state=state)
    page = house.login("ann").get("/manage/project/spam/")
    headings = [h.text for h in page.html.main.find_all("h2")]
    assert headings == [f"1.{number}" for number in reversed(range(len(FileState)))]
    words = {state.text for state in page.html.main.select("td .state")}
    assert words == {"being checked", "waiting for review", "public", "rejected", "quarantined", "removed"}


def test_yank_and_take_it_back(both: House) -> None:
    file_id = spam(both)
    browser = both.login("ann")
    form = form_to(browser.get("/manage/project/spam/"), "/yank/")
    form["reason"] = "does not\r\nimport"
    page = form.submit(status=303).follow()
    assert "The file is yanked" in page
    with both.db.read() as conn:
        file = read.file(conn, file_id)
    assert file
    assert (file.yanked, file.yanked_reason) == (True, "does not import")
    form_to(page, "/unyank/").submit(status=303)
    with both.db.read() as conn:
        assert not read.file(conn, file_id).yanked  # type: ignore[union-attr]


def test_deleting_asks_for_the_name_of_the_file(house: House) -> None:
    file_id = spam(house)
    browser = house.login("ann")
    form = form_with(browser.get("/manage/project/spam/").click("Delete…"), "filename")
    form["filename"] = "spam"
    assert "This is not the file" in form.submit(status=400)
    form["filename"] = "spam-1.0-py3-none-any.whl"
    page = form.submit(status=303).follow()
    assert "The file is deleted." in page
    with house.db.read() as conn:
        assert read.file(conn, file_id).state is FileState.REMOVED  # type: ignore[union-attr]


def test_an_act_on_an_old_page_is_refused_in_words(house: House) -> None:
    spam(house)
    browser = house.login("ann")
    form = form_to(browser.get("/manage/project/spam/"), "/yank/")
    form.submit(status=303)
    answer = form.submit(status=409)
    assert "wrong-state" in answer
    assert "Spam" in answer.text or "yanked already" in answer


def test_a_role_in_one_project_does_not_reach_files_of_another(house: House) -> None:
    file_id = spam(house)
    bob = house.person("bob")
    house.project("eggs", bob)
    browser = house.login("bob")
    secret = form_to(browser.get("/manage/project/eggs/"), "/account/logout/")["csrf"].value
    for act in ("yank", "unyank", "delete"):
        fields = {"csrf": secret, "filename": "spam-1.0-py3-none-any.whl"}
        assert "no-such-file" in browser.post(f"/manage/project/eggs/files/{file_id}/{act}/", fields, status=404)
    browser.get(f"/manage/project/eggs/files/{file_id}/delete/", status=404)
    with house.db.read() as conn:
        assert read.file(conn, file_id).state is FileState.PUBLIC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("acts", "status"),
    [
        (["archive"], ProjectStatus.ARCHIVED),
        (["archive", "unarchive"], ProjectStatus.ACTIVE),
        (["deprecate"], ProjectStatus.DEPRECATED),
        (["deprecate", "archive", "unarchive"], ProjectStatus.ACTIVE),
        (["deprecate", "undeprecate"], ProjectStatus.ACTIVE),
    ],
)
def test_status(house: House, acts: list[str], status: ProjectStatus) -> None:
    spam(house)
    browser = house.login("ann")
    for act in acts:
        form = form_to(browser.get("/manage/project/spam/status/"), f"/{act}/")
        form["reason"] = "use eggs"
        form.submit(status=303)
    with house.db.read() as conn:
        project = read.project(conn, "spam")
    assert project
    assert project.status is status
    page = house.browser().get("/project/spam/")
    assert ("use eggs" in page) == (status is not ProjectStatus.ACTIVE)


def test_deleting_a_project_asks_for_its_name(house: House) -> None:
    spam(house)
    browser = house.login("ann")
    form = form_to(browser.get("/manage/project/spam/status/"), "/delete/")
    form["name"] = "eggs"
    assert "This is not the project" in form.submit(status=400)
    form["name"] = "Spam"
    assert "The project is deleted" in form.submit(status=303).follow()
    house.browser().get("/project/spam/", status=404)
    assert "spam" not in browser.get("/account/").html.main.text


def test_people_of_a_project(both: House) -> None:
    spam(both)
    bob = both.person("bob")
    with both.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", bob.id, Role.MAINTAINER, now=both.now)
    browser = both.login("ann")
    page = browser.get("/manage/project/spam/people/")
    role = next(f for f in page.forms.values() if f.action.endswith("/people/") and f["user"].value == bob.id)
    page = role.submit(status=303).follow()
    with both.db.read() as conn:
        assert read.role_in(conn, bob.id, "spam") is Role.OWNER
    assert both.login("bob").get("/manage/project/spam/").status_int == 200
    removal = next(f for f in page.forms.values() if f.action.endswith("/remove/") and f["user"].value == bob.id)
    removal.submit(status=303)
    both.login("bob").get("/manage/project/spam/", status=403)


def test_the_last_owner_stays(house: House) -> None:
    spam(house)
    page = house.login("ann").get("/manage/project/spam/people/")
    assert "sole-owner" in form_to(page, "/leave/").submit(status=409)


def test_history_tells_who_and_hides_addresses_of_others(house: House) -> None:
    spam(house)
    browser = house.login("ann")
    form = form_to(browser.get("/manage/project/spam/"), "/yank/")
    form["reason"] = "why <not>"
    form.submit(status=303)
    page = browser.get("/manage/project/spam/history/")
    assert "Yank a file" in page
    assert "why &lt;not&gt;" in page
    assert "198.51.100.7" not in page


def test_a_quarantined_file_is_kept_from_its_owner(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    file_id = house.file(ann, "spam", "1.0", state=FileState.QUARANTINED)
    browser = house.login("ann")
    page = browser.get("/manage/project/spam/")
    assert "Administrators alone release or remove it." in page
    assert f"/files/{file_id}/delete/" not in page
    answer = browser.get(f"/manage/project/spam/files/{file_id}/delete/", status=409)
    assert "only an administrator can remove it" in answer
    assert "file-is-evidence" in answer


def test_projects_that_are_not_mine_or_do_not_exist_look_the_same(house: House) -> None:
    spam(house)
    house.person("bob")
    browser = house.login("bob")
    one = browser.get("/manage/project/spam/", status=403).html.main
    two = browser.get("/manage/project/no-such/", status=403).html.main
    assert one.h1.text == two.h1.text == "You have no role in this project"
    assert one.bdi.text.startswith("You have no role in the project spam (")
    assert one.bdi.text.replace("spam", "no-such") == two.bdi.text
