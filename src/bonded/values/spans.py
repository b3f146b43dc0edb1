"""Lengths of time in the words of a language."""

from __future__ import annotations

from datetime import timedelta

from babel.dates import format_timedelta
from babel.units import format_unit


def span(time: timedelta, language: str) -> str:
    """A length of time in words: "3 hours"; under ten seconds with a decimal."""
    seconds = time.total_seconds()
    if seconds < 10:
        return format_unit(round(seconds, 1), "second", locale=language)
    return format_timedelta(time, locale=language, threshold=1.5)
