"""Hands: processes that do their share of a large publication beside the publisher, so that more than one core is used.

A hand is forked when there is work to share, so it has all of it already; it makes its share, answers with the facts, keeps
the bytes, and puts them when it is told that the number is open. It never flips, settles, or touches the database. Whatever a
hand fails at before that, the publisher does itself; a hand that fails at putting burns the number, like any other failure.
What hands write is durable when the publisher's own barrier says so: one flush is for all of them.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, NoReturn, TypeVar

import structlog

from bonded.seams import OtherBytes, StorageError
from bonded.tuf.threads import Make, Objects

T = TypeVar("T")
R = TypeVar("R")
LEAST = 256
"""Up to so many items a fork costs more than it saves."""

log = structlog.get_logger("bonded.publisher")


@dataclass(frozen=True, slots=True)
class Store:
    """What a hand does when it is told: `expose` one thing, and `put` its objects. The publisher calls `shared` before it tells
    them, so that its barrier is for what they write, too."""

    expose: Callable[[Any], None]
    put: Callable[[Objects], None]
    shared: Callable[[], None]


@dataclass(slots=True)
class _Hand:
    """One forked process; `ok` until it failed."""

    pid: int
    pipe: Connection
    ok: bool = True
    kept: bool = False
    """It holds objects that nobody else has."""

    def ask(self, *words: Any) -> None:
        with contextlib.suppress(OSError):  # it ended: so says the answer
            self.pipe.send(words)

    def answer(self) -> tuple[str, Any]:
        """("ok", what it says), ("other", why) for other bytes under a name, ("failed", why)."""
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):
            kind, value = "failed", "a process of this publication ended"
        self.ok = kind == "ok"
        return kind, value


class Hands:
    """Up to `count` processes for each share of at least `least` items; made and ended by `hands`."""

    def __init__(self, count: int, store: Store, least: int) -> None:
        self._count, self._store, self._least = count, store, least
        self._hands: list[_Hand] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._hands)

    def share(self, make: Make[T, R], items: Sequence[T], /) -> tuple[list[R], Objects]:
        """What `make` makes of `items`, one fact of each in their order; the objects are those made here, the others stay
        where they were made."""
        if not self._count or len(items) < self._least:
            return make(items)
        own, *others = _parts(items, self._count + 1)
        forked = [(part, self._fork(make, part)) for part in others]
        facts, objects = make(own)
        made = [facts]
        for part, hand in forked:
            value: Any = hand.answer()[1] if hand is not None else "no process could be started"
            if hand is not None and hand.ok:
                hand.kept = True
                made.append(value)
                continue
            # Whatever it was, it happens again here, and is raised as what it is.
            log.warning("a share is done by the publisher itself", reason=value)
            facts, more = make(part)
            made.append(facts)
            objects += more
        return _together(made), objects

    def expose(self, items: Sequence[Any]) -> None:
        """`Store.expose` for each of `items`, here and by the hands. Raises what it raises."""
        hands = [hand for hand in self._hands if hand.ok] if len(items) >= self._least else []
        own, *others = _parts(items, len(hands) + 1)
        if hands:
            self._store.shared()
        for hand, part in zip(hands, others, strict=True):
            hand.ask("expose", part)
        for item in own:
            self._store.expose(item)
        for hand, part in zip(hands, others, strict=True):
            if hand.answer()[0] != "ok":
                for item in part:
                    self._store.expose(item)

    @contextmanager
    def putting(self) -> Iterator[None]:
        """All hands put what they hold while the caller does.

        Raises OtherBytes, StorageError (unknown what was written).
        """
        hands = [hand for hand in self._hands if hand.kept or hand.ok]
        if hands:
            self._store.shared()
        for hand in hands:
            hand.ask("put", None)
        yield
        for kind, value in [hand.answer() for hand in hands]:
            if kind == "other":
                raise OtherBytes(value)
            if kind != "ok":
                raise StorageError(value)

    def _fork(self, make: Make[T, R], part: Sequence[T]) -> _Hand | None:
        ours, theirs = Pipe()
        try:
            pid = os.fork()
        except OSError as error:
            log.warning("no process could be started", reason=str(error))
            ours.close()
            theirs.close()
            return None
        if pid == 0:
            _live(theirs, [ours, *(hand.pipe for hand in self._hands)], lambda: make(part), self._store)
        theirs.close()
        self._hands.append(_Hand(pid, ours))
        return self._hands[-1]

    def dismiss(self) -> None:
        """Tell all hands that nothing more comes; they go while the publisher goes on."""
        for hand in self._hands:
            hand.pipe.close()

    def end(self) -> None:
        """Let all hands go, and wait until they are gone."""
        self.dismiss()
        for hand in self._hands:
            _wait(hand.pid)
        self._hands = []


@contextmanager
def hands(count: int, store: Store, least: int = LEAST) -> Iterator[Hands]:
    """Hands that are gone at the end of the `with`."""
    made = Hands(count, store, least)
    try:
        yield made
    finally:
        made.end()


def _parts(items: Sequence[T], count: int) -> list[Sequence[T]]:
    """`items` dealt out like cards: what costs most, such as bins of files, stands together in them."""
    return [items[first::count] for first in range(count)]


def _together(parts: Sequence[Sequence[T]]) -> list[T]:
    """What was dealt out, in its order again. Raises ValueError when a part has lost something."""
    whole: list[Any] = [None] * sum(map(len, parts))
    for first, part in enumerate(parts):
        whole[first :: len(parts)] = part
    return whole


def _wait(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # somebody else waited for it
        os.waitpid(pid, 0)


def _live(
    pipe: Connection, others: Sequence[Connection], make: Callable[[], tuple[Any, Objects]], store: Store
) -> NoReturn:
    """The whole life of a hand; never returns. It ends when nobody holds the other end of its pipe."""
    try:
        gc.disable()  # it would touch, and so copy, everything that is shared with the publisher
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the publisher decides: it finishes what it began
        for other in others:
            other.close()
        facts, objects = make()
        pipe.send(("ok", facts))
        while True:
            word, value = pipe.recv()
            pipe.send(_obey(word, value, objects, store))
    except EOFError:
        os._exit(0)
    except BaseException as error:
        with contextlib.suppress(Exception):
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
        os._exit(1)


def _obey(word: str, value: Any, objects: Objects, store: Store) -> tuple[str, str]:
    try:
        if word == "expose":
            for item in value:
                store.expose(item)
        else:
            store.put(objects)
    except OtherBytes as error:
        return "other", str(error)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    return "ok", ""
