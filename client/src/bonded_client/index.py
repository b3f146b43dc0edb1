"""Where an index keeps things, and where this client keeps what it has learnt about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit


@dataclass(frozen=True, slots=True)
class Index:
    """An index by its root address, which ends in '/'."""

    url: str

    @classmethod
    def at(cls, address: str) -> Index:
        """The index at `address`; the address of its simple API is understood too.

        Raises ValueError unless it is an http or https address without query, fragment or credentials.
        """
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{address!r} is not an http or https address")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError(f"{address!r} has a query, a fragment or a password in it")
        url = address.rstrip("/") + "/"
        return cls(url.removesuffix("simple/"))

    @property
    def metadata(self) -> str:
        return urljoin(self.url, "metadata/")

    @property
    def timestamp(self) -> str:
        return urljoin(self.metadata, "timestamp.json")

    def page(self, project: str) -> str:
        """The address of the plain page of `project` (normalized), against which its links are resolved."""
        return urljoin(self.url, f"simple/{project}/")

    def folder(self, cache: Path) -> Path:
        """The folder under `cache` for this index: one for each address, whatever root it is verified from.

        What was seen of an index must outlive a newer root.json handed to the command, or rollback would go unseen.
        """
        return cache / hashlib.sha256(self.url.encode()).hexdigest()[:32]
