"""The review console in a real browser: campaigns, differences, related projects, levels, bulk, undo, suppression, checks.

Whatever a package holds stays text: no markup of it becomes markup of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import zstandard
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select, update

from bonded.catalog import read
from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import evidence, file, finding, suppression, verdict
from bonded.journal.tables import journal
from bonded.review import compare, grouping
from bonded.review.traits import Trait
from bonded.values.states import FileState
from tests.web.house import House, form_to
from tests.web.server import chromium, serving
from tests.web.test_browser import PROBLEMS, log_in, open_page, shoot, tab_to

S = FileState
NASTY = '</code></li><script>window.hit=1</script><img src=x onerror="window.hit=1">\u202e\u200b&lt;\x1b[31m'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def fill(house: House) -> list[str]:
    """Two projects of one campaign, the first with an earlier release and a nasty finding; a third alone. Held files' ids."""
    ann = house.person("ann")
    house.person("root", admin=True)
    files = []
    for name in ("spam", "eggs", "ham"):
        house.project(name, ann)
        if name == "spam":
            house.file(ann, name, "1.0")
        files.append(house.file(ann, name, "1.1", state=S.HELD))
        house.case(files[-1])
    kept = {
        "path": "spam/__init__.py",
        "sha256": "ab" * 32,
        "text": "\n".join(["x = 1"] * 20 + [f"exec({NASTY!r})" + "A" * 5000, NASTY] + ["y = 2"] * 20),
        "first_line": 80,
        "decoded": [{"how": NASTY, "text": NASTY}],
    }
    with house.db.write() as tx:
        packed = zstandard.ZstdCompressor().compress(orjson.dumps(kept))
        tx.execute(insert(evidence).values(sha256="nasty", text=packed, created_at=house.now))
        tx.execute(
            insert(finding).values(
                subject_kind="file",
                subject_id=files[0],
                file_id=files[0],
                check="install-time-execution",
                version=1,
                rules="r",
                severity="critical",
                confidence=0.99,
                path=f"spam/{NASTY}.py".replace("\x1b", ""),
                line=100,
                end_line=101,
                message=f"runs {NASTY}",
                excerpt=NASTY,
                run_when="install",
                trace=[NASTY, "exec"],
                evidence="nasty",
                created_at=house.now,
            )
        )
        tx.execute(
            insert(verdict).values(
                file_id=files[0],
                verdict="review",
                score=0.9,
                terms=[[f"install-time-execution: {NASTY}", 0.9]],
                rules="r",
                sandbox="bubblewrap",
                unread=[NASTY],
                created_at=house.now,
            )
        )
        shared = [Trait("address", f"https://collect.example.invalid/{NASTY}"), Trait("payload", "ab" * 32, NASTY)]
        grouping.note(tx, dict.fromkeys(files[:2], shared))
        for number, one in enumerate(files[:2], start=1):
            grouping.join(tx, number, [one])
        project = read.project(tx, "spam")
        assert project
        old = next(one for one in read.files(tx, project.id) if one.version == "1.0")
        compare.store(old.id, files[0], "ok", DIFFERENCE, house.now, tx)
    return files


DIFFERENCE: dict[str, Any] = {
    "old": "a",
    "new": "b",
    "same": 12,
    "left_out": 0,
    "unread": [NASTY],
    "changes": [
        {
            "kind": "changed",
            "old": "spam/__init__.py",
            "new": f"spam/{NASTY}",
            "old_size": 10,
            "new_size": 5000,
            "lines": ["@@ -1,2 +1,3 @@", " import os", "-x = 1", f"+{NASTY}", "+" + "B" * 500],
            "note": "",
        },
        {"kind": "added", "old": None, "new": "spam/x.so", "old_size": 0, "new_size": 9, "lines": [], "note": "binary"},
    ],
}


@pytest.fixture
def desk(house: House) -> Iterator[tuple[str, House, list[str]]]:
    """The address of the index, served for real."""
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address)
        house.__post_init__()
        deferred.app = house.wsgi
        yield address, house, fill(house)


def access_key(page: Page, key: str) -> None:
    """Alt and the key as a keyboard sends them; a headless browser makes no system key of two simulated ones."""
    page.wait_for_load_state()  # what the key belongs to is there
    session = page.context.new_cdp_session(page)
    pressed = {"type": "char", "modifiers": 1, "key": key, "unmodifiedText": key, "text": key, "isSystemKey": True}
    session.send("Input.dispatchKeyEvent", pressed)


def states(house: House, files: list[str]) -> list[FileState]:
    with house.db.read() as conn:
        return [found.state for one in files if (found := read.file(conn, one))]


PAGES = (
    "review/",
    "review/?by=campaign",
    "review/?campaign=1",
    "review/1/",
    "review/1/differences/",
    "review/1/related/",
    "review/1/evidence/4/",
    "checks/",
    "checks/install-time-execution/",
    "suppressions/",
)


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_of_a_package_becomes_markup_and_every_page_fits(
    browser: Browser, desk: tuple[str, House, list[str]], width: int
) -> None:
    site, house, _ = desk
    page = open_page(browser, width, scripts=True)
    log_in(page, site, "root")
    suppress_first(house)
    wrong = []
    for path in PAGES:
        page.goto(f"{site}admin/{path}")
        shoot(page, f"console-{re.sub('[^a-z0-9]+', '-', path).strip('-')}-{width}")
        assert page.evaluate("window.hit") is None, path
        assert page.locator("main script, main img").count() == 0, path
        assert "\u202e" not in page.content(), path
        wrong += [f"{path}: {problem}" for problem in page.evaluate(PROBLEMS)]
        page.emulate_media(color_scheme="dark")
        wrong += [f"{path} (dark): {problem}" for problem in page.evaluate(PROBLEMS)]
        page.emulate_media(color_scheme="light")
    assert wrong == []


def suppress_first(house: House) -> None:
    values = {"check": NASTY, "path": NASTY, "content_sha256": "0" * 64, "reason": NASTY, "created_at": house.now}
    with house.db.write() as tx:
        tx.execute(insert(suppression).values(values | {"expires_at": house.now + timedelta(days=9)}))


def test_a_campaign_is_rejected_together_and_taken_back_by_keyboard(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site, house, files = desk
    page = open_page(browser)
    log_in(page, site, "root")
    page.goto(f"{site}admin/review/?by=campaign")
    page.get_by_role("link", name="2 cases").click()
    expect(page.get_by_text("collect.example.invalid")).to_be_visible()
    page.wait_for_load_state()  # all boxes are there
    for box in page.get_by_role("checkbox").all():
        box.check()
    access_key(page, "y")
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("one campaign")
    access_key(page, "j")
    expect(page.get_by_role("heading", name="Reject: 2 files")).to_be_visible()
    assert states(house, files) == [S.HELD] * 3, "nothing is done before the yes"
    tab_to(page, "form button.danger")
    page.keyboard.press("Enter")
    expect(page.locator("p.notice[role=status]")).to_contain_text("Rejected.")
    assert states(house, files) == [S.REJECTED, S.REJECTED, S.HELD]
    with house.db.read() as conn:
        rows = conn.execute(select(journal).where(journal.c.action == "review.reject")).all()
    assert {row.facts["reason"] for row in rows} == {"one campaign"}
    assert len(rows) == 2
    access_key(page, "u")
    expect(page.locator("p.notice[role=status]")).to_contain_text("Taken back.")
    assert states(house, files) == [S.HELD] * 3
    expect(page.get_by_role("button", name="Take it back")).to_have_count(0)


def test_a_decision_about_an_uploader_says_first_whom_it_hits(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site, house, files = desk
    page = open_page(browser)
    log_in(page, site, "root")
    page.goto(f"{site}admin/review/1/")
    page.get_by_label("How far it reaches").select_option("uploader")
    page.get_by_label("In your words").fill("all of one person")
    page.get_by_label("Then the next case").uncheck()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("row", name=re.compile("ham-1.1"))).to_be_visible()
    with house.db.write() as tx:  # one more appears before the yes: it was not shown, so it is shown again
        tx.execute(update(file).where(file.c.id == files[2]).values(state=S.REJECTED))
    page.get_by_role("button", name="yes, all of these").click()
    expect(page.get_by_role("heading", name="Reject")).to_be_visible()
    assert states(house, files)[:2] == [S.HELD, S.HELD]
    page.get_by_role("button", name="yes, all of these").click()
    expect(page.locator("p.notice[role=status]")).to_contain_text("Rejected.")
    assert states(house, files) == [S.REJECTED] * 3
    expect(page.get_by_role("cell", name="all of one person").first).to_be_visible()


def test_differences_related_projects_and_lines_are_a_key_away(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site = desk[0]
    page = open_page(browser)
    log_in(page, site, "root")
    page.goto(f"{site}admin/review/1/")
    page.get_by_role("link", name="all 42 lines that were kept").click()
    expect(page).to_have_url(re.compile("#L100$"))
    expect(page.locator("#L100")).to_be_in_viewport()
    access_key(page, "d")
    expect(page.get_by_role("heading", name="Since release 1.0")).to_be_visible()
    expect(page.locator(".diff li.add")).to_have_count(2)
    expect(page.locator(".diff li.del")).to_have_text(re.compile("x = 1"))
    expect(page.get_by_text("12 members are the same.")).to_be_visible()
    page.get_by_role("button", name="Compare again").click()
    expect(page.locator("p.notice[role=status]")).to_contain_text("being compared")
    access_key(page, "r")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("eggs")
    expect(page.get_by_role("row", name=re.compile("ham"))).to_contain_text("one uploader")


def test_a_suppression_is_made_from_the_case_listed_and_ended(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site, house, _ = desk
    page = open_page(browser)
    log_in(page, site, "root")
    page.goto(f"{site}admin/review/1/")
    card = page.locator("article").first
    card.locator("summary").last.click()
    card.get_by_label("Why it is harmless").fill("a test of its own")
    card.get_by_role("button", name="Suppress").click()
    expect(page.get_by_text("1 of them is suppressed.")).to_be_visible()
    with house.db.read() as conn:
        row = conn.execute(select(suppression)).one()
    assert (row.content_sha256, row.case_id) == ("ab" * 32, 1)
    assert row.expires_at == house.now + timedelta(days=90)
    page.goto(f"{site}admin/suppressions/")
    page.get_by_label("Why end it").fill("it was not")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("Nothing is suppressed.")).to_be_visible()
    page.goto(f"{site}admin/review/1/")
    expect(page.locator("article").first).to_contain_text("install-time-execution")


def test_a_check_is_sent_to_evaluation_and_run_over_all_files(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site = desk[0]
    page = open_page(browser)
    log_in(page, site, "root")
    page.goto(f"{site}admin/checks/")
    page.get_by_role("link", name="install-time-execution", exact=True).click()
    page.get_by_label("State").select_option("evaluation")
    page.get_by_label("Why", exact=True).fill("too loud")
    page.get_by_role("button", name="Set the state").click()
    expect(page.locator("p.notice[role=status]")).to_contain_text("changed")
    page.get_by_label("Why (optional)").fill("the campaign of May")
    page.get_by_role("button", name="Start a backfill").click()
    row = page.get_by_role("row", name=re.compile("#1"))
    expect(row).to_contain_text("running")
    row.get_by_label("Why (optional)").fill("too many cases")
    row.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("row", name=re.compile("#1"))).to_contain_text("paused by a person: too many cases")
    page.get_by_role("row", name=re.compile("#1")).get_by_role("button", name="Resume").click()
    page.get_by_role("row", name=re.compile("#1")).get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("row", name=re.compile("#1"))).to_contain_text("cancelled")
    with desk[1].db.read() as conn:
        told = conn.execute(select(journal.c.facts).where(journal.c.action == "check.backfill")).scalars().all()
    assert [(one["what"], one.get("reason")) for one in told] == [
        ("start", "the campaign of May"),
        ("pause", "too many cases"),
        ("resume", None),
        ("cancel", None),
    ]


def test_a_check_shows_what_it_found_also_when_no_case_is_open(both: House) -> None:
    fill(both)
    root = both.login("root")
    with both.db.write() as tx:
        tx.execute(case_table.update().values(state="closed"))
    page = root.get("/admin/checks/install-time-execution/").html
    (row,) = page.select("table[aria-labelledby=found] tbody tr")
    assert row.select_one("th bdi").text == "spam-1.1-py3-none-any.whl"
    assert row.select_one("a")["href"] == "/admin/review/1/"
    assert not root.get("/admin/checks/byte-code-without-source/").html.select("table")


def test_findings_of_a_wiped_out_check_are_nowhere(both: House) -> None:
    fill(both)
    root = both.login("root")
    assert "setup.py" in root.get("/admin/checks/install-time-execution/")
    form = form_to(root.get("/admin/checks/install-time-execution/"), "/state/")
    form["state"], form["reason"] = "wiped_out", "it was wrong"
    form.submit(status=303)
    assert "install-time-execution" not in root.get("/admin/review/1/")
    assert not root.get("/admin/checks/install-time-execution/").html.select("table[aria-labelledby=found]")
    root.get("/admin/review/1/evidence/4/", status=404)


def test_filters_and_pages_of_the_queue(both: House) -> None:
    fill(both)
    root = both.login("root")

    def found(query: str) -> list[str]:
        return [link.text for link in root.get(f"/admin/review/{query}").html.select("tbody th a")]

    assert found("") == ["spam", "eggs", "ham"]
    assert found("?check=install-time-execution") == ["spam"]
    assert found("?uploader=ann&sort=newest") == ["spam", "eggs", "ham"]
    assert found("?uploader=nobody") == []
    assert found("?campaign=1") == ["spam", "eggs"]
    assert found("?project=HAM") == ["ham"]
    assert found("?by=campaign") == ["2 cases", "1 case"]
    assert "spam" not in root.get("/admin/review/?after=0.83~1").html.table.text


def test_owners_see_the_state_and_nothing_that_was_found(both: House) -> None:
    files = fill(both)
    ann = both.login("ann")
    page = ann.get("/manage/project/spam/")
    assert "waiting for review" in page
    assert page.html.find("a", href="mailto:security@example.invalid"), "where to answer"
    for path in ("/manage/project/spam/", "/manage/project/spam/history/", "/account/", "/project/spam/"):
        text = ann.get(path).text
        assert "install-time-execution" not in text
        assert "collect.example.invalid" not in text
    for path in ("/admin/review/1/", "/admin/review/1/differences/", "/admin/review/1/related/", "/admin/checks/"):
        ann.get(path, status=403)
    assert states(both, files) == [S.HELD] * 3
