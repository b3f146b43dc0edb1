"""The three views of what happened, "that was not me", having and deleting one's data (flows 22 to 25)."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bonded.catalog import change
from bonded.journal.tables import journal
from bonded.values.states import Role
from bonded.values.who import OPERATOR
from tests.web.flows.site import ELSEWHERE, Site, confirm, logged_out, press, refused, row, said, wrong
from tests.web.test_history import act, by
from tests.web.test_tokens import mint
from tests.web.test_upload import basic, send

OWN, OF_PROJECT = "/account/history/", "/manage/project/spam/history/"


def downloaded(page: Page, link: Any) -> str:
    with page.expect_download() as got:
        link.click()
    return Path(got.value.path()).read_text("utf-8")


def numbers(page: Page) -> list[str]:
    """The numbers of all rows, once the page is there to its end."""
    page.wait_for_load_state()
    return page.locator("tbody td .dim").filter(has_text="#").all_inner_texts()


def test_ones_history_is_narrowed_paged_and_exported(site: Site) -> None:
    ann = site.person("ann")
    for n in range(60):
        act(site.house, "user.confirm" if n % 2 else "user.logout", by(ann, "one"))
    act(site.house, "file.upload", by(ann, "two"), project="spam")
    page = site.logged_in("ann", OWN)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    site.open(OWN, page)
    page.get_by_label("Act", exact=True).select_option("user.confirm")
    page.get_by_label("Token or session").fill("one")
    press(page, "Show")
    assert len(numbers(page)) == 30
    rows = json.loads(downloaded(page, page.get_by_role("link", name="What is shown, as JSON")))
    assert {one["action"] for one in rows} == {"user.confirm"}
    assert len(rows) == 30
    table = list(csv.DictReader(io.StringIO(downloaded(page, page.get_by_role("link", name="What is shown, as CSV")))))
    assert [one["row"] for one in table] == [str(one["row"]) for one in rows]
    page.get_by_role("link", name="Show everything").click()
    page.get_by_label("Project", exact=True).fill("Spam")
    press(page, "Show")
    assert len(numbers(page)) >= 1
    page.get_by_label("Project", exact=True).fill("")
    page.get_by_label("To", exact=True).fill("2020-01-01")
    press(page, "Show")
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    refused(site.open(f"{OWN}?since=yesterday", page, status=400), "bad-form")


def test_that_was_not_me(site: Site) -> None:
    """All tokens and all other sessions end at once; the person goes on to a new password."""
    _, text = mint(site.house, "ann")
    intruder = site.logged_in("ann", ip=ELSEWHERE)
    page = site.logged_in("ann", OWN)
    expect(row(page, "Create an API token").first).to_be_visible()
    page.get_by_text("Something here was not me").click()
    press(page, "That was not me: shut them out")
    said(page, "All tokens are revoked and all other sessions ended. Now take a new password.")
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    logged_out(intruder, site)
    answer = send(site.house, basic("__token__", text), name="spam", version="2.0", accept="application/json")
    assert answer.json["code"] == "token-revoked"
    assert "You told us that something done with your account ann was not you" in site.mails()["ann@example.invalid"]


def test_a_projects_history_names_who_was_removed_and_outlives_the_project(site: Site) -> None:
    bob = site.house.person("bob")
    with site.house.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", bob.id, Role.MAINTAINER, now=site.house.now)
    _, text = mint(site.house, "bob", title="his job")
    assert send(site.house, basic("__token__", text), name="spam", version="2.0").status_int == 200
    with site.house.db.write() as tx:
        change.remove_role(tx, OPERATOR, "spam", bob.id, Role.MAINTAINER, now=site.house.now)
    page = site.logged_in("ann", f"{OF_PROJECT}?person=bob")
    uploaded = row(page, "Upload a file")
    expect(uploaded).to_contain_text("bob")
    expect(uploaded).to_contain_text("with an API token")
    assert "his job" not in page.content(), "what he called it is his own"
    assert "198.51.100.7" not in page.content(), "addresses of people are not for maintainers"
    uploaded.get_by_role("link", name="token …", exact=False).click()
    assert len(numbers(page)) == 1
    refused(site.open(OF_PROJECT, site.logged_in("bob"), status=403), "not-your-project")
    site.open("/manage/project/spam/status/", page)
    page.get_by_label("Type the project's name").fill("eggs")
    press(page, "Delete the project")
    wrong(page, "This is not the project", "name")
    page.get_by_label("Type the project's name").fill("spam")
    press(page, "Delete the project")
    said(page, "The project is deleted with all its files.")
    site.open(OF_PROJECT, page)
    for words in ("Delete a project", "Upload a file"):
        expect(row(page, words)).to_be_visible()


def test_administrators_look_up_people_projects_and_tokens_and_give_reasons(site: Site) -> None:
    site.house.person("root", admin=True)
    token_id, _ = mint(site.house, "ann")
    ann = site.person("ann")
    act(site.house, "user.confirm", by(ann, token_id, "203.0.113.77"))
    page = site.logged_in("root", "/admin/journal/?person=ann")
    expect(row(page, "Confirm")).to_be_visible()
    assert "203.0.113.77" not in page.content()
    for query in (f"credential={token_id}", "project=spam"):
        site.open(f"/admin/journal/?{query}", page)
        assert numbers(page)
    refused(site.open("/admin/journal/?person=nobody-here", page, status=404), "not-found")
    site.open("/admin/journal/?person=ann", page)
    page.get_by_text("Show addresses").first.click()
    page.get_by_label("Why").fill("\u00a0 ")
    page.locator("button[value=page]").first.click()
    refused(page, "reason-needed")
    site.open("/admin/journal/?person=ann", page)
    page.get_by_text("Show addresses").first.click()
    page.get_by_label("Why").fill("Ann asked who it was")
    page.locator("button[value=page]").first.click()
    expect(page.get_by_text("203.0.113.77").first).to_be_visible()
    site.open("/admin/journal/", page)
    page.get_by_text("Show addresses").first.click()
    page.get_by_label("Why").fill("abuse report 4")
    page.get_by_label("Only from this address").fill("203.0.113.77")
    page.locator("button[value=page]").first.click()
    assert len(numbers(page)) == 1
    with site.house.db.read() as conn:
        wanted = journal.select().where(journal.c.action == "admin.read-private").order_by(journal.c.id)
        assert [one.facts["reason"] for one in conn.execute(wanted)] == ["Ann asked who it was", "abuse report 4"]
    own = site.logged_in("ann", OWN)
    expect(row(own, "Read addresses in the journal")).to_contain_text("Ann asked who it was")
    refused(site.open("/admin/journal/", own, status=403), "admin-only")


def test_an_account_is_frozen_and_thawed_with_a_reason(site: Site) -> None:
    site.house.person("root", admin=True)
    hers = site.logged_in("ann")
    page = site.logged_in("root", "/admin/people/?name=ann")
    old = site.visitor()
    old.context.add_cookies(page.context.cookies())
    site.open("/admin/people/?name=ann", old)
    page.get_by_label("Why").fill("stolen laptop")
    press(page, "Freeze the account")
    said(page, "The account is frozen.")
    logged_out(hers, site)
    assert "An administrator froze your account" in site.mails()["ann@example.invalid"]
    old.get_by_label("Why").fill("twice")
    press(old, "Freeze the account")
    refused(old, "same-account-state")
    page.get_by_label("Why").fill("found again")
    press(page, "Unfreeze the account")
    said(page, "The account works again.")
    site.open("/admin/journal/?person=ann", page)
    expect(row(page, "Unfreeze an account")).to_contain_text("found again")
    expect(page.locator("tbody")).to_contain_text("stolen laptop")


def test_switches_are_changed_with_a_reason(site: Site) -> None:
    root = site.house.person("root", admin=True)
    page = site.logged_in("root", "/admin/factors/")
    page.get_by_label("of everybody").check()
    page.locator("#why").fill("the board decided")
    press(page, "Change the policy")
    refused(page, "policy-shuts-you-out")
    site.open("/admin/factors/", page)
    page.get_by_label("as a security device").uncheck()
    page.locator("#why").fill("the board decided")
    press(page, "Change the policy")
    said(page, "The policy is changed.")
    page.locator("#why").fill("again")
    press(page, "Change the policy")
    refused(page, "same-policy")
    site.open("/admin/journal/?person=root", page)
    expect(page.locator("tbody")).to_contain_text("the board decided")
    assert root.is_admin


def test_ones_data_as_files_after_a_fresh_proof(site: Site) -> None:
    page = site.logged_in("ann", "/account/data/")
    site.later(hours=1)
    press(page, "Download as ZIP")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    with page.expect_download() as got:
        confirm(page)
    with zipfile.ZipFile(got.value.path()) as archive:
        assert json.loads(archive.read("user_account.json"))[0]["name"] == "ann"
    site.open("/account/data/", page)
    found = json.loads(downloaded(page, page.get_by_role("button", name="Download as JSON")))
    assert found["user_account"][0]["email"] == "ann@example.invalid"
    assert "your data were exported" in str([one["Subject"] for one in (site.mails(), site.post.sent)[1]])


@pytest.mark.parametrize("keeps", ["a project", "the index"])
def test_who_is_needed_cannot_delete_the_account(site: Site, keeps: str) -> None:
    name = "ann" if keeps == "a project" else "root"
    if name == "root":
        site.house.person("root", admin=True)
    page = site.logged_in(name, "/account/data/")
    if name == "ann":
        expect(page.get_by_text("You are the only owner of these projects.")).to_be_visible()
        expect(page.get_by_role("link", name="spam")).to_be_visible()
    page.get_by_label("Type your user name").fill("somebody")
    press(page, "Delete the account")
    wrong(page, "This is not the name of your account.", "name")
    page.get_by_label("Type your user name").fill(name)
    press(page, "Delete the account")
    refused(page, "owns-alone" if name == "ann" else "last-administrator")


def test_a_deleted_account_leaves_the_record_without_a_name(site: Site) -> None:
    bob = site.house.person("bob")
    with site.house.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", bob.id, Role.OWNER, now=site.house.now)
    _, text = mint(site.house, "ann")
    assert send(site.house, basic("__token__", text), name="spam", version="2.0").status_int == 200
    page = site.logged_in("ann", "/account/data/")
    page.get_by_label("Type your user name").fill("ann")
    press(page, "Delete the account")
    said(page, "Your account is deleted.")
    site.log_in(page)
    wrong(page, "Wrong user name or password")
    refused(site.open("/user/ann/", status=404), "not-found")
    history = site.logged_in("bob", OF_PROJECT)
    expect(history.locator("tbody")).to_contain_text("a deleted account")
    visitor = site.open("/project/spam/")
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("spam")
