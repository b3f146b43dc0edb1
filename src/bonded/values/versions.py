"""The order of versions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version


@lru_cache(maxsize=16_384)
def version_order(version: str) -> tuple[int, Any, str]:
    """A sort key: valid versions in the order of PEP 440, after whatever is no version, by its text."""
    try:
        return (1, Version(version), version)
    except InvalidVersion:
        return (0, 0, version)
