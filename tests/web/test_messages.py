"""Everything that pages say can be translated: the catalogue is whole, and no page has words outside it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations
from bs4 import BeautifulSoup, NavigableString

from bonded.values.states import FileState
from bonded.web import messages
from tests.web.house import House

FOLDER = Path(str(files("bonded.web")))
POT = FOLDER / "locale" / "messages.pot"


def committed() -> Catalog:
    with POT.open("rb") as file:
        return read_po(file)


def test_the_committed_catalogue_has_all_that_this_room_says() -> None:
    own = {message.id for message in messages.own(FOLDER) if message.id}
    missing = own - {message.id for message in committed()}
    assert not missing, "run python -m bonded.web.messages"


def test_the_catalogue_is_made_the_same_each_time() -> None:
    assert messages.as_bytes(messages.own(FOLDER)) == messages.as_bytes(messages.own(FOLDER))


def test_a_translation_of_it_passes_msgfmt(tmp_path: Path) -> None:
    catalog = Catalog(
        locale="de",
        project="Bonded",
        version="0",
        msgid_bugs_address="none",
        last_translator="none",
        language_team="none",
        revision_date=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for message in committed():
        if message.id:
            catalog.add(message.id, string=message.id, flags=message.flags)
    with (tmp_path / "de.po").open("wb") as out:
        write_po(out, catalog)
    msgfmt = shutil.which("msgfmt")
    assert msgfmt
    done = subprocess.run(
        [msgfmt, "-c", "-o", "/dev/null", str(tmp_path / "de.po")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


class Pseudo(NullTranslations):
    """A language in which everything translated stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, singular: str, plural: str, num: int) -> str:
        return f"⟦{singular if num == 1 else plural}⟧"

    ugettext = gettext
    ungettext = ngettext


DATA = (
    "bdi",
    "code",
    "pre",
    "time",
    "style",
    "article",
    ".mono",
    ".digest",
    ".code",
    ".trace",
    ".state",
    ".inline",
    ".brand",
    "title",
)
"""What is not ours to translate: package data, code, names of states in the console, the name of the site."""
NEUTRAL = {"Python", "sha256", "user", "policy", "owner", "upload", "yank", "UTC"}


def bare(page: Any) -> list[str]:
    """Visible words of the page that did not come out of the catalogue."""
    soup = BeautifulSoup(page.text, "html.parser")
    found = [
        element[name]
        for name in ("aria-label", "placeholder", "title", "alt")
        for element in soup.select(f"[{name}]")
        if element[name] and "⟦" not in element[name] and element.name not in ("time", "span")
    ]
    for selector in DATA:
        for element in soup.select(selector):
            element.decompose()
    for text in soup.find_all(string=True):
        if type(text) is NavigableString and "⟦" not in text and any(c.isalpha() for c in text):
            found.append(" ".join(text.split()))
    return found


@pytest.fixture
def pseudo(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    from bonded.web import render
    from bonded.web.app import make_wsgi

    monkeypatch.setattr(render, "_translations", lambda language: Pseudo())
    house.wsgi = make_wsgi(house.context)
    return house


PUBLIC = ("/", "/search/?q=spam", "/project/spam/", "/user/ann/", "/help/", "/account/login/", "/nothing/")
ACCOUNT = (
    "/account/",
    "/account/tokens/",
    "/account/sessions/",
    "/account/password/",
    "/account/confirm/",
    "/account/history/",
)
MANAGE = (
    "/manage/project/spam/",
    "/manage/project/spam/people/",
    "/manage/project/spam/status/",
    "/manage/project/spam/history/",
)
ADMIN = (
    "/admin/review/",
    "/admin/review/1/",
    "/admin/review/?by=campaign",
    "/admin/review/1/evidence/1/",
    "/admin/review/1/differences/",
    "/admin/review/1/related/",
    "/admin/suppressions/",
    "/admin/projects/?name=spam",
    "/admin/people/",
    "/admin/jobs/",
    "/admin/journal/",
)


def test_no_page_has_words_outside_the_catalogue(pseudo: House) -> None:
    ann = pseudo.person("ann")
    pseudo.person("root", admin=True)
    pseudo.project("spam", ann)
    pseudo.file(ann, "spam", "1.0")
    pseudo.case(pseudo.file(ann, "spam", "1.1", state=FileState.HELD))
    paths = {None: PUBLIC, "ann": ACCOUNT + MANAGE, "root": ADMIN}
    for name, addresses in paths.items():
        browser = pseudo.browser() if name is None else pseudo.login(name)
        for address in addresses:
            words = [text for text in bare(browser.get(address, expect_errors=True)) if not _neutral(text)]
            assert words == [], address


def _neutral(text: str) -> bool:
    """Numbers, units, names of people, projects, jobs and queues, and HTTP statuses."""
    known = {"ann", "root", "spam", "mail", "kB", "B", *NEUTRAL}
    words = text.replace("·", " ").replace(",", " ").replace("(", " ").replace(")", " ").replace(":", " ").split()
    return all(word in known or not any(c.isalpha() for c in word) for word in words)


def test_a_translation_is_used_when_it_is_asked_for(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from babel.support import Translations

    from bonded.web import render

    catalog = Catalog(locale="de")
    catalog.add("Log in", "Anmelden")
    target = tmp_path / "locale" / "de" / "LC_MESSAGES"
    target.mkdir(parents=True)
    with (target / "messages.mo").open("wb") as out:
        write_mo(out, catalog)
    monkeypatch.setattr(
        render, "_translations", lambda language: Translations.load(str(tmp_path / "locale"), [language])
    )
    house.settings = replace(house.settings, languages=("en", "de"))
    house.__post_init__()
    browser = house.browser()
    for asked, lang, word in (
        ("de-AT, en;q=0.5", "de", "Anmelden"),
        ("fr", "en", "Log in"),
        ("!!", "en", "Log in"),
        ("", "en", "Log in"),
    ):
        page = browser.get("/", headers={"Accept-Language": asked})
        assert page.html.html["lang"] == lang, asked
        assert word in page.html.header.text
