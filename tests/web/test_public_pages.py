"""Pages of projects, files, publications, statistics and status over a published index; feeds, suggestions, near names."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from bonded.accounts.publishers import Publisher
from bonded.catalog import change, read
from bonded.ops.delete_account import delete_account
from bonded.review.decide import quarantine_project
from bonded.tuf import seen
from bonded.tuf.status_model import QueueStatus, RoleStatus, Status
from bonded.values.alarms import Alarm
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from bonded.web.public import commands, home, provenance, service, statistics
from bonded.web.public.project_file import tags_of
from tests.web.house import House
from tests.web.shelf import Shelf, filled

ATOM = "{http://www.w3.org/2005/Atom}"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def shelf(both: House) -> Shelf:
    return filled(both)


def words(soup: BeautifulSoup) -> str:
    return " ".join(soup.get_text(" ").split())


def test_a_release_says_in_which_publication_it_was_sealed(shelf: Shelf) -> None:
    browser = shelf.house.browser()
    with shelf.house.db.read() as conn:
        second, first = seen.publications(conn)
    assert f"Sealed in publication {first.n}" in browser.get("/project/spam/1.0/")
    assert f"Sealed in publication {second.n}" in browser.get("/project/spam/1.2/")
    waiting = browser.get("/project/spam/1.3/")
    assert "Not sealed yet" in waiting
    assert "with the next publication" in waiting
    n = shelf.publish()
    assert f"Sealed in publication {n}" in browser.get("/project/spam/1.3/")


def test_a_project_page_says_how_to_install_and_what_it_is(shelf: Shelf) -> None:
    page = shelf.house.browser().get("/project/spam/1.0/")
    text = page.html.get_text()
    assert "pip install --index-url http://localhost/simple/ spam==1.0" in text
    assert "uv pip install --index-url http://localhost/simple/ spam==1.0" in text
    assert "poetry add --source bonded spam==1.0" in text
    assert re.search(r"spam==1\.0 \\\n    --hash=sha256:[0-9a-f]{64}", text)
    assert page.html.find("a", href="/project/green-midget/").text.strip() == "green-midget>=1.2"
    assert not page.html.find("a", href="/project/click/")
    assert page.html.find("a", href="/user/ann/")
    assert "Given by the uploader, not verified." in page
    assert "burns the bacon" in shelf.house.browser().get("/project/spam/1.1/")


def test_a_file_page_says_how_to_verify(shelf: Shelf) -> None:
    browser = shelf.house.browser()
    page = browser.get("/project/spam/1.2/spam-1.2-py3-none-any.whl/")
    with shelf.house.db.read() as conn:
        file = read.file_by_name(conn, "spam-1.2-py3-none-any.whl")
    assert file
    shown = [code.text for code in page.html.find_all("code")]
    assert file.sha256 in shown
    assert f"echo '{file.sha256}  spam-1.2-py3-none-any.whl' | sha256sum --check" in shown
    assert "bonded-client --index http://localhost/ --root root.json download spam==1.2" in shown
    assert "packages/spam/spam-1.2-py3-none-any.whl" in shown
    proof = page.html.find("a", href=re.compile("^/journal/proof/inclusion/"))["href"]
    assert browser.get(proof).json["row"]
    assert page.html.find("a", href="/user/ann/")
    for wrong in ("/project/spam/1.2/nothing.whl/", "/project/spam/1.0/spam-1.2-py3-none-any.whl/", "/project/x/1/y/"):
        browser.get(wrong, status=404)
    assert browser.get("/project/Spam/1.2/spam-1.2-py3-none-any.whl/", status=301).location.endswith(
        "/project/spam/1.2/spam-1.2-py3-none-any.whl/"
    )


def test_files_that_are_not_public_have_no_page(shelf: Shelf) -> None:
    ann = read_user(shelf, "ann")
    shelf.house.file(ann, "spam", "9.9", state=FileState.HELD)
    browser = shelf.house.browser()
    browser.get("/project/spam/9.9/", status=404)
    browser.get("/project/spam/9.9/spam-9.9-py3-none-any.whl/", status=404)
    browser.get("/project/badthing/6.6/badthing-6.6-py3-none-any.whl/", status=404)
    for path in ("/recent/", "/project/spam/history/", "/recent/atom.xml", "/search/?q=spam"):
        assert "9.9" not in browser.get(path)


def read_user(shelf: Shelf, name: str) -> object:
    from bonded.accounts import people

    with shelf.house.db.read() as conn:
        return people.need(conn, name)


def test_publications_tell_what_clients_saw_and_no_more(shelf: Shelf) -> None:
    page = shelf.house.browser().get("/recent/").html
    newest, oldest = page.find_all("section", class_="sheet")
    told = words(newest)
    assert "spam 1.2 a file became public" in told
    assert "spam 1.1 a file was yanked" in told
    assert "burns the bacon" in told
    assert "oldthing the project was deprecated" in told
    assert "badthing the project was quarantined" in told
    assert "It steals passwords" in told
    assert len(oldest.find_all("li")) == 5
    assert "more" not in told
    assert "ann" not in words(page.main)
    assert "1.3" not in words(page.main)


def test_reasons_of_withdrawals_are_not_told(shelf: Shelf) -> None:
    with shelf.house.db.write() as tx:
        file = read.file_by_name(tx, "spam-1.0-py3-none-any.whl")
        assert file
        change.move_file(
            tx,
            "review.quarantine",
            OPERATOR,
            file.id,
            FileState.QUARANTINED,
            reason="secret finding",
            now=shelf.house.now,
        )
    shelf.publish()
    browser = shelf.house.browser()
    for path in ("/recent/", "/project/spam/history/", "/project/spam/", "/recent/atom.xml", "/project/spam/atom.xml"):
        answer = browser.get(path)
        assert "secret finding" not in answer
    assert "1.0 a file was withdrawn" in words(browser.get("/project/spam/history/").html)


def test_lists_go_on_where_they_end(shelf: Shelf) -> None:
    with shelf.house.db.read() as conn:
        second, first = seen.publications(conn)
        assert [one.n for one in seen.publications(conn, before=second.n)] == [first.n]
        assert [one.version for one in seen.history(conn, "spam", limit=1)] == ["1.1"]
        assert {one.version for one in seen.history(conn, "spam", before=second.n)} == {"1.0", "1.1"}
    browser = shelf.house.browser()
    assert f"n{second.n}" not in browser.get(f"/recent/?before={second.n}")
    browser.get("/recent/?before=x", status=400)
    browser.get("/project/spam/history/?before=-1", status=400)


@pytest.mark.parametrize("path", ["recent/", "project/spam/"])
def test_feeds_are_atom(shelf: Shelf, path: str) -> None:
    answer = shelf.house.browser().get(f"/{path}atom.xml")
    assert answer.content_type == "application/atom+xml"
    feed = ElementTree.fromstring(answer.body)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 2
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == 2
    assert all(one and one.startswith(f"http://localhost/{path}#n") for one in ids)
    for part in (feed, *entries):
        assert datetime.fromisoformat(part.findtext(f"{ATOM}updated") or "").tzinfo
        assert part.findtext(f"{ATOM}title")
    assert {link.get("rel") for link in feed.findall(f"{ATOM}link")} == {"self", "alternate"}
    assert "spam" in (entries[0].findtext(f"{ATOM}content") or "")
    page = shelf.house.browser().get("/" + path)
    assert page.html.find("link", type="application/atom+xml")["href"] == f"/{path}atom.xml"


def test_an_empty_index_has_feeds_and_lists(house: House) -> None:
    browser = house.browser()
    assert "Nothing is published here yet." in browser.get("/recent/")
    ElementTree.fromstring(browser.get("/recent/atom.xml").body)
    assert browser.get("/statistics/").status_int == 200


def test_statistics_count_what_is_public(shelf: Shelf) -> None:
    numbers = statistics.kept.current(shelf.house.db, shelf.house.now)
    assert (numbers.projects, numbers.releases, numbers.files) == (4, 6, 6)  # badthing is quarantined
    assert numbers.people == 3  # the publisher's own account among them
    assert sum(numbers.files_by_day) == 6
    assert sum(numbers.publications_by_day) == 2 + 1  # the first, which had nothing to tell, among them
    assert numbers.outcomes == {"public": 7}
    assert numbers.wait == timedelta(minutes=3)
    page = shelf.house.browser().get("/statistics/").html
    assert [int(cell.text) for cell in page.select("figure table")[0].select("td")] == list(numbers.files_by_day)
    assert len(page.select("figure")[0].select("rect")) == sum(1 for n in numbers.files_by_day if n)
    again = statistics.kept.current(shelf.house.db, shelf.house.now + timedelta(minutes=4))
    assert again is numbers, "counted once in a while only"
    assert statistics.kept.current(shelf.house.db, shelf.house.now + timedelta(minutes=6)) is not numbers


def test_statistics_count_no_file_of_a_quarantined_project(house: House) -> None:
    ann = house.person("ann")
    for name in ("spam", "eggs"):
        house.project(name, ann)
        house.file(ann, name, "1.0")
    with house.db.write() as tx:
        quarantine_project(tx, OPERATOR, "eggs", reason="a test", now=house.now)
    with house.db.read() as conn:
        numbers = statistics.count(conn, house.now)
    assert (numbers.files, numbers.releases, sum(numbers.files_by_day)) == (1, 1, 1)


def test_statistics_count_nobody_whose_account_was_deleted(house: House) -> None:
    house.person("ann")
    bob = house.person("bob")
    with house.db.write() as tx:
        delete_account(tx, OPERATOR, bob, now=house.now)
    with house.db.read() as conn:
        assert statistics.count(conn, house.now).people == 1


def test_the_front_page_counts_projects_and_reads_few_of_them(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> str:
        return words(shelf.house.browser().get("/").html.find("a", href="/statistics/", string="Statistics").parent)

    assert told() == "4 projects on this index. Statistics"
    monkeypatch.setattr(home, "COUNTED", 3)
    assert told() == "4 projects on this index. Statistics", "beyond, all are counted, too"
    cid = shelf.house.person("cid")
    shelf.house.project("later", cid)
    shelf.file(cid, "later", "1.0")
    assert told() == "4 projects on this index. Statistics", "but once in a while only"
    shelf.house.now += home.FRESH
    assert told() == "5 projects on this index. Statistics"
    monkeypatch.setattr(home, "COUNTED", 6)
    assert told() == "5 projects on this index. Statistics"


def healthy() -> Status:
    lifetime = timedelta(days=1)
    timestamp = RoleStatus("timestamp", 1, NOW + lifetime, 1, ("k",), online=True)
    return Status(live=7, signed_at=NOW, lifetime=lifetime, roles=[timestamp])


def states(found: Status, now: datetime = NOW) -> dict[str, str]:
    return {part.name: part.state for part in service.parts_of(found, now)}


def test_the_status_of_service_follows_what_is_found() -> None:
    assert set(states(healthy()).values()) == {"ok"}
    assert states(healthy(), NOW + timedelta(hours=19))["sign"] == "slow"
    assert states(healthy(), NOW + timedelta(hours=25))["sign"] == "away"
    slow = healthy()
    slow.queues = [QueueStatus("screen", waiting=1, oldest_due=NOW - timedelta(minutes=6))]
    slow.oldest_row = NOW - timedelta(minutes=6)
    assert states(slow) == {"install": "ok", "upload": "ok", "screen": "slow", "publish": "slow", "sign": "ok"}
    away = healthy()
    away.faults = [Alarm("database-away", "database-away", 1, {"detail": "secret"})]
    assert states(away) == {"install": "ok", "upload": "away", "screen": "away", "publish": "away", "sign": "ok"}
    lost = healthy()
    lost.faults = [Alarm("store-unreadable", "store-unreadable", 1, {"detail": "secret"})]
    assert (states(lost)["install"], states(lost)["sign"]) == ("away", "away")


def test_the_status_page_works_and_tells_no_details(shelf: Shelf) -> None:
    page = shelf.house.browser().get("/status/")
    assert "Everything works." in page
    assert "Publication" in page
    (shelf.house.folder / "public" / "metadata" / "timestamp.json").rename(shelf.house.folder / "gone")
    shelf.house.now += timedelta(minutes=1)
    broken = shelf.house.browser().get("/status/")
    assert "Something does not work." in broken
    assert "timestamp.json" not in words(broken.html.main)


def test_a_name_that_is_not_there_brings_near_ones(shelf: Shelf) -> None:
    page = shelf.house.browser().get("/project/spamm/", status=404)
    assert page.html.main.find("a", href="/project/spam/")
    nothing = shelf.house.browser().get("/project/qqqqqq/", status=404)
    assert "Did you mean" not in nothing
    as_json = shelf.house.browser().get("/project/spamm/", headers={"Accept": "application/json"}, status=404)
    assert as_json.json["code"] == "not-found"


def test_suggestions_are_json_for_scripts(shelf: Shelf) -> None:
    browser = shelf.house.browser()
    assert browser.get("/search/suggest/?q=gree").json == [
        {"name": "Green_Midget", "summary": "A café in Bromley", "url": "/project/green-midget/"}
    ]
    assert browser.get("/search/suggest/?q=bad").json == [
        {"name": "badthing", "summary": "", "url": "/project/badthing/"}
    ]
    assert browser.get("/search/suggest/").json == []
    assert browser.get("/search/suggest/?q=%00%e2%80%ae").json == []
    assert browser.get("/search/suggest/?q=a").headers["Cache-Control"] == "public, max-age=30"


def test_a_search_has_pages(house: House) -> None:
    ann = house.person("ann")
    for n in range(23):
        house.project(f"many-{n}", ann)
        house.file(ann, f"many-{n}", "1.0")
    browser = house.browser()
    first = browser.get("/search/?q=many")
    assert "23 projects found" in first
    assert len(first.html.select(".listing li")) == 20
    second = browser.get("/search/?q=many&page=2")
    assert len(second.html.select(".listing li")) == 3
    assert len(browser.get("/search/?q=many&page=99").html.select(".listing li")) == 3
    browser.get("/search/?q=many&page=0", status=400)


def publisher(issuer: str, fields: dict[str, str], used: datetime | None = NOW) -> Publisher:
    return Publisher("p", "spam", "spam", issuer, fields, {}, False, "u", NOW, None, used)


GITHUB = publisher(
    "https://token.actions.githubusercontent.com", {"owner": "Ann", "repository": "spam", "workflow": "r.yml"}
)
GITLAB = publisher("https://gitlab.com", {"namespace": "food/tins", "project": "spam", "workflow": "r.yml"})


@pytest.mark.parametrize(
    ("url", "verified"),
    [
        ("https://github.com/ann/spam", True),
        ("https://github.com/Ann/Spam/issues", True),
        ("https://github.com/ann/spam.git", True),
        ("https://gitlab.com/food/tins/spam/-/tree/main", True),
        ("https://github.com/ann/spamalot", False),
        ("https://github.com/ann", False),
        ("https://github.com/ann/spam/../../eve/spam", False),
        ("https://github.com/ann/spam/%2e%2e/eve", False),
        ("https://github.com.evil.invalid/ann/spam", False),
        ("https://user@github.com/ann/spam", False),
        ("http://github.com/ann/spam", False),
        ("https://[", False),
    ],
)
def test_links_are_verified_by_repositories_that_published(url: str, verified: bool) -> None:
    assert [one.verified for one in provenance.links([("Source", url)], [GITHUB, GITLAB])] == [verified]
    assert not provenance.links([("Source", url)], [replace(GITHUB, used_at=None)])[0].verified
    assert not provenance.links([("Source", url)], [publisher("https://accounts.example", {"email": "a@b"})])[
        0
    ].verified


@pytest.mark.parametrize(
    ("word", "quoted"),
    [("spam==1.0", "spam==1.0"), ("spam==1!2.0", "'spam==1!2.0'"), ("a'b", "'a'\\''b'"), ("$(x)", "'$(x)'")],
)
def test_commands_are_one_word_for_a_shell(word: str, quoted: str) -> None:
    assert commands.quoted(word) == quoted


def test_tags_of_wheels() -> None:
    assert tags_of("spam-1.0-py2.py3-none-any.whl") == ["py2-none-any", "py3-none-any"]
    assert tags_of("spam-1.0.tar.gz") == []
    assert tags_of("spam.whl") == []
