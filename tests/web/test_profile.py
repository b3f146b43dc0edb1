"""The language of one's mails and pages."""

from __future__ import annotations

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.db.engine import Database
from bonded.values.languages import LANGUAGES
from bonded.values.translated import TRANSLATED
from tests.web.house import House, form_to


def ann(db: Database) -> User:
    with db.read() as conn:
        return people.need(conn, "ann")


def test_a_language_is_chosen_and_taken_back(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    form = form_to(browser.get("/account/profile/"), "/language/")
    whole = sorted(LANGUAGES[code].name for code, shares in TRANSLATED.items() if min(shares) >= 0.95)
    assert sorted(text for _, _, text in form["language"].options[1:]) == whole
    assert {"Deutsch", "English", "Français"} <= set(whole)
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
