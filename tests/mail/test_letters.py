"""Letters: one for each notifying action, in each language, with nothing missing and nothing let through."""

from __future__ import annotations

import re
import shutil
import string
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import polib
import pytest

from bonded.mail import extract, letter
from bonded.mail.catalogues import available, choose, translations
from bonded.mail.kinds import LATE
from bonded.values.actions import ACTIONS, Notify
from bonded.values.translating import several

ROOT = Path(str(files("bonded.mail")))
NOTIFYING = sorted([a.name for a in ACTIONS.values() if a.notify is not Notify.NOBODY] + [LATE])
VALUES = {
    "name": "NAME",
    "index_name": "INDEX",
    "url": "https://index.example.invalid/",
    "project": "PROJECT",
    "filename": "FILENAME",
    "version": "VERSION",
    "role": "ROLE",
    "permissions": "PERMISSIONS",
    "by": "BY",
    "concerned": "CONCERNED",
    "sentence": "SENTENCE",
    "advice": "ADVICE",
    "critical": "CRITICAL",
    "factor": "FACTOR",
    "left": "7",
    "link": "yes",
    "you": "YOU",
    "admin": "ADMIN",
    "optional": "OPTIONAL",
    "until": "UNTIL",
    "found": "FOUND",
    "token": "TOKEN",
    "days": "14",
    "used": "yes",
    "acts": "3",
    "publisher": "PUBLISHER",
    "wanted": "WANTED",
}
DETAILS = [("time", "TIME"), ("reason", "REASON"), ("where", "https://index.example.invalid/account/history/")]
HOSTILE = "<script>alert(1)</script>\r\nBcc: x@example.invalid\x00\ud800{{ 7*7 }}%(name)s"


class Words(HTMLParser):
    """The text of a page's body, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.skip = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.skip = self.skip or tag == "head"

    def handle_endtag(self, tag: str) -> None:
        self.skip = self.skip and tag != "head"

    def handle_data(self, data: str) -> None:
        if not self.skip:
            self.words += data.split()


def parse(html: str) -> Words:
    words = Words()
    words.feed(html)
    return words


def plain(text: str) -> list[str]:
    return [w for w in re.sub(r"[:·]", " ", text).split() if w.strip(string.punctuation)]


def test_each_notifying_action_has_its_letter_and_no_other() -> None:
    assert sorted(p.stem for p in (ROOT / "letters").glob("*.txt")) == NOTIFYING


@pytest.mark.parametrize("language", sorted(available()))
@pytest.mark.parametrize("action", NOTIFYING)
def test_a_letter_is_whole(action: str, language: str) -> None:
    made = letter.write(action, language, VALUES, DETAILS)
    assert made.subject
    assert "\n" not in made.subject
    assert "NAME" in made.text
    assert "REASON" in made.text
    assert "{{" not in made.text + made.html
    assert "%(" not in made.text + made.html
    assert f'lang="{language.replace("_", "-")}"' in made.html
    page = parse(made.html)
    assert plain(" ".join(page.words)) == plain(made.text.replace("-- \n", "")), "both parts say the same"
    assert "a" in page.tags
    assert not {"script", "img", "form", "input", "link"} & set(page.tags)


@pytest.mark.parametrize("action", NOTIFYING)
def test_hostile_words_stay_words(action: str) -> None:
    made = letter.write(action, "en", dict.fromkeys(VALUES, HOSTILE), [("reason", HOSTILE), ("where", HOSTILE)])
    assert "script" not in parse(made.html).tags
    assert "\r" not in made.subject
    assert "\n" not in made.subject
    assert "\x00" not in made.text
    assert "49" not in made.text
    made.text.encode()
    made.html.encode()


@pytest.mark.parametrize("language", sorted(available() - {"en"}))
def test_a_catalogue_is_complete_and_keeps_every_placeholder(language: str) -> None:
    path = ROOT / "locale" / language / "LC_MESSAGES" / "mail.po"
    entries = {(e.msgctxt, e.msgid): e for e in polib.pofile(str(path)) if not e.obsolete}
    assert entries.keys() == {(m.context, several(m.id)[0]) for m in extract.template() if m.id}
    for (_, source), entry in entries.items():
        for translated in entry.msgstr_plural.values() or [entry.msgstr]:
            assert translated, source
            assert sorted(re.findall(r"%\(\w+\)s", source)) == sorted(re.findall(r"%\(\w+\)s", translated)), source
            assert "<" not in translated
    msgfmt = shutil.which("msgfmt")
    assert msgfmt, "gettext is among the packages that setup installs"
    subprocess.run([msgfmt, "-c", "-o", "/dev/null", str(path)], check=True)


def test_the_template_for_translators_is_up_to_date() -> None:
    """`python -m bonded.mail.extract` writes it."""
    assert (ROOT / "locale" / "mail.pot").read_bytes() == extract.text()


@pytest.mark.parametrize(
    ("stored", "chosen"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de_AT", "de"),
        ("de-CH", "de"),
        ("DE", "de"),
        ("fr", "fr"),
        ("tlh", "en"),
        ("../../etc", "en"),
        ("x" * 5000, "en"),
        ("de_\x00", "en"),
        ("zh_Hant_TW", "en"),
    ],
)
def test_the_language_that_is_chosen(stored: str | None, chosen: str) -> None:
    assert choose(stored) == chosen


def test_a_translation_is_in_force() -> None:
    assert translations("de").gettext("Reason") == "Grund"
    made = letter.write("user.change-password", "de", VALUES, DETAILS)
    assert made.subject == "Ihr Passwort wurde geändert"
    assert "Guten Tag, NAME," in made.text
    assert "Grund: REASON" in made.text


def test_no_letter_asks_for_a_password_or_holds_a_secret_link() -> None:
    for path in (ROOT / "letters").glob("*.txt"):
        text = path.read_text()
        assert "secret" not in text
        assert "http" not in text
