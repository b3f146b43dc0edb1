"""Which lines of a script are read: the ones with a word that tells, found from the words and not line by line."""

from __future__ import annotations

import random

import pytest

from bonded.checks.commands import _WORDS, telling_lines


def line_by_line(text: str) -> list[tuple[int, str]]:
    lines = enumerate(text.split("\n"), 1)
    return [(number, line) for number, line in lines if any(word in line.lower() for word in _WORDS)]


@pytest.mark.parametrize("seed", range(5))
def test_the_same_lines_as_when_each_is_looked_at(seed: int) -> None:
    chosen = random.Random(seed)
    parts = [*_WORDS, *["\n"] * 25, "x", " ", "Bash", "nc", "NC", "\r", ""]
    for _ in range(400):
        text = "".join(chosen.choice(parts) for _ in range(chosen.randrange(25)))
        assert list(telling_lines(text)) == line_by_line(text)


def test_every_line_of_a_text_in_other_letters() -> None:
    assert [number for number, _ in telling_lines("a\n\u212aurl x\nb")] == [1, 2, 3]
