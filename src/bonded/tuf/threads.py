"""Doing one thing to many objects: in order for a few, in several threads for a large publication; and what sharing them
with other processes looks like (`hands`)."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
FEW = 64
"""Up to so many objects, threads cost more than they save."""
SHARE = 32
"""Objects that a thread has at a time."""
LARGE, LARGE_AT_ONCE = 2 * 1024 * 1024, 4
"""Bytes from which on an object is a large one, and how many of these are on their way at once from or to a store that is
elsewhere: they are in memory meanwhile."""


class Each(Protocol):
    """`map`, perhaps in threads: results in order, the first error raised."""

    def __call__(self, do: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]: ...


Objects = list[tuple[str, bytes]]
"""Names and bytes of objects to put."""
Make = Callable[[Sequence[T]], tuple[list[R], Objects]]
"""Some items -> one fact for each, in order, and the objects that were made of them."""


class Share(Protocol):
    """Making something of many items: perhaps in several processes, each of which keeps the objects that it made."""

    def __call__(self, make: Make[T, R], items: Sequence[T], /) -> tuple[list[R], Objects]: ...


def alone(make: Make[T, R], items: Sequence[T], /) -> tuple[list[R], Objects]:
    """All of it here."""
    return make(items)


def in_order(do: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
    """One after the other."""
    return [do(item) for item in items]


@contextmanager
def several(writers: int, at_once: int = 1) -> Iterator[Each]:
    """An Each that uses up to `writers` threads for more than a few items; they end with the `with`.

    Where what is done waits for a store that is elsewhere, `at_once` says how many waits are worth while side by side: then each
    item has a thread. What begins another Each of these must not run in one.
    """
    few, together = (1, 1) if at_once > 1 else (FEW, SHARE)
    with ThreadPoolExecutor(max(1, writers, at_once), thread_name_prefix="publish") as pool:

        def each(do: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
            if (writers <= 1 and at_once <= 1) or len(items) <= few:
                return in_order(do, items)
            parts = pool.map(lambda share: in_order(do, share), shares(items, together))
            return [result for part in parts for result in part]

        yield each


def ahead(do: Callable[[T], R], items: Iterable[T], at_once: int) -> Iterator[R]:
    """`do` of each of `items`, however many, in their order; up to `at_once` of them (`Storage.at_once`) are done side by side.

    `items` are asked for here, as room is for them; `do` runs in threads unless `at_once` is 1. The first error is raised in
    its turn. Those that have begun by then, or when nobody asks for more, are waited for.
    """
    if at_once <= 1:
        yield from map(do, items)
        return
    begun: deque[Future[R]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="ahead") as pool:
        try:
            for item in items:
                begun.append(pool.submit(do, item))
                if len(begun) == at_once:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for one in begun:
                one.cancel()


def few_large(do: Callable[[T], R], size: Callable[[T], int]) -> Callable[[T], R]:
    """`do` for threads: a few of them at a time do it to something of more than `LARGE` bytes, the others wait their turn."""
    room = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def one(item: T) -> R:
        with room if size(item) > LARGE else nullcontext():
            return do(item)

    return one


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: a large publication makes a million objects, and next to none of them refer to each other
    in a circle; looking at all of them again and again takes a twentieth of its time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def shares(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` in parts of `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
