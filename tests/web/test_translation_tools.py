"""A string goes out to translators' programs and comes back: then it stands on a page and in a mail."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tools import catalogues
from tools.translation_round_trip import travel

from bonded.mail import compose, letter, samples
from bonded.values.translating import read
from bonded.web import app, render
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
    monkeypatch.setattr(app, "_made", [])  # the router that is there has its catalogues
    house.settings = replace(house.settings, languages=("en", "eo"))
    house.__post_init__()
    page = house.browser().get("/", headers={"Accept-Language": "eo"})
    assert page.html.html["lang"] == "eo"
    assert "Helpo, pruva" in page.html.text

    changed = travel(tmp_path / "in-mails", "eo", "Reason", "Kialo, pruva")
    mails = next(path for path in changed if path.name == "mail.po")
    spoken = read(mails.read_bytes(), "eo")
    letter._environment.cache_clear()
    monkeypatch.setattr(compose, "choose", lambda *_: "eo")
    for module in (compose, letter):
        monkeypatch.setattr(module, "translations", lambda language: spoken)
    try:
        made = samples.sample("review.ask-owner", "eo", samples.settings("Bonded", "http://localhost/"))
    finally:
        letter._environment.cache_clear()
    assert "Kialo, pruva" in made.text
    assert "Kialo, pruva" in made.html


def test_what_weblate_writes_stays_byte_for_byte(tmp_path: Path) -> None:
    """The lines are as Weblate 5.14.3 wrote them; `python -m tools.weblate` asks a real one."""
    pages = catalogues.DOMAINS[0]
    template = catalogues.read(pages.template)
    assert template is not None
    text = pages.source("pt_BR").read_text("utf-8")
    for ours, weblates in (
        ("PO-Revision-Date: 2026-01-01 00:00+0000", "PO-Revision-Date: 2026-11-22 00:01+0000"),
        ("Last-Translator: none", "Last-Translator: A Translator <translator@example.invalid>"),
        ('plural=(n > 1);\\n"\n', 'plural=n > 1;\\n"\n"X-Generator: Weblate 5.14.3\\n"\n'),
        ("Cada arquivo aqui é inspecionado", "Cada arquivo daqui é inspecionado"),
    ):
        assert text.count(ours) == 1, ours
        text = text.replace(ours, weblates)
    path = tmp_path / "messages.po"
    path.write_text(text, "utf-8")
    made = catalogues.merged(template, catalogues.read(path, "pt_BR"), "pt_BR")
    assert catalogues.as_bytes(made, catalogues.kept(path)) == path.read_bytes()


def test_weblates_components_name_what_is_here() -> None:
    root = Path(__file__).parents[2]
    every = json.loads((root / "deploy" / "weblate" / "components.json").read_text("utf-8"))
    assert [one["slug"] for one in every] == ["pages", "mails"]
    for one, domain in zip(every, catalogues.DOMAINS, strict=True):
        assert sorted(root.glob(one["filemask"])) == sorted(map(domain.source, catalogues.translated_into()))
        assert root / one["new_base"] == domain.template
        assert one["file_format_params"] == {"po_line_wrap": 65535}


@pytest.mark.parametrize("domain", catalogues.DOMAINS, ids=lambda domain: domain.name)
def test_in_german_it_is_das_token(domain: catalogues.Domain) -> None:
    """One gender, and one plural: "Tokens" is the genitive alone. Pronouns are known by what the sentences had once."""
    found = catalogues.read(domain.source("de"), "de")
    assert found is not None
    texts = [text for one in catalogues.said(found) for text in (one.string if one.pluralizable else (one.string,))]
    about = [text for text in texts if "Token" in text]
    assert len(about) > 20
    male = re.compile(
        r"(?i:\b(?:der|den|einen|keinen|ihren|jeder|jeden|dieser|diesen|neuer|neuen|kein anderer) (?:API-)?Token\b)"
        r"|(?<!dieses )(?<!eines )(?<!des )(?<!Ihres )(?<!-)\b(?:API-)?Tokens\b"
        r"|wie er darf|einen, der sie hat|die ihn benutzen"
    )
    assert [text for text in about if male.search(text)] == []
    assert not any("davor wurde er für" in text for text in texts)
