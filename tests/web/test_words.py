"""How pages write hostile text, sizes, times and code; where they may lead."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from bonded.web.admin.code import LONGEST_LINE, MOST_CHARACTERS, lines
from bonded.web.public.about import about, web_address
from bonded.web.safe import local_path, with_part
from bonded.web.words import coded, paragraphs, size, strange, time_tag, visible

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "char", ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\u2028", "\u00ad", "\u3164", "\ue000"]
)
def test_what_nobody_sees_is_shown(char: str) -> None:
    html = visible(f"a{char}b")
    assert char not in html
    assert f"U+{ord(char):04X}" in html


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    for text in ("plain", "naïve café", "Ελληνικά", "日本語", "עברית", "emoji 🎉", "tab\tand\nline"):
        assert visible(text) == text


@given(st.text())
def test_visible_text_is_escaped_and_holds_nothing_strange(text: str) -> None:
    html = visible(text)
    assert isinstance(html, Markup)
    assert not any(strange(char) for char in html)
    for char in ("<script", "\u202e", "\x00"):
        assert char not in html.replace('<span class="mark"', "")
    assert all(unicodedata.category(c) not in ("Cc", "Cf") or c in "\n\t" for c in html)


def test_sizes() -> None:
    assert [size(n, "en") for n in (0, 999, 1000, 12_345, 1_500_000, 5_000_000_000_000)] == [
        "0 B", "999 B", "1 kB", "12.3 kB", "1.5 MB", "5,000 GB"
    ]  # fmt: skip
    assert size(12_345, "de") == "12,3 kB"


def test_docstrings_are_shown_as_their_writers_meant_them() -> None:
    text = "It hides\nsomething.\n\n**Why.** `exec` runs **2** & <b>.\n"
    assert paragraphs(text) == (
        "<p>It hides something.</p>\n"
        '<p><strong>Why.</strong> <code translate="no">exec</code> runs <strong>2</strong> &amp; &lt;b&gt;.</p>'
    )


def test_times_say_how_long_ago_and_exactly_when() -> None:
    tag = time_tag(NOW - timedelta(hours=3), "en", NOW)
    assert tag == '<time datetime="2026-01-05T09:00:00.000000Z" title="2026-01-05 09:00:00 UTC">3 hours ago</time>'
    assert "Dec 1, 2025" in time_tag(datetime(2025, 12, 1, tzinfo=UTC), "en", NOW)
    assert "Feb 1, 2026" in time_tag(datetime(2026, 2, 1, tzinfo=UTC), "en", NOW)
    assert "1 second ago" in time_tag(NOW, "en", NOW)
    assert time_tag(None, "en", NOW) == "–"


@given(st.text(max_size=30))
def test_no_path_leads_off_the_site(path: str) -> None:
    safe = local_path(path)
    assert safe.startswith("/")
    assert not safe.startswith(("//", "/\\"))
    assert not any(c <= " " for c in safe)
    assert safe.isascii()
    assert safe.isprintable()


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("/a?b=%2F&c=d+e#f[1]", "/a?b=%2F&c=d+e#f[1]"),
        ("/search/?q=żółw", "/search/?q=%C5%BC%C3%B3%C5%82w"),
        ("/\x7f", "/%7F"),
    ],
)
def test_a_path_goes_into_a_header_as_it_is_or_encoded(path: str, safe: str) -> None:
    assert local_path(path) == safe


def test_code_keeps_every_line_and_marks_the_hits() -> None:
    source = "def f():\n    '''two\n    lines'''\n\n    return 1\n"
    found = lines(source, path="x.py", first=7, hits={8, 9})
    assert [line.number for line in found] == [7, 8, 9, 10, 11]
    assert [line.hit for line in found] == [False, True, True, False, False]
    assert '<span class="k">def</span>' in found[0].html
    assert '<span class="s">' in found[1].html
    assert '<span class="s">' in found[2].html


@given(st.text(max_size=300), st.sampled_from(["a.py", "a.sh", "a.json", "a.txt", "a", "a.ps1"]))
def test_code_of_any_kind_is_escaped(text: str, path: str) -> None:
    for line in lines(text, path=path, first=1, hits=()):
        plain = line.html.replace("<span", "").replace("</span>", "")
        assert "<" not in plain
        assert not any(strange(char) for char in plain)


def test_long_code_is_cut_and_says_so() -> None:
    found = lines("x" * (LONGEST_LINE + 7) + "\n", path="a.py", first=1, hits=())
    assert "7 more characters" in found[0].html
    found = lines("x\n" * MOST_CHARACTERS, path="a.py", first=1, hits=())
    assert f"{MOST_CHARACTERS} more characters" in found[-1].html


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//x", "http://", "https://a b", "ftp://x", "http://[", "https://x\n"],
)
def test_addresses_that_pages_do_not_link_to(url: str) -> None:
    assert not web_address(url)


@given(
    st.dictionaries(
        st.sampled_from(
            ["summary", "description", "description_content_type", "project_urls", "classifiers", "author"]
        ),
        st.none() | st.integers() | st.text() | st.lists(st.text() | st.none()) | st.dictionaries(st.text(), st.text()),
    )
)
def test_metadata_of_any_shape_can_be_shown(metadata: dict[str, object]) -> None:
    shown = about(metadata)
    assert all(web_address(url) for _, url in shown.links)


def test_a_part_of_a_path_is_replaced_whatever_it_holds() -> None:
    assert with_part("/project/Sp%20am/1.0/", 1, "sp-am") == "/project/sp-am/1.0/"
    assert with_part("/project/%3Cb%3E/", 1, "<b>") == "/project/%3Cb%3E/"
    assert with_part("/project/a/a/", 1, "b/c") == "/project/b%2Fc/a/"


def test_commands_in_a_text_are_code_and_nothing_else_is_markup() -> None:
    assert coded("`a <b>` shows it, `c` ends it.") == Markup(
        '<code translate="no">a &lt;b&gt;</code> shows it, <code translate="no">c</code> ends it.'
    )
    assert coded("no <b> here") == Markup("no &lt;b&gt; here")
    assert coded("one ` alone") == Markup("one ` alone")
