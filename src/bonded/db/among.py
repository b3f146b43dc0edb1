"""Whether a column is one of many values: said so that hundreds of them cost no more than one, and thousands are taken in parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY

T = TypeVar("T")
AT_ONCE = 500
"""Values in one statement where each is bound by itself: databases take some ten thousand, and a case may have more files."""


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values`, at most AT_ONCE of them at a time."""
    return (values[at : at + AT_ONCE] for at in range(0, len(values), AT_ONCE))


def among(conn: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column` is one of `values`. PostgreSQL takes them as one array: a statement with 400 parameters of their own costs it and
    its driver more than what is looked for. SQLite has no arrays, and binds each quickly."""
    if conn.dialect.name == "postgresql":
        return column == any_(literal(sorted(values), ARRAY(column.type)))
    return column.in_(sorted(values))
