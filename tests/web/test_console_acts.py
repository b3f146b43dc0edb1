"""Acts that people reach by a second press or from a list, and the address without a slash: each as it is really done."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from webtest import TestApp

from bonded.catalog import change, read
from bonded.journal.read import Filter, of_project
from bonded.screening.service_tables import report
from bonded.values.states import FileState, Role
from bonded.values.who import OPERATOR
from tests.upload.making import make_wheel, receive
from tests.web.house import House, form_to, form_with
from tests.web.test_upload import basic, token

S = FileState


def cases(house: House, state: FileState) -> tuple[TestApp, list[int], list[str]]:
    """An administrator's browser, and two cases with a file each."""
    house.person("root", admin=True)
    ann = house.person("ann")
    files = []
    for name in ("apple", "pear"):
        house.project(name, ann)
        files.append(house.file(ann, name, "1.0", state=state))
    return house.login("root"), [house.case(one) for one in files], files


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        ("release", S.HELD, S.PUBLIC),
        ("quarantine", S.PUBLIC, S.QUARANTINED),
        ("reject", S.HELD, S.REJECTED),
        ("remove", S.HELD, S.REMOVED),
        ("ask-owner", S.HELD, S.HELD),
    ],
)
def test_cases_are_decided_together(house: House, act: str, before: FileState, after: FileState) -> None:
    """Ticked in the queue, with a reason; done on the second press, on the page that shows what it reaches."""
    browser, numbers, files = cases(house, before)
    page = browser.get("/admin/review/")
    form = next(form for form in page.forms.values() if len(form.fields.get("case", [])) == len(numbers))
    form.action = f"/admin/cases/{act}/"
    for box in form.fields["case"]:
        box.checked = True
    form["reason"] = "looked at both of them"
    asked = form.submit(status=200)
    with house.db.read() as conn:
        assert {found.state for one in files if (found := read.file(conn, one))} == {before}, "not before it is shown"
    form_to(asked, f"/admin/cases/{act}/").submit(status=303)
    with house.db.read() as conn:
        assert {found.state for one in files if (found := read.file(conn, one))} == {after}
        told = of_project(conn, "pear", Filter(actions=(f"review.{act}",))).entries
    assert [entry.facts["reason"] for entry in told] == ["looked at both of them"]


def test_the_queue_stays_as_it_was_filtered(house: House) -> None:
    """Through a refusal, which keeps what was ticked, the page that asks again, and the decision."""
    browser, (apple, _), _ = cases(house, S.HELD)

    def bulk(page: Any) -> Any:
        return next(form for form in page.forms.values() if "case" in form.fields)

    filtered = browser.get("/admin/review/?project=apple&sort=oldest")
    form = bulk(filtered)
    form.action = "/admin/cases/reject/"
    form["case"] = True
    refused = form.submit(status=400)
    assert "A reason is needed" in refused
    form = bulk(refused)
    assert [one.value for one in form.fields["case"]] == [str(apple)], "the other case was filtered out"
    refused.click("by campaign").mustcontain("Review queue")
    form.action = "/admin/cases/reject/"
    form["reason"] = "looked at it"
    asked = form.submit(status=200)
    kept = "/admin/review/?state=open&sort=oldest&by=case&project=apple"
    assert asked.html.find("a", string="No, go back")["href"] == kept
    done = form_to(asked, "/admin/cases/reject/").submit(status=303)
    assert done.location == f"http://localhost{kept}"
    back = form_to(done.follow(), "/admin/undo/").submit(status=303)
    assert back.location == f"http://localhost{kept}"


def test_nobody_decides_on_a_page_from_before_somebody_else_did(house: House) -> None:
    """Two administrators look at one case. The second, whose page is older, meant to release what the first rejected."""
    second, (number, _), (file_id, _) = cases(house, S.HELD)
    house.person("other", admin=True)
    older, newer = sheet(second, number), sheet(house.login("other"), number)
    for form, act in ((newer, "reject"), (older, "release")):
        form.action = f"/admin/review/{number}/{act}/"
        form["reason"] = "looked at it"
    newer.submit(status=303)
    assert "wrong-state" in older.submit(status=409)
    with house.db.read() as conn:
        assert read.file(conn, file_id).state is S.REJECTED  # type: ignore[union-attr]
    form = sheet(second, number)  # on the page of now, everything is possible that was
    form.action = f"/admin/review/{number}/release/"
    form["reason"], form["file"] = "it is harmless after all", [file_id]
    form.submit(status=303)
    with house.db.read() as conn:
        assert read.file(conn, file_id).state is S.PUBLIC  # type: ignore[union-attr]


def sheet(browser: TestApp, number: int) -> Any:
    return form_with(browser.get(f"/admin/review/{number}/"), "level")


def test_a_claim_is_taken_and_given_up(house: House) -> None:
    browser, (case, _), _ = cases(house, S.HELD)
    page = form_to(browser.get(f"/admin/review/{case}/"), "/claim/").submit(status=303).follow()
    page = form_to(page, "/let-go/").submit(status=303).follow()
    assert form_to(page, "/claim/")


def test_a_report_is_dismissed_with_a_reason(house: House) -> None:
    browser, _, _ = cases(house, S.PUBLIC)
    form = next(f for f in house.browser().get("/report/?project=apple").forms.values() if "words" in f.fields)
    form["words"], form["kind"] = "It looks like spam to me, all of it.", "spam"
    form.submit(status=200)
    form = form_to(browser.get("/admin/reports/"), "/dismiss/")
    form["reason"] = "it is a compiler"
    form.submit(status=303)
    with house.db.read() as conn:
        assert conn.execute(select(report.c.state)).scalar_one() == "dismissed"
        told = of_project(conn, "apple", Filter(actions=("report.dismiss",))).entries
    assert [entry.facts["reason"] for entry in told] == ["it is a compiler"]


def test_whoever_is_not_the_last_owner_leaves(both: House) -> None:
    ann, bob = both.person("ann"), both.person("bob")
    both.project("apple", ann)
    with both.db.write() as tx:
        change.add_role(tx, OPERATOR, "apple", bob.id, Role.OWNER, now=both.now)
    browser = both.login("bob")
    form_to(browser.get("/manage/project/apple/people/"), "/leave/").submit(status=303)
    with both.db.read() as conn:
        assert read.role_in(conn, bob.id, "apple") is None
        assert read.role_in(conn, ann.id, "apple") is Role.OWNER
    browser.get("/manage/project/apple/", status=403)


def test_an_upload_to_the_address_without_its_slash(house: House) -> None:
    """A redirect would lose the body: the file is taken."""
    text = token(house, house.person("ann"))
    filename, data = make_wheel("sample", "1.0")
    received = receive(house.folder / "spool", filename, data)
    headers = {"Accept": "application/json", "Authorization": basic("__token__", text)}
    environ = {"bonded.received": received}
    answer = house.browser().post("/legacy", b"", headers=headers, extra_environ=environ)
    assert answer.json["state"] == "received"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/admin/projects/?name=a%00", 404),
        ("/admin/review/?check=a%00", 200),
        ("/admin/review/?project=a%00", 200),
        ("/admin/review/?sort=oldest&after=2026-01-01~1", 400),
        ("/admin/review/?sort=oldest&after=2026-01-01T00:00:00%2B00:00~1", 200),
    ],
)
def test_addresses_of_the_console_that_no_database_can_be_asked_for(both: House, address: str, status: int) -> None:
    """PostgreSQL compares no NUL, and neither database a moment that has no zone."""
    both.person("root", admin=True)
    both.login("root").get(address, status=status)
