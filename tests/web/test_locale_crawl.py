"""No page has a word outside the catalogues: every route that answers GET is read in a made-up language.

In it everything that can be translated stands in brackets. The pages come from the table of routes, not from memory; what
packages and people wrote is marked as theirs (`bdi`, `translate="no"`, code) and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from bs4 import BeautifulSoup, NavigableString
from webtest import TestApp, TestResponse

from bonded.mail import samples
from bonded.values.states import FileState
from bonded.web.routes import ROUTES
from tests.web.house import House

THEIRS = "bdi, code, pre, time, kbd, samp, script, style, option[lang], [translate=no]"
"""What people and packages wrote, what is code, and what stands in a language of its own by choice."""
SAID = ("aria-label", "aria-description", "placeholder", "title", "alt", "data-label")
SAMPLES = {"spam", "eggs", "ann", "root", "nothingofthiskind", "sample-project"}
"""Names of the index that is read."""
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
}
UNITS = {"b", "kb", "mb", "gb", "ms", "s"}
CLDR = re.compile(
    r"\b\d+ (second|minute|hour|day|week|month|year)s?\b|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
)
"""What Babel writes; in a real language it is of that language."""
NAME = re.compile(
    r"^https?://\S+$|^[a-z0-9]+([-_.@/:+][a-z0-9*]+)+[-_./:]?$|^U\+[0-9A-F]+$|^[0-9a-f]{12,}$", re.IGNORECASE
)
"""Names of files, checks, packages, addresses, digests."""
WORD = re.compile(r"[^\W\d_]{2,}")


def bare(page: TestResponse) -> Iterator[str]:
    """Words of the page that came out of no catalogue."""
    soup = BeautifulSoup(page.text, "html.parser")
    for element in soup.select(THEIRS):
        if element.name != "html":
            element.decompose()
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


def browser(house: House, name: str | None = None) -> TestApp:
    """A browser that asks for the made-up language, logged in as `name`."""
    made = house.browser(HTTP_ACCEPT_LANGUAGE="en-XA")
    return house.login(name, made) if name else made


def paths(house: House) -> dict[str, list[str]]:
    """Every route that answers GET, with addresses of things that are there and of some that are not."""
    ann = house.person("ann")
    root = house.person("root", admin=True)
    for name in ("spam", "eggs"):
        house.project(name, ann)
    metadata = {
        "summary": "A summary",
        "description": "T\n=\n\n*bad",
        "description_content_type": "text/x-rst",
        "author": "An author",
        "license": "MIT",
        "classifiers": ["Topic :: Security"],
        "requires_dist": ["requests>=2"],
        "project_urls": {"Source": "https://example.invalid/"},
    }
    public = house.file(ann, "spam", "1.0", metadata=metadata)
    held = house.file(ann, "spam", "1.1", state=FileState.HELD)
    house.file(ann, "eggs", "1.0", state=FileState.QUARANTINED)
    case = house.case(held)
    known = {
        "project": "spam", "version": "1.0", "name": "ann", "code": "not-found", "case": str(case), "check": "obfuscated-code",
        "finding": "1", "file": public, "user": root.id, "row": "1", "old": "0", "new": "1", "first": "0", "end": "1",
        "job": "1", "kind": "user.freeze", "report": "1", "backfill": "1", "suppression": "1", "advisory": "x", "digest": "0" * 12,
    }  # fmt: skip
    found: dict[str, list[str]] = {}
    for route in ROUTES:
        if "GET" not in route.methods:
            continue
        parts = re.findall(r"\{(\w+)\}", route.pattern)
        good = re.sub(r"\{(\w+)\}", lambda one: known.get(one[1], "nothing-of-this"), route.pattern)
        bad = re.sub(r"\{\w+\}", "nothing-of-this", route.pattern)
        found[route.name] = [good, bad] if parts else [good]
    return found


MORE = (
    "/?next=x",
    "/search/?q=spam",
    "/search/?q=nothingofthiskind",
    "/admin/review/?by=campaign",
    "/admin/projects/?name=spam",
)


def test_no_page_has_a_word_outside_the_catalogues(house: House) -> None:
    every = paths(house)
    visitors = {name: browser(house, name) for name in (None, "ann", "root")}
    wrong: dict[str, set[str]] = {}
    for address in sorted({one for several in every.values() for one in several} | set(MORE)):
        for name in who(address):
            page = visitors[name].get(address, expect_errors=True)
            if page.content_type == "text/html" and not 300 <= page.status_int < 400:
                for text in bare(page):
                    wrong.setdefault(text, set()).add(f"{name or 'nobody'} {address}")
    report = "\n".join(f"{text!r}: {min(where)} ({len(where)})" for text, where in sorted(wrong.items()))
    assert not wrong, f"{len(wrong)} texts outside the catalogues\n{report}"


def who(address: str) -> tuple[str | None, ...]:
    """Those whose page there is worth reading."""
    if address.startswith("/admin/"):
        return ("root",)
    return ("ann",) if address.startswith(("/account/", "/manage/")) else (None, "ann")


def test_the_crawler_sees_what_is_hard_coded() -> None:
    class Page:
        def __init__(self, text: str) -> None:
            self.text = text

    good = '<p>⟦Åļļ⟧ <bdi>spam</bdi> 12 kB</p><a title="⟦x⟧" translate="no">name</a><p>⟦a ⟦b⟧ c⟧</p>'
    assert list(bare(Page(good))) == []  # type: ignore[arg-type]
    for bad in ("<p>Hello</p>", '<a title="Hello">⟦x⟧</a>', '<input placeholder="Find">', "<p>⟦x⟧ and more</p>"):
        assert list(bare(Page(bad))), bad  # type: ignore[arg-type]


def test_the_other_made_up_language_is_written_from_right_to_left(house: House) -> None:
    page = house.browser(HTTP_ACCEPT_LANGUAGE="ar-XB").get("/")
    assert page.html.html["dir"] == "rtl"
    assert page.html.html["lang"] == "ar-XB"
    assert "⟦" in page.html.main.text


POSTS: tuple[tuple[str | None, str, dict[str, Any]], ...] = (
    (None, "/account/login/", {"name": "ann", "password": "wrong"}),
    (None, "/account/login/", {"name": "", "password": ""}),
    (None, "/account/forgotten/", {"email": ""}),
    (None, "/report/", {}),
    ("ann", "/account/password/", {"old": "x", "password": "y", "again": "z"}),
    ("ann", "/account/tokens/", {}),
    ("ann", "/account/confirm/", {"password": "x"}),
    ("ann", "/account/factors/app/", {"code": "1"}),
    ("ann", "/manage/project/spam/people/remove/", {"user": "nobody-here"}),
    ("ann", "/manage/project/spam/deprecate/", {"reason": ""}),
    ("root", "/admin/review/1/quarantine/", {"reason": ""}),
    ("root", "/admin/review/1/release/", {}),
    ("root", "/admin/projects/quarantine/", {"project": "", "reason": ""}),
    ("root", "/admin/checks/obfuscated-code/state/", {}),
)


def test_no_refused_form_has_a_word_outside_the_catalogues(house: House) -> None:
    paths(house)
    wrong = []
    for name, address, fields in POSTS:
        visitor = browser(house, name)
        form = visitor.get("/account/login/" if name is None else "/account/", expect_errors=True)
        secret = form.html.find("input", {"name": "csrf"})
        assert secret is not None
        page = visitor.post(address, {"csrf": secret["value"]} | fields, expect_errors=True)
        assert page.status_int not in (404, 405), address
        if page.content_type == "text/html" and page.status_int != 303:
            wrong += [f"{address}: {text}" for text in bare(page)]
    assert wrong == []


@pytest.mark.parametrize("kind", samples.names())
def test_no_mail_has_a_word_outside_the_catalogues(kind: str) -> None:
    made = samples.sample(kind, "en_XA", samples.settings("Bonded", "http://localhost/"))
    assert "⟦" in made.subject

    class Page:
        text = made.html

    assert list(bare(Page())) == []  # type: ignore[arg-type]
    body = re.sub(r"⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧", " ", made.text)
    for line in body.splitlines():
        words = line.partition(":")[0] if ":" in line else line
        assert "Hello" not in words
        assert not re.search(r"\b(the|your|was|is|not|and)\b", words), line
