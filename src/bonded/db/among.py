"""Whether a column is one of many values, said so that hundreds of them cost no more than one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY


def among(conn: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """`column` is one of `values`. PostgreSQL takes them as one array: a statement with 400 parameters of their own costs it and
    its driver more than what is looked for. SQLite has no arrays, and binds each quickly."""
    if conn.dialect.name == "postgresql":
        return column == any_(literal(sorted(values), ARRAY(column.type)))
    return column.in_(sorted(values))
