"""The page of signing: roles, keys, bins, alarms, the day's publications, and what clients of older snapshots see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, expect

from bonded.db.jobs import claim, done
from bonded.journal.seal import seal
from bonded.tuf import recent
from bonded.tuf.steps_rows import begin
from bonded.values.states import FileState
from bonded.web.chart import Bar, chart
from tests.tuf.world import World
from tests.web.house import House
from tests.web.server import chromium, serving
from tests.web.test_browser import PROBLEMS, log_in, open_page, shoot, tab_to

DAY = timedelta(days=1)


def index(house: House) -> World:
    """A published index behind the pages of `house`: twelve projects over some hours, of which two files were withdrawn."""
    world = World.make(house.db, house.folder, house.now - timedelta(hours=8))
    p = world.publisher()
    files = []
    for hour in range(8):
        for at in range(hour % 4 + 1):
            files.append(world.upload(f"project-{hour}", f"project_{hour}-{at}.0.tar.gz"))
        world.publish(p)
        world.now += timedelta(hours=1)
    world.move(files[0], "review.quarantine", FileState.QUARANTINED)
    world.move(files[1], "file.withdraw", FileState.QUARANTINED)
    return world


@pytest.fixture
def signing(both: House) -> tuple[House, World]:
    both.person("root", admin=True)
    return both, index(both)


def settled(world: World) -> None:
    """What waits for workers is done."""
    with world.db.write() as tx:
        seal(tx, now=world.now)
        while job := claim(tx, ["plain", "purge", "takedown", "mail", "documents"], now=world.now, lease=DAY):
            done(tx, job)


def page(house: House) -> BeautifulSoup:
    return house.login("root").get("/admin/signing/").html


def table(html: BeautifulSoup, caption: str) -> list[list[str]]:
    (found,) = [t for t in html.find_all("table") if t.caption.text == caption]
    return [[" ".join(cell.text.split()) for cell in row.find_all(["th", "td"])] for row in found.tbody.find_all("tr")]


def test_roles_keys_and_bins_as_they_are_live(signing: tuple[House, World]) -> None:
    house, world = signing
    world.publish()
    settled(world)
    html = page(house)
    assert "Everything is signed, valid and published." in html.text
    roles = table(html, "Roles of the signed metadata")
    assert [row[0] for row in roles] == [
        "root offline",
        "timestamp online",
        "snapshot online",
        "targets offline",
        "pages offline",
        "bins offline",
    ]
    assert {row[3] for row in roles} == {"1 of 1"}
    assert [row[:4] for row in table(html, "Sets of bins")] == [
        ["pages online", "4", "1", "page-bin-1-*"],
        ["bins online", "4", "1", "bin-1-*"],
    ]
    keys = table(html, "Public keys and what they may sign")
    online = world.online_key().public_key.keyid
    (mine,) = [row for row in keys if row[0].replace(" ", "") == online]
    assert mine[2] == "timestamp, snapshot, page-bin-1-*, and bin-1-*"


def test_the_day_as_bars_and_as_a_table(signing: tuple[House, World]) -> None:
    house, _ = signing
    html = page(house)
    rows = table(html, "Publications and changes in each hour")
    assert len(rows) == 24
    assert [row[1:] for row in rows[1:9]] == [["1", str(n % 4 + 2)] for n in range(7, 0, -1)] + [["2", "2"]]
    assert [row[1:] for row in rows[9:]] == [["0", "0"]] * 15
    charts = html.select("figure.chart")
    assert [len(one.select("rect")) for one in charts] == [8, 8]
    for one in charts:
        svg = one.svg
        assert svg["role"] == "img"
        assert {html.find(id=name).text for name in svg["aria-labelledby"].split()}
        assert "at most" in html.find(id=svg["aria-describedby"]).text
        assert not svg.find_all(["style", "script"])
        assert not [tag for tag in svg.find_all(True) if tag.has_attr("style")]


def test_what_clients_of_older_snapshots_see(signing: tuple[House, World]) -> None:
    house, world = signing
    rows = table(page(house), "Files withdrawn lately")
    assert [row[0].split()[0] for row in rows] == ["project_1-0.0.tar.gz", "project_0-0.0.tar.gz"]
    for row in rows:
        assert row[2] == "can still install it until its bytes are removed, which is under way"
        assert row[3] == "still see its name: the publication without it follows"
    settled(world)
    n = world.publish().n
    for row in table(page(house), "Files withdrawn lately"):
        assert row[2].startswith("see its name and get 404 for its bytes: nothing is installed; at the latest until")
        assert row[3] == f"do not see it, since publication {n}"
    house.now += DAY + timedelta(minutes=1)
    with house.db.read() as conn:
        assert recent.withdrawn(conn, house.now, DAY) == []


def test_an_owners_removal_waits_for_caches(signing: tuple[House, World]) -> None:
    house, world = signing
    file_id = world.upload("last", "last-1.0.tar.gz")
    world.publish()
    world.delete(file_id)
    row = table(page(house), "Files withdrawn lately")[0]
    assert row[2] == "can still install it: its bytes go once caches have the new page"
    world.publish()
    row = table(page(house), "Files withdrawn lately")[0]
    assert row[0].startswith("last-1.0.tar.gz last, Delete a file")
    assert row[2].startswith("can still install it: its bytes go once caches have the new page; at the latest until")


def test_a_file_that_was_never_public_is_not_told(signing: tuple[House, World]) -> None:
    house, world = signing
    file_id = world.upload("held", "held-1.0.tar.gz", release=False)
    world.move(file_id, "file.hold", FileState.HELD)
    world.move(file_id, "review.remove", FileState.REMOVED)
    assert "held-1.0" not in page(house).text


def test_alarms_are_first_on_both_pages_and_in_the_visitors_words(signing: tuple[House, World]) -> None:
    house, _ = signing
    house.now += timedelta(days=300)
    for address in ("/admin/signing/", "/admin/"):
        html = house.login("root").get(address).html
        told = [" ".join(li.text.split()) for li in html.select("ul.alarms li")]
        assert told[0].startswith("urgent ")
        assert "urgent The role timestamp has expired: clients refuse the index." in " ".join(told)
        assert any(re.match(r"The role root expires on \d{4}-.* \(days left: 64\)", line) for line in told), told


def test_how_long_an_alarm_stands_is_said_in_the_visitors_words(signing: tuple[House, World]) -> None:
    house, world = signing
    world.upload("waiting", "waiting-1.0.tar.gz")
    house.now += timedelta(hours=3)
    house.settings = replace(house.settings, languages=("en", "fr", "ar"))
    house.__post_init__()
    for language, said in (("en", "the oldest for 3 hours"), ("fr", "3 heures"), ("ar", "\u20683 ساعات\u2069")):
        html = house.login("root").get("/admin/signing/", headers={"Accept-Language": language}).html
        assert said in " ".join(html.select_one("ul.alarms").text.split())


def test_a_change_of_keys_that_is_under_way(signing: tuple[House, World]) -> None:
    from bonded.tuf.offline import Step

    house, world = signing
    steps = (Step("new-root", {}), Step("old-out", {}, "settled"))
    with house.db.write() as tx:
        begin(tx, "online-key", steps, timedelta(minutes=5), house.now)
    html = page(house)
    section = html.find("section", attrs={"aria-labelledby": "change"})
    assert "online-key" in section.text
    assert "the publisher has not begun yet" in section.text
    assert [li.bdi.text for li in section.ol.find_all("li")] == ["new-root", "old-out"]
    assert world.publish().n


def test_without_a_database_of_signing_the_page_still_says_so(house: House) -> None:
    house.person("root", admin=True)
    browser = house.login("root")
    with house.db.write() as tx:
        tx.exec_driver_sql("DROP TABLE tuf_bin")
    html = browser.get("/admin/signing/").html
    assert "The database does not answer" in html.text
    assert "metadata are missing" in html.text


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ()),
        ([0, 0], ()),
        ([1], (Bar(1, 0, 8, 100),)),
        ([0, 4, 2], (Bar(11, 0, 8, 100), Bar(21, 50, 8, 50))),
        ([1000, 1], (Bar(1, 0, 8, 100), Bar(11, 98, 8, 2))),
    ],
)
def test_bars(values: list[int], bars: tuple[Bar, ...]) -> None:
    made = chart(values)
    assert made.bars == bars
    assert (made.width, made.height, made.most) == (len(values) * 10, 100, max(values, default=0))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_the_page_in_a_browser_wide_and_narrow_with_the_keyboard(house: House, browser: Browser) -> None:
    house.person("root", admin=True)
    world = index(house)
    world.publish()
    house.now += timedelta(minutes=20)
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address, dev=True)
        house.__post_init__()
        deferred.app = house.wsgi
        for width in (1280, 320):
            page = open_page(browser, width, scripts=True)
            log_in(page, address, "root")
            page.goto(f"{address}admin/signing/")
            shoot(page, f"signing-{width}")
            assert page.evaluate(PROBLEMS) == []
            page.emulate_media(color_scheme="dark")
            assert page.evaluate(PROBLEMS) == []
            page.emulate_media(color_scheme="light")
            tab_to(page, "main details summary")
            page.keyboard.press("Enter")
            expect(page.get_by_role("table", name="Publications and changes in each hour")).to_be_visible()
            shoot(page, f"signing-table-{width}")
            for chart_title in ("Publications in each hour", "Changes that became visible in each hour"):
                expect(page.get_by_role("img", name=chart_title)).to_be_visible()
