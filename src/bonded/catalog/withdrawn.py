"""Findings of checks that are wiped out: withdrawn from every view, not destroyed. What was decided on them stands."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from bonded.catalog.tables import check_state

INSTEAD = "its reasons were withdrawn with the check that found them"
"""What is shown where the top reason of a case was that of such a check."""


def withdrawn_checks(conn: Connection) -> frozenset[str]:
    """Names of the checks whose findings nobody is shown."""
    return frozenset(conn.execute(select(check_state.c.check).where(check_state.c.state == "wiped_out")).scalars())


def is_shown(words: str, withdrawn: frozenset[str]) -> bool:
    """Whether a term of a verdict, which begins with the name of its check, may be shown. Pure."""
    return words.partition(": ")[0] not in withdrawn


def shown_terms(terms: Iterable[tuple[str, float]], withdrawn: frozenset[str]) -> tuple[tuple[str, float], ...]:
    """The terms of a verdict that may be shown. Pure."""
    return tuple((words, weight) for words, weight in terms if is_shown(words, withdrawn))


def shown_headline(words: str, withdrawn: frozenset[str]) -> str:
    """The headline of a case as it may be shown. Pure."""
    return words if is_shown(words, withdrawn) else INSTEAD
