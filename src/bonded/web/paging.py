"""Lists a page at a time: `?page=` counts from 1, and one beyond the end is the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bonded.web.forms import whole
from bonded.web.request import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What one page shows; `at` of `last` pages, for the macro `pages`."""

    shown: Sequence[T]
    at: int
    last: int


def page_of(request: Request, every: Sequence[T], at_once: int) -> Page[T]:
    """The page that is asked for. Raises Refusal (bad-form)."""
    last = max(1, -(-len(every) // at_once))
    at = min(whole(request.params.get("page") or "1", least=1, most=100_000), last)
    return Page(every[(at - 1) * at_once : at * at_once], at, last)
