"""Bars of a chart, as numbers that a template draws: no script, no styles in the page, nothing that a screen reader needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
STEP = 10
BAR = 8
LEAST = 2
"""Height of the smallest bar that is not nothing."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the units of the drawing, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """`width` and `height` are the view box; `most` is the value of the highest bar."""

    width: int
    height: int
    most: int
    bars: tuple[Bar, ...]


def chart(values: Sequence[int]) -> Chart:
    """Bars for `values` (none below 0), in order; a value of 0 has no bar."""
    most = max(values, default=0)
    drawn = [(at, max(LEAST, round(value * HEIGHT / most))) for at, value in enumerate(values) if value > 0]
    bars = tuple(Bar(at * STEP + (STEP - BAR) // 2, HEIGHT - high, BAR, high) for at, high in drawn)
    return Chart(len(values) * STEP, HEIGHT, most, bars)
