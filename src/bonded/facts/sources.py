"""The Python members of one archive. Of those that were known without unpacking them, the text comes when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping


class Sources(Mapping[str, bytes]):
    """Contents by path."""

    def __init__(self) -> None:
        self._here: dict[str, bytes] = {}
        self._later: dict[str, Callable[[], bytes]] = {}
        self.sizes: dict[str, int] = {}
        """Bytes of each; asking for them unpacks nothing."""

    def put(self, path: str, data: bytes) -> None:
        """Add a member that is here."""
        self.sizes[path] = len(data)
        self._here[path] = data
        self._later.pop(path, None)

    def put_later(self, path: str, size: int, later: Callable[[], bytes]) -> None:
        """Add a member of `size` bytes that `later` unpacks."""
        self.sizes[path] = size
        self._later[path] = later
        self._here.pop(path, None)

    def __getitem__(self, path: str) -> bytes:
        found = self._here.get(path)
        if found is None:
            found = self._here[path] = self._later[path]()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def __contains__(self, path: object) -> bool:
        return path in self.sizes
