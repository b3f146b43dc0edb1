"""Decisions of people that were not taken back: an undo is an act of its own, and after it, what stood before stands again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar


class Row(Protocol):
    """A decision as the journal has it: its facts name the act that it belongs to (`decision`) or takes back (`undo`)."""

    @property
    def facts(self) -> Mapping[str, Any]: ...


R = TypeVar("R", bound=Row)


def standing(rows: Iterable[R]) -> list[R]:
    """Those of `rows` that were not taken back, without those that take back, in their order. Pure."""
    every = list(rows)
    undone = {one.facts["undo"] for one in every if one.facts.get("undo")}
    return [one for one in every if not one.facts.get("undo") and one.facts.get("decision") not in undone]
