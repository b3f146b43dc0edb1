"""Which bins are due for a new expiry, and what is in them by the rows: a rolling audit of everything signed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from bonded.tuf.base import Base
from bonded.tuf.binfile import Target
from bonded.tuf.context import TufSettings
from bonded.tuf.roles import Layout
from bonded.tuf.tables import bin_table, target

TAKE = 0.5
"""A bin is taken along when less than this share of the lifetime remains."""
START = 0.45
"""An idle publisher begins a renewal when the oldest has less than this; so many are renewed at once."""
URGENT = 0.35
"""A busy publisher renews between user changes only below this."""
POINTER = 0.6
"""Timestamp and snapshot are signed anew below this: their margin is never under half."""


def due_bins(conn: Connection, layout: Layout, settings: TufSettings, now: datetime, *, busy: bool) -> set[str]:
    """Names of the bins to renew in this publication, oldest first, at most a slice; empty when it can wait.

    Rows of other generations, which nobody renews, must not stand in the way of those that somebody reads.
    """
    c = bin_table.c
    prefixes = tuple(bins.prefix for bins in layout.sets())
    oldest = conn.execute(_oldest(prefixes)).scalar_one_or_none()
    if oldest is None or oldest >= now + settings.lifetime * (URGENT if busy else START):
        return set()
    query = select(c.name).where(_ours(prefixes), c.expires < now + settings.lifetime * TAKE)
    return set(conn.execute(query.order_by(c.expires).limit(settings.refresh_slice)).scalars())


def _ours(prefixes: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(bin_table.c.name.startswith(f"{prefix}-") for prefix in prefixes))


@lru_cache(maxsize=4)
def _oldest(prefixes: tuple[str, ...]) -> Select[Any]:
    """Built once for each layout, since every publication asks."""
    return select(bin_table.c.expires).where(_ours(prefixes)).order_by(bin_table.c.expires).limit(1)


def pointer_due(base: Base, settings: TufSettings, now: datetime) -> bool:
    """Whether timestamp and snapshot must be signed anew although nothing changed."""
    return base.expires - now < settings.lifetime * POINTER


def rows_of(conn: Connection, layout: Layout, roles: Iterable[str]) -> dict[str, dict[str, Target]]:
    """Every target of each of `roles`, by the rows."""
    found: dict[str, dict[str, Target]] = {}
    for role in roles:
        first, last = layout.set_of(role).span(role)
        prefix = layout.prefix_of(role)
        rows = conn.execute(
            select(target.c.path, target.c.sha256, target.c.length).where(target.c.hash32.between(first, last))
        ).all()
        found[role] = {path: Target(sha256, length) for path, sha256, length in rows if path.startswith(prefix)}
    return found
