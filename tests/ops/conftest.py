"""A whole small index on each database (see tests/tuf_ops/index.py)."""

from tests.tuf_ops.conftest import index, sqlite_index

__all__ = ["index", "sqlite_index"]
