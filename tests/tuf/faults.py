"""Ways to break a publication at any call: fail it, do it and report failure, kill the process, lose unsynced writes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bonded.db.engine import Database, Tx
from bonded.seams import Entry, Storage, StorageError, Stored


class Died(BaseException):
    """The process ends here: nothing of its code runs any more."""


@dataclass
class Trip:
    """Counts calls to stores and database, and breaks the call number `at` (from 1), or the `nth` one called `on`.

    `mode`: "failed" raises before the call is done, "done" after it; "die" ends the process before it; "kill" is a real
    SIGKILL; "act" calls `act` before the call, or before the first one after it that is outside a writing transaction
    (whoever is inside makes a rival wait), and goes on.
    """

    at: int = 0
    on: str = ""
    nth: int = 1
    mode: str = "failed"
    act: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list)
    hit: str = ""
    armed: bool = True
    inside: bool = False

    def call(self, name: str, do: Callable[[], Any], error: Callable[[], Exception]) -> Any:
        """Do one call, or break it."""
        if not self._now(name):
            return do()
        if self.mode == "done":
            do()
        if self.mode != "act":
            raise error()
        return do()

    def before(self, name: str, error: Callable[[], Exception]) -> bool:
        """The first half of a call in two halves; True when `after` must raise."""
        if not self._now(name):
            return False
        if self.mode == "done":
            return True
        if self.mode != "act":
            raise error()
        return False

    def _reached(self, name: str) -> bool:
        if self.on:
            return name == self.on and self.calls.count(name) == self.nth
        if self.mode == "act":
            return not self.inside and len(self.calls) >= self.at
        return len(self.calls) == self.at

    def _now(self, name: str) -> bool:
        if not self.armed:
            return False
        self.calls.append(name)
        if self.hit or not self._reached(name):
            return False
        self.hit = name
        if self.mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "die":
            raise Died
        if self.mode == "act":
            self.armed = False
            self.act()
            self.armed = True
        return True


def store_error() -> Exception:
    return StorageError("injected")


def database_error() -> Exception:
    return OperationalError("injected", None, Exception("injected"))


class FaultyStorage:
    """A store whose calls can break."""

    def __init__(self, inner: Storage, trip: Trip, *, name: str = "public", conditional: bool = True) -> None:
        self.inner, self.trip, self.name, self.conditional = inner, trip, name, conditional
        self.at_once = inner.at_once
        self.pending: set[str] = set()
        self.before: set[str] | None = None
        """What was there before other processes wrote, until a barrier covered that."""

    def _do(self, verb: str, do: Callable[[], Any]) -> Any:
        return self.trip.call(f"{self.name}.{verb}", do, store_error)

    def probe(self) -> None:
        self.inner.probe()

    def get(self, name: str) -> Stored:
        return self._do("get", lambda: self.inner.get(name))

    def read(self, name: str) -> bytes:
        return self._do("read", lambda: self.inner.read(name))

    def open(self, name: str) -> BinaryIO:
        return self._do("open", lambda: self.inner.open(name))

    def exists(self, name: str) -> bool:
        return self._do("exists", lambda: self.inner.exists(name))

    def size(self, name: str) -> int:
        return self._do("size", lambda: self.inner.size(name))

    def create(self, name: str, data: bytes | Path | BinaryIO) -> bool:
        def do() -> bool:
            made = self.inner.create(name, data)
            if made:
                self.pending.add(name)
            return made

        return self._do("create", do)

    def put(self, name: str, data: bytes) -> None:
        self._do("put", lambda: (self.pending.add(name), self.inner.put(name, data)))

    def replace(self, name: str, data: bytes, tag: str | None) -> str:
        def do() -> str:
            own = tag if self.conditional else (self.inner.get(name).tag if self.inner.exists(name) else None)
            return self.inner.replace(name, data, own)

        return self._do("replace", do)

    def copy(self, source: str, name: str) -> None:
        def do() -> None:
            new = not self.inner.exists(name)
            self.inner.copy(source, name)
            if new:
                self.pending.add(name)

        self._do("copy", do)

    def put_copy(self, source: str, name: str) -> None:
        self._do("put_copy", lambda: (self.pending.add(name), self.inner.put_copy(source, name)))

    def delete(self, name: str) -> None:
        self._do("delete", lambda: self.inner.delete(name))

    def entries(self, prefix: str) -> Iterator[Entry]:
        return self.inner.entries(prefix)

    def shared(self) -> None:
        self.before = self._names() if self.before is None else self.before
        self.inner.shared()

    def _names(self) -> set[str]:
        return {entry.name for entry in self.inner.entries("")}

    def barrier(self) -> None:
        def do() -> None:
            self.inner.barrier()
            self.pending.clear()
            self.before = None

        self._do("barrier", do)

    def lose_power(self) -> None:
        """What no barrier covered is gone, or torn: every other one each."""
        root = self.inner.root  # type: ignore[attr-defined]
        if self.before is not None:
            self.pending |= self._names() - self.before
            self.before = None
        for i, name in enumerate(sorted(self.pending)):
            path = root / name
            if not path.exists():
                continue
            kept = path.read_bytes()[:7]
            path.unlink()  # never write through a name: it may be a link to the vault's bytes
            if i % 2:
                path.write_bytes(kept)
        self.pending.clear()


class NoBarrier(FaultyStorage):
    """Planted fault: the barrier does nothing."""

    def barrier(self) -> None:
        self._do("barrier", lambda: None)


class FaultyDatabase(Database):
    """A database whose transactions, statements and commits can break."""

    def __init__(self, inner: Database, trip: Trip) -> None:
        super().__init__(inner.engine)
        self.trip = trip

    @contextmanager
    def write(self) -> Iterator[Tx]:
        self.trip.call("db.begin", lambda: None, database_error)
        raise_after = False
        self.trip.inside = True
        try:
            with self._watched(), super().write() as tx:
                yield tx
                raise_after = self.trip.before("db.commit", database_error)
        finally:
            self.trip.inside = False
        if raise_after:
            raise database_error()

    @contextmanager
    def read(self) -> Iterator[Any]:
        self.trip.call("db.read", lambda: None, database_error)
        with self._watched(), super().read() as conn:
            yield conn

    @contextmanager
    def _watched(self) -> Iterator[None]:
        late: list[bool] = []

        def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            late.append(self.trip.before(f"db.{' '.join(statement.split()[:3])}", database_error))

        def after(*_: Any) -> None:
            if late.pop():
                raise database_error()

        event.listen(self.engine, "before_cursor_execute", before)
        event.listen(self.engine, "after_cursor_execute", after)
        try:
            yield
        finally:
            event.remove(self.engine, "before_cursor_execute", before)
            event.remove(self.engine, "after_cursor_execute", after)


class NoLock:
    """Planted fault: everybody has the lock."""

    def held(self) -> AbstractContextManager[bool]:
        return nullcontext(True)


def places(calls: list[str]) -> list[tuple[str, int]]:
    """Each call as its name and how many of that name came before it, itself included: rounds differ a little in length,
    so a number alone would miss some."""
    return [(name, calls[: i + 1].count(name)) for i, name in enumerate(calls)]


def strided(calls: int, stride: int, first: int = 1) -> Iterable[int]:
    """Every `stride`-th call number."""
    return range(first, calls + 1, stride)
