"""How many rows of the database a piece of work takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.engine.cursor import CursorFetchStrategy


class Taken:
    """The rows so far."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def rows_taken() -> Iterator[Taken]:
    """Counts the rows that come from the database within, on whatever connection."""
    taken = Taken()

    def one(plain: Any) -> Any:
        def fetch(*args: Any, **options: Any) -> Any:
            row = plain(*args, **options)
            taken.count += row is not None
            return row

        return fetch

    def several(plain: Any) -> Any:
        def fetch(*args: Any, **options: Any) -> Any:
            rows = plain(*args, **options)
            taken.count += len(rows)
            return rows

        return fetch

    strategy = CursorFetchStrategy
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strategy, "fetchone", one(strategy.fetchone))
        patch.setattr(strategy, "fetchmany", several(strategy.fetchmany))
        patch.setattr(strategy, "fetchall", several(strategy.fetchall))
        yield taken
