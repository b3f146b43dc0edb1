"""Lists with thousands of rows: a page takes and shows some of them, all can be reached, and what it costs does not grow squared."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest
from sqlalchemy import Table, func, insert, select, update
from webtest import TestApp, TestResponse

from bonded.accounts.entry_tables import known_device
from bonded.accounts.people import User
from bonded.accounts.tables import token, user
from bonded.catalog.by_release import cut
from bonded.catalog.people_tables import approval, invitation, protected_project
from bonded.catalog.tables import case, file, finding, project, release, role, suppression
from bonded.db.jobs import job
from bonded.db.window import Window
from bonded.screening.service_tables import report
from tests.support.rows import rows_taken
from tests.web.house import House, form_to

MANY = 2_500
SIZE = 300_000
"""Bytes that no page of a list may have."""


def put(house: House, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Rows as they would be after years."""
    with house.db.write() as tx:
        tx.execute(insert(table), list(rows))


def project_id(house: House, key: str) -> str:
    with house.db.read() as conn:
        return str(conn.execute(select(project.c.id).where(project.c.key == key)).scalar_one())


def put_people(house: House, count: int = MANY) -> None:
    """Accounts u00000, u00001 and so on; their ids are their names."""
    same = {"state": "active", "is_admin": False, "created_at": house.now - timedelta(days=90)}
    ids = [f"u{n:05}" for n in range(count)]
    put(
        house,
        user,
        ({"id": one, "name": one, "name_key": one, "email": f"{one}@example.invalid"} | same for one in ids),
    )


def put_files(house: House, owner: User, key: str, versions: list[str], **more: Any) -> None:
    """A file for each of `versions`, equal ones in one release, each with a long description."""
    house.project(key, owner)
    mine, at = project_id(house, key), house.now - timedelta(days=30)
    described = {
        "name": key,
        "summary": "Many",
        "description": "word " * 1000,
        "description_content_type": "text/plain",
    }
    releases = (
        {"id": f"{key}-{v}", "project_id": mine, "version": v, "metadata": described} for v in sorted(set(versions))
    )
    put(house, release, (one | {"created_at": at} for one in releases))
    same = {"project_id": mine, "packagetype": "bdist_wheel", "python_version": "py3", "size": 9, "md5": "0" * 32}
    same |= {"blake2_256": "2" * 64, "state": "public", "state_at": at, "holds_name": True, "burnt": True}
    same |= {"uploaded_at": at, "uploader_id": owner.id, "token_id": ""}
    files = (
        {"id": f"{key}-{n:05}", "release_id": f"{key}-{v}", "filename": f"{key}-{v}-{n:05}-py3-none-any.whl"}
        | {"sha256": f"{n:064}", "vault_key": f"{key}{n}"}
        for n, v in enumerate(versions)
    )
    put(house, file, (same | one | more for one in files))


@pytest.fixture
def ann(both: House) -> User:
    return both.person("ann")


def calls_made(do: Callable[[], object]) -> int:
    """How many calls of functions something takes, of Python's and of C's."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


def test_a_project_with_very_many_releases_is_shown_quickly(both: House, ann: User) -> None:
    put_files(both, ann, "shallow", [f"{n}.0" for n in range(1_000)])
    put_files(both, ann, "deep", [f"{n}.0" for n in range(4_000)])
    browser = both.browser()
    few = calls_made(lambda: browser.get("/project/shallow/"))
    many = calls_made(lambda: browser.get("/project/deep/"))
    assert many < 6 * few, "what it costs grows with the releases, and not with their square"
    with rows_taken() as taken:
        page = browser.get("/project/deep/")
    assert taken.count < 4_100, "the files, and the metadata of one release"
    assert len(page.body) < SIZE
    assert "3988 older releases" in page
    links = page.html.find_all("ul", class_="versions")
    assert [len(one.find_all("li")) for one in links] == [12, 500]
    assert page.html.find("details", class_="more", open=True) is None
    last = browser.get("/project/deep/?releases=999")
    assert 'href="/project/deep/0.0/"' in last
    assert last.html.find("details", class_="more", open=True) is not None
    with rows_taken() as taken:
        assert "History of deep" in browser.get("/project/deep/history/")
        browser.get("/project/deep/atom.xml")
    assert taken.count < 50


def test_a_release_with_very_many_files_is_shown_a_page_at_a_time(both: House, ann: User) -> None:
    put_files(both, ann, "wide", ["1.0"] * MANY)
    browser = both.browser()
    page = browser.get("/project/wide/")
    assert len(page.body) < SIZE
    assert len(page.html.find("table", class_="files").tbody.find_all("tr")) == 100
    assert "Page 1 of 25" in page
    assert "--hash" not in page, "a line with the digests of all would be as long as all of them"
    assert "wide-1.0-00100-py3" in page.click("Next")
    assert "wide-1.0-02499-py3" in browser.get("/project/wide/1.0/?page=25")


def test_everybody_who_maintains_a_project_is_shown_a_page_at_a_time(both: House, ann: User) -> None:
    put_files(both, ann, "owned", ["1.0"])
    put_people(both)
    mine = {"project_id": project_id(both, "owned"), "role": "maintainer", "created_at": both.now}
    put(both, role, (mine | {"user_id": f"u{n:05}"} for n in range(MANY)))
    with rows_taken() as taken:
        page = both.browser().get("/project/owned/")
    assert taken.count < 300
    assert page.text.count('href="/user/') == 100
    assert 'href="/user/u02499/"' in both.browser().get("/project/owned/?people=26")


def put_case(house: House, owner: User, key: str, count: int) -> int:
    """An open case with so many held files, each of a release of its own, and as many findings about the first of them."""
    put_files(house, owner, key, [f"{n}.0" for n in range(count)], state="held", burnt=False)
    with house.db.write() as tx:
        values = {"project_id": project_id(house, key), "state": "open", "score": 0.9, "opened_at": house.now}
        number = int(tx.execute(insert(case).values(values | {"headline": "x"}).returning(case.c.id)).scalar_one())
        tx.execute(update(file).where(file.c.id.startswith(f"{key}-")).values(case_id=number))
    found = {"version": 1, "rules": "r", "severity": "high", "confidence": 0.9, "path": "a.py", "message": "runs it"}
    found |= {"subject_kind": "file", "subject_id": f"{key}-00000", "file_id": f"{key}-00000", "excerpt": "x"}
    found |= {"check": "decoded-code-executed", "run_when": "import", "trace": [], "created_at": house.now}
    put(house, finding, (found | {"line": n, "end_line": n} for n in range(count)))
    return number


def test_a_case_of_very_many_files_is_decided_a_page_at_a_time(both: House, ann: User) -> None:
    number = put_case(both, ann, "heldy", 900)
    both.person("root", admin=True)
    browser = both.login("root")
    with rows_taken() as taken:
        page = browser.get(f"/admin/review/{number}/")
    assert taken.count < 4_000, "each file is read twice and each finding once, and not once for each of the others"
    assert len(page.body) < SIZE
    assert "900 pieces of evidence" in page
    assert "899 pairs of files to compare" in page
    form = form_to(page, f"/admin/review/{number}/release/")
    assert len(form.fields["file"]) == 200
    assert page.html.find("nav", {"aria-label": "Files"}).span.text == "Page 1 of 5"
    assert page.html.find("nav", {"aria-label": "Evidence"}).span.text == "Page 1 of 5"
    shown = {one["href"] for n in range(1, 6) for one in links_of(browser.get(f"/admin/review/{number}/?findings={n}"))}
    assert len(shown) == 900
    last = browser.get(f"/admin/review/{number}/?files=5")
    form = form_to(last, f"/admin/review/{number}/release/")
    assert len(form.fields["file"]) == 100
    form["next"] = False
    assert "Page 5 of 5" in form.submit(status=400), "a reason is missing: the same files are shown again"
    form["reason"] = "harmless"
    form.action = f"/admin/review/{number}/reject/"
    form.submit(status=303)
    with both.db.read() as conn:
        states = {row[0]: row[1] for row in conn.execute(select(file.c.state, func.count()).group_by(file.c.state))}
    assert states == {"held": 800, "rejected": 100}
    with rows_taken() as taken:
        pairs = browser.get(f"/admin/review/{number}/differences/?pair=899")
    assert taken.count < 3_000
    assert "Page 9 of 9" in pairs
    assert pairs.html.find("a", {"aria-current": "true"}, href="?pair=899") is not None
    assert pairs.click("Previous").html.find("a", {"aria-current": "true"}, href="?pair=701") is not None


def links_of(page: TestResponse) -> list[Any]:
    """Links to the evidence of a case."""
    return list(page.html.find_all("a", href=re.compile("/evidence/")))


def shown_once(
    browser: TestApp, address: str, find: Callable[[TestResponse], list[str]], name: str = "page"
) -> list[str]:
    """What all pages of a list show, one after the other: each is small, takes few rows, and shows nothing twice."""
    every: list[str] = []
    while True:
        with rows_taken() as taken:
            page = browser.get(address)
        assert taken.count < 450
        assert len(page.body) < SIZE
        found = find(page)
        assert found
        every += found
        onward = page.html.main.find("a", rel="next", href=re.compile(f"[?&]{name}="))
        if onward is None:
            return every
        address = urljoin(page.request.path_qs, onward["href"])


def texts(selector: str) -> Callable[[TestResponse], list[str]]:
    return lambda page: [one.get_text(" ", strip=True) for one in page.html.main.select(selector)]


def test_an_owner_sees_files_a_page_at_a_time_the_newest_release_first(both: House, ann: User) -> None:
    put_files(both, ann, "demo", ["1.0"] * 450 + [f"2.{n}" for n in range(150)] + ["10.0"] * 3)
    found = shown_once(both.login("ann"), "/manage/project/demo/", texts("table th[scope=row] bdi:first-child"))
    wanted = [f"demo-10.0-{n:05}" for n in (602, 601, 600)] + [f"demo-2.{n}-{450 + n:05}" for n in range(149, -1, -1)]
    wanted += [f"demo-1.0-{n:05}" for n in range(449, -1, -1)]
    assert [name.removesuffix("-py3-none-any.whl") for name in found] == wanted


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("counts", [[], [1], [5], [1, 2, 3], [7, 1, 1, 9], [2, 2, 2]])
def test_windows_show_each_row_once(counts: list[int], at_once: int) -> None:
    rows = [(at, n) for at, count in enumerate(counts) for n in range(count)]
    shown = []
    for offset in range(0, len(rows), at_once):
        parts = cut(counts, Window(at_once, offset))
        shown += [(at, n) for at, part in parts for n in range(part.offset, part.offset + part.limit)]
        assert sum(part.limit != counts[at] for at, part in parts) <= 2
    assert shown == rows


def test_people_of_a_project_are_managed_a_page_at_a_time(both: House, ann: User) -> None:
    both.project("demo", ann)
    put_people(both, 350)
    mine = {"project_id": project_id(both, "demo"), "role": "maintainer", "created_at": both.now}
    put(both, role, (mine | {"user_id": f"u{n:05}"} for n in range(350)))
    browser = both.login("ann")
    found = shown_once(browser, "/manage/project/demo/people/", texts("table th[scope=row] > a"))
    assert found == ["ann", *(f"u{n:05}" for n in range(350))]
    assert "Invite somebody" in browser.get("/manage/project/demo/people/?page=4"), "ann is an owner on each page"


def test_files_that_wait_for_a_second_owner_are_a_page_at_a_time(both: House, ann: User) -> None:
    put_files(both, ann, "demo", [f"{n}.0" for n in range(230)], state="held", burnt=False)
    put(both, protected_project, [{"project_id": project_id(both, "demo"), "dual_since": both.now}])
    done = [{"approved_by": "u", "approved_at": both.now, "cleared_at": None}, {"cleared_at": both.now}]
    put(both, approval, [{"file_id": "demo-00000"} | done[0]])
    put(both, approval, [{"file_id": "demo-00001"} | done[1]])
    found = shown_once(both.login("ann"), "/manage/project/demo/approvals/", texts("section h3 bdi"))
    assert sorted(name.split("-")[2] for name in found) == [f"{n:05}" for n in range(1, 230)]
    browser = both.login("ann")
    with rows_taken() as taken:
        assert "Screening let it" in browser.get("/manage/project/demo/approvals/")
    assert taken.count < 120, "of the files, those that are shown"


def test_what_a_person_has_is_a_page_at_a_time(both: House, ann: User) -> None:
    now, later = both.now, both.now + timedelta(days=3)
    same = {"user_id": ann.id, "key": b"x", "projects": [], "permissions": ["upload"], "networks": [], "publishers": []}
    tokens = [
        same | {"id": f"t{n:05}", "name": f"token {n:05}", "created_at": now, "expires_at": later} for n in range(350)
    ]
    tokens[0]["revoked_at"], tokens[1]["expires_at"] = now, now - timedelta(days=1)
    put(both, token, ({"revoked_at": None} | one for one in tokens))
    same = {"user_id": ann.id, "network": "x", "ip": "", "created_at": now, "seen_at": now, "expires_at": later}
    put(
        both,
        known_device,
        (same | {"id": f"d{n:05}", "secret_hash": f"h{n}", "agent": f"Kept/{n:05}"} for n in range(350)),
    )
    put_people(both, 260)
    projects = [{"id": f"p{n:05}", "key": f"p-{n:05}", "name": f"p-{n:05}", "status": "active"} for n in range(260)]
    put(both, project, (one | {"status_reason": "", "created_at": now} for one in projects))
    same = {"user_id": ann.id, "role": "owner", "created_at": now, "expires_at": later}
    invited = ({"id": f"i{n:05}", "project_id": f"p{n:05}", "invited_by": f"u{n:05}"} for n in range(260))
    put(both, invitation, (same | one for one in invited))
    browser = both.login("ann")
    with rows_taken() as taken:
        assert "260 invitations" in browser.get("/account/")
    assert taken.count < 50
    assert len(shown_once(browser, "/account/invitations/", texts("section h2 bdi"))) == 260
    found = shown_once(browser, "/account/tokens/", texts("table th[scope=row] bdi"))
    assert found == [f"token {n:05}" for n in range(1, 350)], (
        "the one that expired too, and not the one that is revoked"
    )
    found = shown_once(browser, "/account/sessions/", texts("table tr:has(form[action*=devices]) th bdi"), "browsers")
    assert [one for one in found if one.startswith("Kept/")] == [f"Kept/{n:05}" for n in range(350)]
    both.person("root", admin=True)
    found = shown_once(both.login("root"), "/admin/people/?name=ann", texts("h3 + ul li > bdi"), "tokens")
    assert [one for one in found if one.startswith("token")] == [f"token {n:05}" for n in range(2, 350)]


def test_what_administrators_have_to_see_is_a_page_at_a_time(both: House, ann: User) -> None:
    now = both.now
    both.project("demo", ann)
    same = {"queue": "screen", "payload": {}, "due": now, "attempt": 5, "last_error": "x" * 300, "created_at": now}
    put(both, job, (same | {"key": f"dead {n:05}", "state": "dead"} for n in range(350)))
    same = {"project_key": "demo", "version": "", "filename": "", "kind": "malware", "url": "", "user_id": ""}
    same |= {"told": False, "reason": "", "created_at": now}
    for state in ("new", "dismissed"):
        put(both, report, (same | {"words": f"words {state} {n:05}", "state": state} for n in range(250)))
    same = {"check": "c", "content_sha256": "0" * 64, "reason": "known", "created_at": now}
    for name, until in (("now", now + timedelta(days=9)), ("over", now - timedelta(days=9))):
        put(both, suppression, (same | {"path": f"{name}/{n:05}.py", "expires_at": until} for n in range(170)))
    put_files(both, ann, "many", ["1.0"] * 450)
    both.person("root", admin=True)
    browser = both.login("root")
    found = shown_once(browser, "/admin/jobs/", texts("section h3 bdi"))
    assert found == [f"dead {n:05}" for n in range(350)]
    for state in ("new", "dismissed"):
        found = shown_once(browser, f"/admin/reports/?state={state}", texts("section pre bdi"))
        assert found == [f"words {state} {n:05}" for n in range(250)]
    found = shown_once(browser, "/admin/suppressions/", texts("section p .mono bdi"))
    assert found == [f"now/{n:05}.py" for n in range(170)]
    last = browser.get("/admin/suppressions/?over=4")
    assert texts("div.sheet p .mono bdi")(last)[-1] == "over/00000.py"
    found = shown_once(browser, "/admin/projects/?name=many", texts("table th[scope=row] bdi"))
    assert len(set(found)) == 450
