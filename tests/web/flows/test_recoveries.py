"""Somebody who lost all their second factors: asking, evidence, waiting, administrators (flow 16)."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert

from bonded.accounts import recovery_deciding, recovery_request, tokens
from bonded.accounts.tables import factor
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.web.flows.site import Site, confirm, press, refused, said, wrong
from tests.web.post import link_in

MAIL = "ann@example.invalid"
SOURCE = "https://code.example/ann/spam"


@pytest.fixture
def site(site: Site) -> Site:
    """Ann has a device that she lost; `spam` 1.1 links to a repository; ada and abe are administrators."""
    site.house.file(site.person("ann"), "spam", "1.1", metadata={"project_urls": [f"Source, {SOURCE}"]})
    values = {"id": new_id(), "user_id": site.person("ann").id, "kind": "device", "label": "key", "transports": []}
    with site.house.db.write() as tx:
        tx.execute(
            insert(factor).values(values | {"credential": b"c", "public_key": b"p", "created_at": site.house.now})
        )
    for name in ("ada", "abe"):
        site.house.person(name, admin=True)
    site.mails()
    return site


def ask(site: Site, typed: str = "ann") -> str:
    """Ask; what the page answers."""
    page = site.open("/account/recovery/")
    page.get_by_label("User name or e-mail address").fill(typed)
    press(page, "Send me a link")
    said(page, "a mail with a link to your request is on its way")
    return page.locator("main").aria_snapshot()


def asked(site: Site) -> tuple[Page, str]:
    """The page of Ann's request, and its address."""
    ask(site)
    link = link_in(site.mails()[MAIL], "recovery/request")
    return site.open(link), link


def handed_in(site: Site) -> str:
    """Evidence by repository; the waiting time has begun."""
    page, link = asked(site)
    page.get_by_label("Address of the page that shows it").fill(f"{SOURCE}/blob/main/proof.txt")
    press(page, "Note it")
    press(page, "Begin the waiting time")
    said(page, "The waiting time has begun.")
    return link


def waited(site: Site) -> None:
    """Seven days, with the daily notices."""
    for _ in range(7):
        site.later(days=1)
        with site.house.db.write() as tx:
            recovery_deciding.round_of(tx, now=site.house.now)


def decide(site: Site, name: str, act: str, reason: str) -> Page:
    page = site.logged_in(name, "/admin/recovery/")
    page.get_by_role("link", name="ann", exact=True).click()
    page.locator(f"#why-{act}").fill(reason)
    press(page, "Agree: remove all second factors" if act == "agree" else "Refuse the request")
    return page


def test_the_answer_is_the_same_for_everybody(site: Site) -> None:
    site.house.person("without-factor")
    site.mails()
    assert len({ask(site, typed) for typed in ("ann", "nobody", "without-factor", "x@example.invalid")}) == 1
    assert set(site.mails()) == {MAIL}


def test_evidence_is_asked_for_and_judged(site: Site) -> None:
    page, _ = asked(site)
    expect(page.locator("main")).to_contain_text("One of the two proofs above is still needed.")
    press(page, "Begin the waiting time")
    refused(page, "evidence-missing")
    page.go_back()
    page.get_by_label("Address of the page that shows it").fill("https://code.example/eve/spam/blob/proof.txt")
    press(page, "Note it")
    wrong(page, "No project of yours links to this repository", "address")
    page.get_by_label("Address of the page that shows it").fill(f"{SOURCE}/blob/main/proof.txt")
    press(page, "Note it")
    said(page, "The repository is noted.")
    expect(page.locator("ol.steps")).to_contain_text("✓")


def test_a_token_proves_by_the_command_that_the_page_shows(site: Site) -> None:
    with site.house.db.write() as tx:
        _, text = tokens.mint(
            tx, OPERATOR, site.person("ann"), sealer=site.house.context.sealer, name="ci", projects=(),
            permissions=("upload",), expires_at=site.house.now + timedelta(days=9), operator=False, now=site.house.now,
        )  # fmt: skip
    page, link = asked(site)
    expect(page.locator("ol.steps")).to_contain_text("API token: not proved")
    words = page.get_by_label("Command that proves that you have a token", exact=True).inner_text()
    assert text not in words

    def run(token: str) -> str:
        command = words.replace("__token__", f"__token__:{token}", 1)
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20, check=False).stdout

    assert "cut off or mistyped" in run(text[:-1] + ("x" if text[-1] != "x" else "y"))
    assert "The token is noted as evidence." in run(text)
    site.open(link, page)
    expect(page.locator("ol.steps")).to_contain_text("API token: proved")
    press(page, "Begin the waiting time")
    said(page, "The waiting time has begun.")


def test_two_administrators_decide_after_seven_days(site: Site) -> None:
    """Each state is on the page of the request; the mail says every day that it goes on, and how to stop it."""
    link = handed_in(site)
    page = site.open(link)
    expect(page.locator("ol.steps")).to_contain_text("Waiting time: until")
    early = site.logged_in("ada", "/admin/recovery/")
    early.get_by_role("link", name="ann", exact=True).click()
    expect(early.get_by_role("button", name="Agree: remove all second factors")).to_have_count(0)
    site.mails()
    waited(site)
    daily = site.mails()[MAIL]
    assert daily.count("/account/recovery/stop/") >= 6
    expect(site.open(link, page).locator("ol.steps")).to_contain_text("they look at it now")
    said(decide(site, "ada", "agree", "the text is there"), "Another administrator has to agree too.")
    expect(site.open(link, page).locator("ol.steps")).to_contain_text("one of two has agreed")
    refused(decide(site, "ada", "agree", "again"), "other-administrator")
    said(decide(site, "abe", "agree", "I saw it too"), "All second factors of this person are removed.")
    expect(site.open(link, page).locator("main")).to_contain_text("Two administrators agreed.")
    site.log_in(page)
    said(page, "You are logged in.")


def test_an_administrator_refuses_with_a_reason(site: Site) -> None:
    link = handed_in(site)
    said(decide(site, "ada", "refuse", "the repository shows nothing"), "The request is refused.")
    expect(site.open(link).locator("main")).to_contain_text("An administrator refused the request. The mail says why.")
    assert "the repository shows nothing" in site.mails()[MAIL]


def test_administrators_who_are_late_see_it(site: Site) -> None:
    handed_in(site)
    waited(site)
    site.later(days=4)
    page = site.logged_in("ada", "/admin/recovery/")
    expect(page.get_by_text("overdue").first).to_be_visible()
    page.get_by_role("link", name="ann", exact=True).click()
    expect(page.get_by_text("This request has waited for more than three days.")).to_be_visible()
    site.later(hours=1)
    page.locator("#why-agree").fill("it is true")
    press(page, "Agree: remove all second factors")
    confirm(page)
    said(page, "Another administrator has to agree too.")


def test_whoever_asked_stops_it_and_links_have_an_end(site: Site) -> None:
    page, link = asked(site)
    press(page, "Stop the request")
    expect(page.get_by_text("The request was stopped. Nothing has changed.").first).to_be_visible()
    refused(site.open("/account/recovery/request/cut-off/", status=404), "link-invalid")
    refused(site.open("/account/recovery/stop/cut-off/", status=404), "link-invalid")
    _, link = asked(site)
    site.later(seconds=recovery_request.LINK_LASTS.total_seconds())
    refused(site.open(link, status=410), "link-expired")


def test_one_click_in_the_mail_stops_it(site: Site) -> None:
    link = handed_in(site)
    stop = re.findall(r"/account/recovery/stop/\S+/", site.mails()[MAIL])[0]
    page = site.open(stop)
    expect(page.locator("input[type=password]")).to_have_count(0)
    expect(site.open(link).get_by_text("The request was stopped")).to_have_count(0)
    press(page, "Stop it")
    said(page, "The request is stopped.")
    expect(site.open(link).get_by_text("The request was stopped")).to_be_visible()
    refused(site.open(stop, status=404), "link-invalid")


def test_without_evidence_it_lapses(site: Site) -> None:
    _, link = asked(site)
    site.later(seconds=recovery_request.EVIDENCE_WITHIN.total_seconds())
    with site.house.db.write() as tx:
        recovery_deciding.round_of(tx, now=site.house.now)
    expect(site.open(link).locator("main")).to_contain_text("No evidence came in time, so the request has lapsed.")
    assert "lapsed" in site.mails()[MAIL]


def test_who_is_logged_in_is_warned_and_stops_it(site: Site) -> None:
    page = site.visitor()
    with site.house.db.write() as tx:
        tx.execute(factor.delete())
    site.log_in(page)
    with site.house.db.write() as tx:
        values = {"id": new_id(), "user_id": site.person("ann").id, "kind": "device", "label": "key", "transports": []}
        tx.execute(
            insert(factor).values(values | {"credential": b"c", "public_key": b"p", "created_at": site.house.now})
        )
    ask(site)
    site.open("/account/", page)
    expect(page.get_by_text("Somebody asks to remove all your second factors.")).to_be_visible()
    press(page, "Stop it")
    said(page, "The request is stopped.")
