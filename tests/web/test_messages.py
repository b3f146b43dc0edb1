"""Everything that pages say can be translated: the catalogue is whole (that no page has words outside: test_locale_crawl)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bonded.values.translating import English, Spoken
from bonded.web import messages, render
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


def test_a_translation_is_used_when_it_is_asked_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(locale="de")
    catalog.add("Log in", "Anmelden")
    monkeypatch.setattr(
        render, "_translations", lambda language: Spoken(language, catalog) if language == "de" else English()
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
