"""A part of what a statement finds: so many rows after the first so many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Select

S = TypeVar("S", bound="Select[*tuple[object, ...]]")


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` rows after the first `offset`."""

    limit: int
    offset: int = 0


def within(query: S, some: Window | None) -> S:
    """`query`, or so much of it as the window shows."""
    return query if some is None else query.limit(some.limit).offset(some.offset)
