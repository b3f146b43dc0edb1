"""Pages, files and `.metadata` files: fetched, verified against what is signed of them, put into the tree or taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from urllib.parse import quote

from tuf.api import exceptions

from bonded_client.mirror_fetch import GoneError, Workers
from bonded_client.mirror_roles import Roles
from bonded_client.mirror_round import Fact, Round
from bonded_client.mirror_tree import Tree, digest, hashed
from bonded_client.page import LARGEST_METADATA


class Objects:
    """Of the index at `url`; what is done is counted in `done`."""

    def __init__(
        self, url: str, tree: Tree, workers: Workers, roles: Roles, done: Round, progress: Callable[[str], None]
    ) -> None:
        self._url, self._tree, self._workers, self._roles = url, tree, workers, roles
        self.done, self._progress = done, progress
        self._absent: dict[str, Fact] = dict(tree.recall("absent") or {})

    def withdraw(self, path: str, old: Fact | None) -> None:
        """Delete a file that is not listed any more, in all its places; `old` is what was signed of it."""
        gone = [self._tree.delete(name) for name in (path, f"{path}.metadata")]
        if old is not None:
            gone.append(self._tree.delete(hashed(path, old[1])))
        if any(gone):
            self.done.withdrawn.append(path)

    def page(self, item: tuple[str, Fact]) -> int:
        """Have the page (path, what is signed of it) in the tree; returns the bytes that were fetched."""
        path, (length, sha256) = item
        name = hashed(path, sha256)
        if self._tree.has(name, sha256):
            return 0
        data = self._workers.fetch(self._url + name, length)
        if len(data) != length or digest(data) != sha256:
            raise exceptions.LengthOrHashMismatchError(name)
        self._tree.put(name, data)
        return length

    def metadata(self, item: tuple[str, str]) -> tuple[str, Fact] | None:
        """Have the `.metadata` file (name, sha256) in the tree; returns it when the index does not serve it."""
        name, sha256 = item
        if not self._tree.path(name).exists():
            try:
                self._put_metadata(name, sha256)
            except GoneError:
                return name, (0, sha256)
        return None

    def _put_metadata(self, name: str, sha256: str) -> None:
        data = self._workers.fetch(self._url + name, LARGEST_METADATA)
        if digest(data) != sha256:
            raise exceptions.LengthOrHashMismatchError(name)
        self._tree.put(name, data)

    def file(self, item: tuple[str, Fact]) -> int:
        """Have the file (path, what is signed of it) in the tree; returns the bytes that were fetched."""
        path, (length, sha256) = item
        if self._tree.has_file(path, length) and self._tree.has_file(hashed(path, sha256), length):
            return 0
        try:
            return self._receive(path, length, sha256)
        except GoneError:
            self.note_absent((path, (length, sha256)))
            return 0

    def _receive(self, path: str, length: int, sha256: str) -> int:
        name = hashed(path, sha256)
        fetched = 0
        if not self._tree.has_file(name, length):
            self._tree.receive(name, self._workers.stream(self._url + quote(path, safe="/+!~"), length), length, sha256)
            fetched = length
        self._tree.twin(name, path)
        return fetched

    def note_absent(self, missing: tuple[str, Fact] | None) -> None:
        """A file that the index lists and does not serve: it withdraws bytes before it signs that they are gone."""
        if missing is not None:
            self._absent[missing[0]] = missing[1]

    def retry_absent(self) -> None:
        """Ask again for what the index listed and did not serve, as far as it still lists it."""
        for name, (length, sha256) in list(self._absent.items()):
            path = name.removesuffix(".metadata")
            listed = self._roles.listed(path)
            if listed is None or (name == path and listed != (length, sha256)):
                del self._absent[name]
                continue
            with suppress(GoneError):
                if name == path:
                    self._receive(name, length, sha256)
                else:
                    self._put_metadata(name, sha256)
                del self._absent[name]
        self._tree.keep("absent", self._absent or None)
        self.done.absent = sorted(self._absent)

    def count(self, lengths: Iterable[int], what: str) -> None:
        """Count what was fetched, by its lengths, as `what` of the round."""
        for length in lengths:
            if length:
                setattr(self.done, what, getattr(self.done, what) + 1)
                self.done.bytes += length
                self._progress(
                    f"publication {self._roles.state.number}: {self.done.pages} pages, {self.done.files} files, "
                    f"{self.done.bytes / 1e6:.1f} MB"
                )
