"""Decisions of people that were not taken back: an undo is an act of its own, and after it, what stood before stands again. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

R = TypeVar("R")


def acts(row: Any) -> tuple[str, str]:
    """Of a row of the journal: which act it belongs to, and which act it takes back; "" for none."""
    return str(row.facts.get("decision", "")), str(row.facts.get("undo", ""))


def standing(rows: Iterable[R], of: Callable[[R], tuple[str, str]] = acts) -> list[R]:
    """Those of `rows` that were not taken back, without those that take back, in their order. `of` is `acts` for other rows."""
    every = [(one, *of(one)) for one in rows]
    undone = {undoes for _, _, undoes in every if undoes}
    return [one for one, decision, undoes in every if not undoes and not (decision and decision in undone)]
