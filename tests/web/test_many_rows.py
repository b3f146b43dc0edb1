"""Lists with thousands of rows: a page takes and shows some of them, all can be reached, and its time does not grow squared."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, update
from webtest import TestResponse

from bonded.accounts.people import User
from bonded.accounts.tables import user
from bonded.catalog.tables import case, file, finding, project, release, role
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
    put(house, user, ({"id": one, "name": one, "name_key": one, "email": f"{one}@example.invalid"} | same for one in ids))


def put_files(house: House, owner: User, key: str, versions: list[str], **more: Any) -> None:
    """A file for each of `versions`, equal ones in one release, each with a long description."""
    house.project(key, owner)
    mine, at = project_id(house, key), house.now - timedelta(days=30)
    described = {"name": key, "summary": "Many", "description": "word " * 1000, "description_content_type": "text/plain"}
    releases = ({"id": f"{key}-{v}", "project_id": mine, "version": v, "metadata": described} for v in sorted(set(versions)))
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


def test_a_project_with_very_many_releases_is_shown_quickly(both: House, ann: User) -> None:
    put_files(both, ann, "deep", [f"{n}.0" for n in range(8_000)])
    browser, begun = both.browser(), time.monotonic()
    with rows_taken() as taken:
        page = browser.get("/project/deep/")
    assert time.monotonic() - begun < 5, "what it costs grows with the releases, and not with their square"
    assert taken.count < 8_100, "the files, and the metadata of one release"
    assert len(page.body) < SIZE
    assert "7988 older releases" in page
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
