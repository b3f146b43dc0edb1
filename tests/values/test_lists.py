"""Lists as languages write them."""

from __future__ import annotations

import pytest

from bonded.values.languages import LANGUAGES
from bonded.values.lists import between, listed


@pytest.mark.parametrize(
    ("language", "two", "four"),
    [
        ("en", "a and b", "a, b, c, and d"),
        ("de", "a und b", "a, b, c und d"),
        ("ar", "a وb", "a وb وc وd"),
        ("ja", "a、b", "a、b、c、d"),
        ("zh_Hans", "a和b", "a、b、c和d"),
        ("en_XA", "a, b", "a, b, c, d"),
    ],
)
def test_a_list_has_the_comma_and_the_word_of_its_language(language: str, two: str, four: str) -> None:
    assert [listed("abcd"[:count], language) for count in (0, 1, 2, 4)] == ["", "a", two, four]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_something_between_and_nothing_around(language: str) -> None:
    for count in range(2, 6):
        assert len(between(count, language)) == count - 1
        assert all(between(count, language))
    assert listed(["{0}", "\0", "{1}"], language).startswith("{0}")
