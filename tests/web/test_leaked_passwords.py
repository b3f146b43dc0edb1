"""Passwords that are known from leaks: refused when they are set, and void at the next login with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bonded.accounts import people
from bonded.accounts.reset import make_reset_link
from bonded.web.app import make_wsgi
from tests.web.house import PASSWORD, House, form_with, login_form
from tests.web.post import Post, link_in
from tests.web.test_register import Leaked

LEAKED, NEW = "a password in a list", "a new and better one"


@pytest.fixture
def listed(house: House) -> House:
    """Ann, and an index with a list."""
    house.person("ann")
    house.context = replace(house.context, ranges=Leaked(LEAKED))
    house.wsgi = make_wsgi(house.context)
    return house


def test_it_is_refused_at_a_change_and_by_a_link(listed: House) -> None:
    form = form_with(listed.login("ann").get("/account/password/"), "old")
    form["old"], form["password"], form["again"] = PASSWORD, LEAKED, LEAKED
    assert "known from leaks" in form.submit(status=400).html.find(id="f-password-wrong").text
    with listed.db.write() as tx:
        secret = make_reset_link(tx, people.need(tx, "ann").id, now=listed.now)
    form = form_with(listed.browser().get(f"/account/set-password/{secret}/"), "again")
    form["password"], form["again"] = LEAKED, LEAKED
    page = form.submit(status=400)
    assert "known from leaks" in page.html.find(id="f-password-wrong").text
    form["password"], form["again"] = NEW, NEW
    form.submit(status=303)


def test_it_is_void_at_the_next_login_and_a_mail_says_what_to_do(listed: House) -> None:
    post, browser = Post(listed), listed.login("ann")
    post.deliver()
    listed.context = replace(listed.context, ranges=Leaked(PASSWORD))
    listed.wsgi = make_wsgi(listed.context)
    other = listed.browser()
    form = login_form(other.get("/account/login/"))
    form["name"], form["password"] = "ann", PASSWORD
    page = form.submit(status=403)
    assert "This password is void" in page.html.find(role="alert").text
    assert "open the link" in page.html.find(role="alert").text
    browser.get("/account/", status=303)  # every session ended
    mails = post.deliver()
    assert "public list of passwords that were stolen" in mails["ann@example.invalid"]
    form["password"] = "another password"
    assert "Wrong user name or password" in form.submit(status=401), "told to nobody who does not know it"
    link = form_with(other.get(link_in(mails["ann@example.invalid"], "set-password")), "again")
    link["password"], link["again"] = NEW, NEW
    link.submit(status=303)
    form["password"] = NEW
    form.submit(status=303)
