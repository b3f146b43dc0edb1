"""Lists a page at a time: `?page=` counts from 1, and one beyond the end is the last.

Where a page has several lists, each has a name of its own in the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bonded.db.window import Window
from bonded.web.forms import whole
from bonded.web.request import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What one page shows; `at` of `last` pages, for the macro `pages`."""

    shown: Sequence[T]
    at: int
    last: int


def place(request: Request, count: int, at_once: int, name: str = "page") -> tuple[int, int]:
    """(number of the page that is asked for, number of the last) where there are `count` of them. Raises Refusal (bad-form)."""
    last = max(1, -(-count // at_once))
    return min(whole(request.params.get(name) or "1", least=1, most=100_000), last), last


def page_of(request: Request, every: Sequence[T], at_once: int, name: str = "page") -> Page[T]:
    """The page that is asked for. Raises Refusal (bad-form)."""
    at, last = place(request, len(every), at_once, name)
    return Page(every[(at - 1) * at_once : at * at_once], at, last)


def page_by(
    request: Request, count: int, at_once: int, read: Callable[[Window], Sequence[T]], name: str = "page"
) -> Page[T]:
    """The page that is asked for, of `count` that `read` reads some of. Raises Refusal (bad-form)."""
    at, last = place(request, count, at_once, name)
    return Page(read(Window(at_once, (at - 1) * at_once)), at, last)
