"""What an index has signed: python-tuf's updater, begun again when its snapshot is old or gone.

python-tuf does all verification, through its public interface only. Added here: an older but valid timestamp is no news
(two caches may be one version apart), a snapshot is not held for long, and a 404 means that the index moved on.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tuf.api import exceptions
from tuf.api.metadata import Metadata, TargetFile  # type: ignore[attr-defined]
from tuf.ngclient.updater import Updater

from bonded_client.absent import bare, exchanged, forget, has_content, named, project_of
from bonded_client.failures import Failure, RollbackError
from bonded_client.fetcher import Fetcher
from bonded_client.index import Index

T = TypeVar("T")

HOLD = 3600.0
"""Seconds that one snapshot is used: half of the shortest grace for which an index keeps superseded files (2 h)."""
ATTEMPTS = 3
LIST = "simple/index.json"
BUSY_AFTER = 60.0


@contextmanager
def alone(folder: Path, *, wait: float = BUSY_AFTER) -> Iterator[None]:
    """Hold `folder` for this process; python-tuf's updater must be alone on its files. Raises Failure (busy)."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        end = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Failure("busy", f"Another bonded-client has been using {folder} for {wait:.0f} s.") from None
                time.sleep(0.05)
        yield


class Trust:
    """The signed state of one index. Use under `alone(folder)`."""

    def __init__(
        self,
        index: Index,
        root: bytes,
        folder: Path,
        fetcher: Fetcher,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        hold: float = HOLD,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`root` is the root metadata trusted to begin with; `clock` gives seconds, `pause` waits for some.

        One snapshot is used for `hold` seconds; `now` is the time of day, in seconds since 1970.
        """
        self.index = index
        self.fetcher = fetcher
        self._root = root
        self._metadata = folder / "metadata"
        self._pages = folder / "pages"
        self._clock = clock
        self._pause = pause
        self._hold = hold
        self._now = now
        self._current: tuple[Updater, float] | None = None
        self.behind = False
        """Whether the last refresh was served an older, valid state, so that ours was kept."""

    @property
    def metadata(self) -> Path:
        """The folder of verified metadata: timestamp.json, snapshot.json, targets.json, root_history/N.root.json."""
        return self._metadata

    def snapshot_version(self) -> int:
        """The version of the signed state that is in use. Raises python-tuf's errors."""
        self._updater()
        return _version((self._metadata / "snapshot.json").read_bytes())

    def steadily(self, ask: Callable[[], T]) -> T:
        """`ask()`, begun again from the timestamp when something that the index named is no longer there.

        A withdrawn or swept file answers 404 to those who hold an older snapshot. Raises what `ask` raises.
        """
        for attempt in range(1, ATTEMPTS):
            try:
                return ask()
            except exceptions.DownloadHTTPError as error:
                if error.status_code not in {404, 410}:
                    raise
                self._current = None
                self._pause(float(attempt))  # a shared cache may keep the timestamp for 1-2 s
        return ask()

    def target(self, path: str) -> tuple[int, str] | None:
        """Length and sha256 that the index signed for `path` ("" without a sha256), None when it has no such target."""
        info = self.info(path)
        return None if info is None else (info.length, info.hashes.get("sha256", ""))

    def info(self, path: str) -> TargetFile | None:
        """All that the index signed for `path`, None when it has no such target. Raises Failure (mixed-versions)."""
        info = self._updater().get_targetinfo(path)
        if info is None and (wrong := exchanged(self._metadata, path) or self._hidden(path)):
            forget(self._metadata, wrong)
            self._current = None
            raise Failure(
                "mixed-versions",
                f"The index shows {wrong[-1]} with what belongs elsewhere: it cannot tell whether there is {path}.",
            )
        return info

    def _hidden(self, path: str) -> tuple[str, ...]:
        """The roles of an empty bin that may stand in the place of the one with the page `path`; () where it cannot."""
        project = project_of(path)
        if not project or not (wrong := bare(self._metadata, path)):
            return ()
        data = self.read(LIST)
        if data is None:
            return wrong if has_content((self._metadata / "snapshot.json").read_bytes()) else ()
        return wrong if project in named(data) else ()

    def renew(self) -> None:
        """Begin again from root and timestamp. What is held goes on to be held when that raises (python-tuf's errors)."""
        begun = self._clock()
        self._current = (self._begin(), begun)

    def renew_offline(self) -> None:
        """Begin from what was seen last and asking nobody; all of it is verified again, expiry included.

        Raises DownloadError when nothing was seen yet, or python-tuf's errors.
        """
        seen = self._seen_timestamp()
        if seen and _expired(seen, self._now()):  # python-tuf would ask for another, and we would blame the network
            raise exceptions.ExpiredMetadataError("timestamp.json is expired")
        held = {self.index.timestamp: seen} if seen else {}
        with self.fetcher.offline(), self.fetcher.answering(held):
            updater = self._new()
            updater.refresh()
        self._current = (updater, self._clock())

    def read(self, path: str) -> bytes | None:
        """The verified bytes of the target `path`, None when the index has no such target."""
        info = self.info(path)
        if info is None:
            return None
        updater = self._updater()
        where = updater.find_cached_target(info) or updater.download_target(info)
        return Path(where).read_bytes()

    def _updater(self) -> Updater:
        if self._current is None or self._clock() - self._current[1] > self._hold:
            begun = self._clock()
            self._current = (self._begin(), begun)
        return self._current[0]

    def _begin(self) -> Updater:
        updater = self._new()
        self.behind = False
        try:
            updater.refresh()
        except exceptions.BadVersionNumberError as error:
            seen = self._seen_timestamp()
            if self.fetcher.last_url != self.index.timestamp or seen is None:
                raise
            if _version(self.fetcher.last_bytes) >= _version(seen):
                # A newer timestamp that points back to an older snapshot: no cache explains that.
                raise RollbackError(str(error)) from error
            if _expired(seen, self._now()):
                raise RollbackError(str(error)) from error
            # Its signatures were verified before its version was looked at, so it is an older state of this index.
            # Ours is as good as long as it has not expired; this second refresh verifies it again.
            with self.fetcher.answering({self.index.timestamp: seen, **self._no_newer_root()}):
                updater = self._new()
                updater.refresh()
            self.behind = True
        return updater

    def _new(self) -> Updater:
        self._metadata.mkdir(parents=True, exist_ok=True)
        self._pages.mkdir(parents=True, exist_ok=True)
        return Updater(
            metadata_dir=str(self._metadata),
            metadata_base_url=self.index.metadata,
            target_dir=str(self._pages),
            target_base_url=self.index.url,
            fetcher=self.fetcher,
            bootstrap=self._root,
        )

    def _no_newer_root(self) -> dict[str, Exception]:
        """The answer to the question for the next root, which was asked a moment ago."""
        known = _version((self._metadata / "root.json").read_bytes())
        return {f"{self.index.metadata}{known + 1}.root.json": exceptions.DownloadHTTPError("asked before", 404)}

    def _seen_timestamp(self) -> bytes | None:
        try:
            return (self._metadata / "timestamp.json").read_bytes()
        except FileNotFoundError:
            return None


def _version(data: bytes) -> int:
    return int(json.loads(data)["signed"]["version"])


def _expired(data: bytes, now: float) -> bool:
    return datetime.fromisoformat(json.loads(data)["signed"]["expires"]).timestamp() <= now


def read_root(path: Path) -> bytes:
    """The root metadata in the file `path`, signed by itself. Raises Failure (root-unreadable, root-invalid)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure("root-unreadable", f"The root metadata {path} cannot be read: {error.strerror}.") from error
    try:
        root = Metadata.from_bytes(data)
        if root.signed.type != "root":
            raise Failure("root-invalid", f"{path} is {root.signed.type} metadata, not root metadata.")
        root.verify_delegate("root", root)
    except exceptions.RepositoryError as error:
        raise Failure("root-invalid", f"{path} is not root metadata signed by its own keys.") from error
    return data
