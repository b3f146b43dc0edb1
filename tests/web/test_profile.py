"""Language and e-mail address: forms, the way of the link, and who is told of what."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage

import pytest

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.accounts.profile import A_DAY
from bonded.db.engine import Database
from bonded.db.worker import work_once
from bonded.mail.compose import MailSettings
from bonded.mail.job import MailContext, handle
from tests.web.house import PASSWORD, House, form_to


class Post:
    """Mails as they are sent."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.sent: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)

    def deliver(self) -> dict[str, str]:
        """Run the mail jobs; address -> text of what was sent to it."""
        before = len(self.sent)
        context = MailContext(self.house.db, self, MailSettings("Bonded", "http://localhost/", "b@example.invalid"))
        while work_once(self.house.db, {"mail": lambda job, now: handle(context, job, now)}, lambda: self.house.now):
            pass
        return {str(m["To"]): m.get_body(("plain",)).get_content() for m in self.sent[before:]}  # type: ignore[union-attr]


@pytest.fixture
def post(both: House) -> Post:
    both.person("ann")
    made = Post(both)
    made.deliver()
    return made


def ann(db: Database) -> User:
    with db.read() as conn:
        found = people.by_name(conn, "ann")
    assert found
    return found


def ask(house: House, email: str) -> None:
    form = form_to(house.login("ann").get("/account/profile/"), "/profile/email/")
    form["email"] = email
    form.submit(status=303)


def link_in(text: str) -> str:
    found = re.search(r"http://localhost(/account/email/\S+/)", text)
    assert found
    return found[1]


def test_a_language_is_chosen_and_taken_back(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    form = form_to(browser.get("/account/profile/"), "/language/")
    assert [text for _, _, text in form["language"].options][1:] == ["Deutsch", "English"]
    form["language"] = "de"
    assert "Your language is set." in form.submit(status=303).follow()
    assert ann(both.db).language == "de"
    form = form_to(browser.get("/account/profile/"), "/language/")
    assert form["language"].value == "de"
    form["language"] = "-"
    form.submit(status=303)
    assert ann(both.db).language is None
    form["language"].force_value("tlh")
    assert "bad-form" in form.submit(status=400)


def test_the_new_address_confirms_and_the_old_one_is_told(post: Post) -> None:
    house = post.house
    ask(house, "ann@new.example.invalid")
    assert ann(house.db).email == "ann@example.invalid"
    mails = post.deliver()
    assert set(mails) == {"ann@example.invalid", "ann@new.example.invalid"}
    assert "Somebody asked to change" in mails["ann@example.invalid"]
    assert "/account/email/" not in mails["ann@example.invalid"]
    address = link_in(mails["ann@new.example.invalid"])
    stranger = house.browser()
    page = stranger.get(address)
    assert "ann@new.example.invalid" in page
    assert ann(house.db).email == "ann@example.invalid", "looking is not confirming"
    page.forms[1].submit(status=303)
    assert (ann(house.db).email, ann(house.db).new_email) == ("ann@new.example.invalid", None)
    mails = post.deliver()
    assert set(mails) == {"ann@example.invalid"}
    assert "This is the last message to this address." in " ".join(mails["ann@example.invalid"].split())
    assert "link-used" in stranger.get(address, status=410)


def test_the_last_wish_counts(post: Post) -> None:
    house = post.house
    ask(house, "one@new.example.invalid")
    first = link_in(post.deliver()["one@new.example.invalid"])
    ask(house, "two@new.example.invalid")
    ask(house, "three@new.example.invalid")
    mails = post.deliver()
    assert "two@new.example.invalid" not in mails, "not waited for any more when the mail was due"
    assert "link-invalid" in house.browser().get(first, status=404)
    house.browser().get(link_in(mails["three@new.example.invalid"]))


def test_a_link_ends(post: Post) -> None:
    house = post.house
    ask(house, "ann@new.example.invalid")
    address = link_in(post.deliver()["ann@new.example.invalid"])
    house.now += timedelta(days=2)
    assert "link-expired" in house.browser().get(address, status=410)


def test_what_is_no_address_or_the_same_is_said_beside_the_field(both: House) -> None:
    both.person("ann")
    form = form_to(both.login("ann").get("/account/profile/"), "/profile/email/")
    for email, words in (
        ("nonsense", "Invalid e-mail address"),
        ("ann@example.invalid", "This is your address already"),
        ("", "Fill this in."),
    ):
        form["email"] = email
        page = form.submit(status=400)
        assert words in page
        assert page.html.find(id="f-email")["aria-invalid"] == "true"
    assert ann(both.db).new_email is None


def test_nobody_sends_mails_to_strangers_without_end(both: House) -> None:
    both.person("ann")
    for number in range(A_DAY):
        ask(both, f"a{number}@new.example.invalid")
    form = form_to(both.login("ann").get("/account/profile/"), "/profile/email/")
    form["email"] = "more@new.example.invalid"
    assert "email-limited" in form.submit(status=429)


def test_a_session_that_was_left_open_does_not_suffice(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    both.now += timedelta(hours=5)
    form = form_to(browser.get("/account/profile/"), "/profile/email/")
    form["email"] = "ann@new.example.invalid"
    page = form.submit(status=403)
    assert ann(both.db).new_email is None
    again = form_to(page, "/profile/email/")
    again["confirm_password"] = PASSWORD
    again.submit(status=303)
    assert ann(both.db).new_email == "ann@new.example.invalid"
