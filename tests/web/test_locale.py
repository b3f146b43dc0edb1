"""Languages: which one a reader gets, what its plurals are, and that a bad catalogue breaks nothing."""

from __future__ import annotations

import random
import shutil
import string
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from tools import catalogues, check_catalogues

from bonded.values.languages import ENOUGH, LANGUAGES, closest, is_rtl, offered
from bonded.values.translated import TRANSLATED
from bonded.values.translating import Pseudo, Spoken, fault, filled, pattern, plural_rule, pseudo, read
from bonded.web import app, render
from bonded.web.negotiate import asked, negotiated
from tests.web.house import House

ALL = tuple(code for code in LANGUAGES if code not in ("en_XA", "ar_XB"))


@pytest.mark.parametrize(
    ("stored", "cookie", "header", "language"),
    [
        (None, "", "", "en"),
        (None, "", "de", "de"),
        (None, "fr", "de", "fr"),
        ("ja", "fr", "de", "ja"),
        ("xx", "yy", "de-AT;q=0.5, fr;q=0.7", "fr"),
        (None, "", "pt-PT", "pt_BR"),
        (None, "", "zh-TW", "zh_Hant"),
        (None, "", "zh-CN", "zh_Hans"),
        (None, "", "zh-HK, en;q=0.9", "zh_Hant"),
        (None, "", "iw", "he"),
        (None, "", "*", "en"),
        (None, "", "de;q=0, fr;q=0.001", "fr"),
        (None, "", "tlh, nl;q=0.9", "en"),
        (None, "", "DE", "de"),
        (None, "../../etc", "en-XA", "en"),
    ],
)
def test_what_is_chosen_goes_before_what_is_asked_for(
    stored: str | None, cookie: str, header: str, language: str
) -> None:
    assert negotiated(ALL, stored, cookie, header) == language


def test_ten_thousand_hostile_headers_get_a_language_that_is_offered() -> None:
    pick = random.Random(7)
    pieces = ("de", "en", "zh-Hant", "*", ";q=", "0.5", "1e9", "nan", "-1", ",", ";", "=", " ", "\t", "\x00", "ÿ", "%s", "../", "q", "_",
              "a" * 300, "x-", "-", "i-klingon", "<script>", '"', "\u202e", "de-" * 60, ",,,,", "q=q=q", ";q=0.0000000000001")  # fmt: skip
    for _ in range(10_000):
        header = "".join(
            pick.choice(pieces) if pick.random() < 0.8 else pick.choice(string.printable)
            for _ in range(pick.randrange(40))
        )
        offer = tuple(pick.sample(ALL, pick.randrange(1, len(ALL))))
        found = asked(header, offer)
        assert found is None or found in offer, header
        assert negotiated(offer, header, header, header) in (*offer, "en")


def test_hostile_headers_get_a_page(house: House) -> None:
    for header in ("de;q=nan", "," * 5000, "a" * 9000, "ÿÿÿ", "%(x)s", "en-XA\t;q=1"):
        page = house.browser().get("/", headers={"Accept-Language": header.encode("latin-1").decode("latin-1")})
        assert page.html.html["lang"] == "en"
        assert {"Accept-Language", "Cookie"} <= {one.strip() for one in page.headers["Vary"].split(",")}
        assert page.headers["Content-Language"] == "en"


def test_a_visitor_chooses_and_it_stays(house: House) -> None:
    house.settings = replace(house.settings, languages=("en", "en_XA", "ar_XB"))
    house.__post_init__()
    house.person("ann")
    browser = house.browser()
    page = browser.get("/language/?next=/help/")
    assert [one["value"] for one in page.html.find_all("input", {"name": "language"})] == ["-", "en", "en_XA", "ar_XB"]
    form = next(form for form in page.forms.values() if "language" in form.fields)
    form["language"] = "ar_XB"
    page = form.submit(status=303)
    assert page.headers["Location"].endswith("/help/")
    assert browser.get("/").html.html["lang"] == "ar-XB"
    house.login("ann", browser)
    page = browser.get("/language/?next=//example.invalid/")
    form = next(form for form in page.forms.values() if "language" in form.fields)
    form["language"] = "en"
    page = form.submit(status=303)
    assert page.headers["Location"] == "http://localhost/"
    assert house.login("ann").get("/", headers={"Accept-Language": "en-XA"}).html.html["lang"] == "en", (
        "kept with the account"
    )
    bad = browser.post("/language/", {"csrf": page.request.POST["csrf"], "language": "tlh"}, expect_errors=True)
    assert bad.status_int == 400


NUMBERS = (0, 1, 2, 3, 5, 11, 21, 100)
FORMS = {
    "ar": [0, 1, 2, 3, 3, 5, 5, 4],
    "pl": [2, 0, 1, 1, 2, 2, 2, 2],
    "ru": [2, 0, 1, 1, 2, 2, 0, 2],
    "ja": [0, 0, 0, 0, 0, 0, 0, 0],
    "de": [1, 0, 1, 1, 1, 1, 1, 1],
    "fr": [0, 0, 1, 1, 1, 1, 1, 1],
}
"""CLDR's classes, worked out by hand: of Arabic zero, one, two, few, other, many (gettext's order); of Polish and Russian one, few, many."""


@pytest.mark.parametrize("language", sorted(FORMS))
def test_numbers_take_the_plural_form_of_their_language(language: str) -> None:
    forms, _ = plural_rule(language)
    catalog = Catalog(locale=language)
    catalog.add(("%(n)s file", "%(n)s files"), tuple(f"form {number} of %(n)s" for number in range(forms)))
    spoken = Spoken(language, catalog)
    assert [int(spoken.ngettext("%(n)s file", "%(n)s files", n).split()[1]) for n in NUMBERS] == FORMS[language]
    assert not spoken.refused


@pytest.mark.parametrize(
    ("original", "translated", "words"),
    [
        ("Hello %(name)s", "Hallo", "placeholders"),
        ("Hello %(name)s", "Hallo %(nome)s", "placeholders"),
        ("Hello %(name)s", "Hallo %(name)d", "placeholders"),
        ("Hello", "Hallo %", "placeholders"),
        ("Hello", "Hallo %(secret)s", "placeholders"),
        ("Hello", "Hallo <script>alert(1)</script>", "has not"),
        ("Find", 'x" autofocus onfocus="alert(1)', "has not"),
        ("Hello", "&lt;b&gt;", "has not"),
        ("Hello", "Hallo \u202eolleh", "U+202E"),
        ("Hello", "  ", "empty"),
        (("%(n)s file", "%(n)s files"), ("%(n)s Datei",), "plural"),
        (("%(n)s file", "%(n)s files"), ("%(n)s", "%(n)s", "%(n)s"), "plural"),
        (("%(n)s file", "%(n)s files"), ("Datei", "%(n)s Dateien"), "placeholders"),
        ("Hello", ("a", "b"), "plural"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_translation_is_refused(
    original: str | tuple[str, ...], translated: str | tuple[str, ...], words: str
) -> None:
    assert words in fault(original, translated, 2)


def test_a_good_translation_is_not() -> None:
    assert fault("100%% of %(name)s", "%(name)s: 100 %%", 2) == ""
    assert fault(("One file", "%(n)s files"), ("Eine Datei", "%(n)s Dateien"), 2) == ""
    assert fault("Say “yes”", "Sag „ja“", 2) == ""
    assert fault("It\u2019s", "C\u2019est\u00a0: l'une", 2) == ""


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The next application reads its catalogues anew, and those after the test do not have its."""
    monkeypatch.setattr(app, "_made", [])
    return monkeypatch


BAD = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=9; plural=n/0;\\n"

msgid "Find"
msgstr "x\\" autofocus onfocus=\\"alert(1)"

msgid "Log in"
msgstr "<script>window.__ran=1</script>"

msgid "Help"
msgstr "Hilfe"

msgid "Find a project"
msgstr "%(secret)s %d %"
"""


@pytest.mark.parametrize(
    "text", [BAD, "", "\x00\xff", 'msgid "a\nmsgstr', BAD.replace("Help", "Help%(x)s")], ids=range(5)
)
def test_a_bad_catalogue_breaks_no_page(house: House, anew: pytest.MonkeyPatch, text: str) -> None:
    anew.setattr(render, "_translations", lambda language: read(text.encode("latin-1"), language))
    house.settings = replace(house.settings, languages=("en", "de"))
    house.__post_init__()
    page = house.browser().get("/", headers={"Accept-Language": "de"})
    assert page.html.html["lang"] == "de"
    assert not page.html.find_all(onfocus=True)
    assert "window.__ran" not in page
    assert "Log in" in page
    assert ("Hilfe" in page) is (text == BAD)
    assert house.browser().get("/nothing/", headers={"Accept-Language": "de"}, expect_errors=True).status_int == 404


def test_what_passed_the_judge_by_mistake_is_text_all_the_same(house: House, anew: pytest.MonkeyPatch) -> None:
    class Careless(Pseudo):
        def gettext(self, message: str) -> str:
            return f'<b onclick="x">{message}</b>'

    anew.setattr(render, "_translations", lambda language: Careless())
    house.settings = replace(house.settings, languages=("en", "de"))
    house.__post_init__()
    page = house.browser().get("/", headers={"Accept-Language": "de"})
    assert not page.html.find_all(onclick=True)
    assert "&lt;b onclick=" in page


def test_a_refusal_is_said_in_the_language_of_whoever_reads_it(house: House, anew: pytest.MonkeyPatch) -> None:
    catalog = Catalog(locale="de")
    catalog.add("There is no project %(key)s here.", "Hier gibt es kein Projekt %(key)s.", locations=[("sentences", 0)])
    anew.setattr(render, "_translations", lambda language: Spoken(language, catalog))
    house.settings = replace(house.settings, languages=("en", "de"))
    house.__post_init__()
    for accept in ("application/json", "text/plain", "text/html"):
        headers = {"Accept-Language": "de", "Accept": accept}
        page = house.browser().get("/project/nichts/", headers=headers, status=404)
        assert "Hier gibt es kein Projekt nichts." in page.text
    page = house.browser().get("/user/nobody-here/", headers={"Accept-Language": "de"}, status=404)
    assert page.html.find(lang="en").text, "what has no translation says that it is English"


def test_a_sentence_is_known_again() -> None:
    known = pattern("the file %(name)s has %(n)s lines, %(name)s!")
    assert known.fullmatch("the file a b has 7 lines, a b!")
    assert not known.fullmatch("the file a b has 7 lines, c!")
    assert filled("%(n)s %% %(x)s", {"n": "%(x)s"}) == "%(x)s % %(x)s"


def test_pseudo_text_is_longer_and_keeps_its_places() -> None:
    made = pseudo("There are %(count)s projects")
    assert made.startswith("⟦Ţĥéŕé")
    assert made.endswith("⟧")
    assert "%(count)s" in made
    assert len(made) >= 1.4 * len("There are %(count)s projects")


def test_only_what_is_nearly_whole_is_offered() -> None:
    assert offered(drafts=False) == ("en", *(code for code in offered(drafts=True)[1:] if not LANGUAGES[code].draft))
    assert offered(drafts=True, pseudo=True)[-2:] == ("en_XA", "ar_XB")
    assert offered(drafts=True, only=["en"]) == ("en",)
    for code in offered(drafts=True):
        assert min(TRANSLATED[code]) >= ENOUGH
    assert {code for code in LANGUAGES if is_rtl(code)} == {"ar", "fa", "he", "ar_XB"}
    assert closest("sr", ALL) is None
    for code in offered(drafts=True)[1:]:
        spoken = render._translations(code)
        assert isinstance(spoken, Spoken)
        assert spoken.refused == []


def test_every_language_has_its_files_and_they_are_sound() -> None:
    assert set(catalogues.translated_into()) == set(LANGUAGES) - {"en", "en_XA", "ar_XB"}
    assert len(catalogues.translated_into()) >= 16
    for domain in catalogues.DOMAINS:
        for language in catalogues.translated_into():
            assert check_catalogues.faults(domain.source(language), language) == []


def test_merging_twice_changes_nothing(tmp_path: Path) -> None:
    for domain in catalogues.DOMAINS:
        template = catalogues.read(domain.template)
        assert template is not None
        for language in ("ar", "pl", "ja"):
            once = catalogues.as_bytes(catalogues.merged(template, catalogues.read(domain.source(language)), language))
            path = tmp_path / f"{language}.po"
            path.write_bytes(once)
            assert catalogues.as_bytes(catalogues.merged(template, catalogues.read(path), language)) == once


def test_a_translation_that_is_not_needed_now_is_kept_for_later() -> None:
    template, known = Catalog(), Catalog(locale="de")
    template.add("New")
    known.add("Old", "Alt")
    made = catalogues.merged(template, known, "de")
    assert b'#~ msgid "Old"' in catalogues.as_bytes(made)
    template.add("Old")
    again = catalogues.merged(template, made, "de")
    assert again["Old"].string == "Alt"


def test_lint_refuses_bad_catalogues(tmp_path: Path) -> None:
    assert shutil.which("msgfmt")
    for name, text in {
        "places": 'msgid "Hello %(name)s"\nmsgstr "Hallo"\n',
        "script": 'msgid "Hello"\nmsgstr "<script>x</script>"\n',
        "plural": 'msgid "%(n)s file"\nmsgid_plural "%(n)s files"\nmsgstr[0] "%(n)s Datei"\n',
        "form": 'msgid "Hello\n',
    }.items():
        path = tmp_path / f"{name}.po"
        head = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        path.write_text(head + text, "utf-8")
        assert check_catalogues.faults(path, "de"), name
    good = tmp_path / "good.po"
    good.write_text(head + 'msgid "Hello %(name)s"\nmsgstr "Hallo %(name)s"\n', "utf-8")
    assert check_catalogues.faults(good, "de") == []
    with good.open("rb") as file:
        assert read_po(file, locale="de")["Hello %(name)s"].string == "Hallo %(name)s"
