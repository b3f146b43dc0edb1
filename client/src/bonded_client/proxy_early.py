"""Fetching before being asked, which saves round trips and trusts nothing: all of it is compared with what is signed.

A page's plain copy comes while the metadata that signs it is still on its way; nearly always it is the signed one. And
when an installer that asks for one thing after the other was given a file's metadata, the pages that it will ask for next
are fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from urllib.parse import urljoin

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]

from bonded_client.failures import Failure
from bonded_client.proxy_asked import HTML, V1_JSON
from bonded_client.proxy_files import Files, Guess
from bonded_client.proxy_signed import Signed

_GUESSES, _EXPECTED = 24, 8
_MOST = 64
_REMEMBERED = 50_000
_PATIENCE = 0.5


class Early:
    """For many threads."""

    def __init__(self, signed: Signed, files: Files, url: str) -> None:
        """`url` is the root address of the index."""
        self._signed, self._files, self._url = signed, files, url
        self._guessing = ThreadPoolExecutor(_GUESSES, "bonded-client-guess")
        self._expecting = ThreadPoolExecutor(_EXPECTED, "bonded-client-expect")
        self._last: dict[str, str] = {}

    def close(self) -> None:
        """End the threads."""
        for pool in (self._expecting, self._guessing):
            pool.shutdown(wait=False, cancel_futures=True)

    def target(self, path: str) -> TargetFile | None:
        """What is signed for `path`; its bytes may be among the files then. Raises Failure."""
        guess = self._begin(path)
        target = None
        try:
            target = self._signed.target(path)
        finally:
            sha256 = target.hashes.get("sha256", "") if target else ""
            if guess:
                self._end(guess, sha256)
        if sha256:
            if len(self._last) >= _REMEMBERED:
                self._last.clear()
            self._last[path] = sha256
        return target

    def _begin(self, path: str) -> Future[Guess | None] | None:
        """A guess, where metadata must be fetched to know, unless what was signed last is still here and likely right."""
        last = self._last.get(path)
        if not self._signed.is_far(path) or (last and self._files.has(last)):
            return None
        return self._guessing.submit(self._files.guess, *plain(self._url, path))

    def _end(self, guess: Future[Guess | None], sha256: str) -> None:
        def settle(done: Future[Guess | None]) -> None:
            if not done.cancelled() and done.exception() is None and (found := done.result()):
                self._files.settle(found, sha256)

        if sha256:
            wait_for([guess], _PATIENCE)
        if guess.done():
            settle(guess)
        else:
            guess.add_done_callback(settle)

    def expect(self, metadata: bytes, page: Callable[[str], object]) -> None:
        """`page(project)` for each project that a file with this METADATA needs, some time soon."""
        for name in requirements(metadata):
            if f"simple/{name}/index.json" not in self._last:
                self._expecting.submit(_quietly, page, name)


def _quietly(page: Callable[[str], object], name: str) -> None:
    with suppress(Failure):  # whoever asks for it is told
        page(name)


def plain(url: str, path: str) -> tuple[str, str]:
    """Where the plain copy of the page `path` lies in the index at `url`, and the media type to ask for. Pure.

    The same as installers ask for, so that nginx and caches have it.
    """
    folder, _, name = path.rpartition("/")
    return urljoin(url, f"{folder}/"), V1_JSON if name.endswith("json") else HTML


def requirements(metadata: bytes) -> list[str]:
    """Normalized names of what a file with this METADATA needs here and without extras, at most 64. Pure."""
    found: dict[str, None] = {}
    for line in metadata.partition(b"\n\n")[0].decode(errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.lower() == "requires-dist":
            with suppress(InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
                one = Requirement(value.strip())
                if not one.url and (one.marker is None or one.marker.evaluate({"extra": ""})):
                    found[canonicalize_name(one.name)] = None
    return list(found)[:_MOST]
