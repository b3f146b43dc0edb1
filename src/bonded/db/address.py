"""Addresses of databases: which ones everybody reads alike. Pure.

SQLAlchemy and the library of PostgreSQL take an address apart by rules of their own. Where a password holds an unescaped "@" or "/",
one of them takes its end for the host and says so, and the lock is asked for at another place than the rows.
"""

from __future__ import annotations

import re

_POSTGRES = re.compile(
    r"""postgresql(?:\+psycopg)?://
    (?:[^@/?:\s]*(?::[^@/?\s]*)?@)?     # user and password
    (?:\[[^]@/?\s]+\]|[^]@/?:[\s]*)     # host
    (?::[0-9]*)?
    (?:/[^@?\s]*)?                      # name
    (?:\?[^@=&\s]+=[^@&\s]*(?:&[^@=&\s]+=[^@&\s]*)*)?""",
    re.VERBOSE,
)
_HALF_ESCAPED = re.compile("%(?![0-9A-Fa-f]{2})|%00")


def is_address(url: str) -> bool:
    """Whether `url` is the file of a SQLite, or names a PostgreSQL in a way that can be read in one way only."""
    if url.startswith("sqlite:///"):
        return True
    return _POSTGRES.fullmatch(url) is not None and _HALF_ESCAPED.search(url) is None
