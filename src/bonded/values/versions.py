"""The order of versions, and which texts are one version."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion, Version


@lru_cache(maxsize=16_384)
def version_order(version: str) -> tuple[int, Any, str]:
    """A sort key: valid versions in the order of PEP 440, after whatever is no version, by its text."""
    try:
        return (1, Version(version), version)
    except InvalidVersion:
        return (0, 0, version)


@lru_cache(maxsize=16_384)
def canonical(version: str) -> str:
    """One text for all ways to write a version (1.0 is 1.0.0); what is no version is itself."""
    try:
        return canonicalize_version(version)
    except ValueError:  # a number of more digits than Python takes
        return version
