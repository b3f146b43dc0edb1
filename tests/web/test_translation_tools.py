"""A string goes out to translators' programs and comes back: then it stands on a page and in a mail."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tools.translation_round_trip import travel

from bonded.mail import compose, letter, samples
from bonded.values.translating import read
from bonded.web import render
from tests.web.house import House


@pytest.mark.slow
def test_a_string_comes_back_translated(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = travel(tmp_path / "on-pages", "eo", "Help", "Helpo, pruva")
    assert [path.name for path in changed] == ["messages.po"]
    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=tmp_path / "on-pages", capture_output=True, text=True, check=True
    )
    assert log.stdout.splitlines() == ["Translation into eo", "As it was"]
    pages = read(changed[0].read_bytes(), "eo")
    monkeypatch.setattr(render, "_translations", lambda language: pages)
    house.settings = replace(house.settings, languages=("en", "eo"))
    house.__post_init__()
    page = house.browser().get("/", headers={"Accept-Language": "eo"})
    assert page.html.html["lang"] == "eo"
    assert "Helpo, pruva" in page.html.text

    changed = travel(tmp_path / "in-mails", "eo", "Reason", "Kialo, pruva")
    mails = next(path for path in changed if path.name == "mail.po")
    spoken = read(mails.read_bytes(), "eo")
    letter._environment.cache_clear()
    monkeypatch.setattr(compose, "choose", lambda language: "eo")
    for module in (compose, letter):
        monkeypatch.setattr(module, "translations", lambda language: spoken)
    try:
        made = samples.sample("review.ask-owner", "eo", samples.settings("Bonded", "http://localhost/"))
    finally:
        letter._environment.cache_clear()
    assert "Kialo, pruva" in made.text
    assert "Kialo, pruva" in made.html
