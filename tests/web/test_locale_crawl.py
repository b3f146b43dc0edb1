"""No page has a word outside the catalogues: every page in every state (tests/web/scenes) is read in a made-up language.

In it everything that can be translated stands in brackets. The pages come from the table of routes, not from memory; what
packages and people wrote is marked as theirs (`bdi`, `translate="no"`, code) and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup, NavigableString

from bonded.mail import samples
from tests.web.house import House
from tests.web.scenes.shots import Shot

THEIRS = "bdi, code, pre, time, kbd, samp, script, style, option[lang], [translate=no]"
"""What people and packages wrote, what is code, and what stands in a language of its own by choice."""
SAID = ("aria-label", "aria-description", "placeholder", "title", "alt", "data-label")
SAMPLES = {
    *(
        "ann",
        "bob",
        "cy",
        "gus",
        "root",
        "spam",
        "eggs",
        "much",
        "old",
        "badthing",
        "oldthing",
        "fresh",
        "sample-project",
        "qqqqqq",
    ),
    *("laptop", "builds", "octo", "tool", "malware", "it", "sends", "passwords", "away"),
}
"""Names of the index that is read, and what was typed into its forms."""
BRANDS = {
    "py3",
    "bonded",
    "python",
    "pip",
    "uv",
    "poetry",
    "twine",
    "atom",
    "json",
    "csv",
    "zip",
    "html",
    "sha256",
    "utc",
    "de",
    "en",
    *("md5", "ed25519", "root", "timestamp", "snapshot", "targets", "pages", "bins"),
}
UNITS = {"b", "kb", "mb", "gb", "ms", "s"}
CLDR = re.compile(
    r"\b\d+ (second|minute|hour|day|week|month|year)s?\b|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
)
"""What Babel writes; in a real language it is of that language."""
NAME = re.compile(
    r"^https?://\S+$|^[a-z0-9]+([-_.@/:+][a-z0-9*]+)+[-_./:]?$|^U\+[0-9A-F]+$|^[0-9a-f]{12,}$|^[0-9a-f]{4}$|^[0-9a-f]{8}$",
    re.IGNORECASE,
)
"""Names of files, checks, packages, addresses, digests."""
WORD = re.compile(r"[^\W\d_]{2,}")


def bare(page: Shot) -> Iterator[str]:
    """Words of the page that came out of no catalogue."""
    soup = BeautifulSoup(page.html, "html.parser")
    for element in soup.select(THEIRS):
        if element.name != "html":
            element.decompose()
    for element in soup.find_all(["strong", "em", "span"]):
        if not element.get_text(strip=True) and not any(name in element.attrs for name in SAID):
            element.decompose()
    soup.smooth()  # a sentence around a name or a time is one text again
    for name in SAID:
        for element in soup.select(f"[{name}]"):
            if foreign(str(element[name])):
                yield f"{name}: {element[name]}"
    for element in soup.find_all(True):
        for name, value in element.attrs.items():
            words = name.startswith("data-") and isinstance(value, str) and " " in value.strip()
            if words and "⟦" not in value and not re.search(r"[{}#>/]|->", str(value)):
                yield f"{name}: {value}"
    for text in soup.find_all(string=True):
        if type(text) is NavigableString and foreign(text):
            yield " ".join(text.split())


def foreign(text: str) -> bool:
    """Whether words stand outside of brackets."""
    outside = re.sub(r"⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧", " ", text)
    words = (word.strip(".,;:()·–…“”") for word in CLDR.sub(" ", outside).split())
    neutral = SAMPLES | BRANDS | UNITS
    return any(WORD.search(word) and word.lower() not in neutral and not NAME.match(word) for word in words)


@pytest.fixture
def house(house: House) -> House:
    house.settings = replace(house.settings, languages=("en", "en_XA", "ar_XB"), second_factor=False)
    house.__post_init__()
    return house


def test_no_page_has_a_word_outside_the_catalogues(shots: Callable[[str], tuple[Shot, ...]]) -> None:
    wrong: dict[str, set[str]] = {}
    for shot in shots("en_XA"):
        for text in bare(shot):
            wrong.setdefault(text, set()).add(shot.name)
    report = "\n".join(f"{text!r}: {min(where)} ({len(where)})" for text, where in sorted(wrong.items()))
    assert not wrong, f"{len(wrong)} texts outside the catalogues\n{report}"


def test_the_crawler_sees_what_is_hard_coded() -> None:
    class Page:
        def __init__(self, html: str) -> None:
            self.html = html

    good = '<p>⟦Åļļ⟧ <bdi>spam</bdi> 12 kB</p><a title="⟦x⟧" translate="no">name</a><p>⟦a ⟦b⟧ c⟧</p>'
    assert list(bare(Page(good))) == []  # type: ignore[arg-type]
    for bad in ("<p>Hello</p>", '<a title="Hello">⟦x⟧</a>', '<input placeholder="Find">', "<p>⟦x⟧ and more</p>"):
        assert list(bare(Page(bad))), bad  # type: ignore[arg-type]


def test_the_other_made_up_language_is_written_from_right_to_left(house: House) -> None:
    page = house.browser(HTTP_ACCEPT_LANGUAGE="ar-XB").get("/")
    assert page.html.html["dir"] == "rtl"
    assert page.html.html["lang"] == "ar-XB"
    assert "⟦" in page.html.main.text


@pytest.mark.parametrize("kind", samples.names())
def test_no_mail_has_a_word_outside_the_catalogues(kind: str) -> None:
    made = samples.sample(kind, "en_XA", samples.settings("Bonded", "http://localhost/"))
    assert "⟦" in made.subject

    class Page:
        html = made.html

    assert list(bare(Page())) == []  # type: ignore[arg-type]
    body = re.sub(r"⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧", " ", made.text)
    for line in body.splitlines():
        words = line.partition(":")[0] if ":" in line else line
        assert "Hello" not in words
        assert not re.search(r"\b(the|your|was|is|not|and)\b", words), line
