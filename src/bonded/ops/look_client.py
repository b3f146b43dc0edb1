"""fsck looks through a client's eyes: python-tuf's own updater, fresh, over the store."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater  # type: ignore[attr-defined]  # re-exported without __all__

from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.seams import NotStored, Storage
from bonded.tuf.tables import target

CLIENT = define(
    "client-refuses",
    "python-tuf, starting from the root that users are given, refuses the index or one of its targets.",
    "Look at the other lines first: they name the cause. With none, report it with this line.",
)
SAMPLE = 200
"""Targets that are fetched; every bin was verified by the look before this one."""
BASE = "https://store.invalid/"


class StoreFetcher(FetcherInterface):
    """Answers python-tuf's requests from a Storage."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            stream = self._store.open(url.removeprefix(BASE))
        except NotStored as error:
            raise DownloadHTTPError(str(error), 404) from error
        with stream:
            return iter([stream.read()])


def look(ground: Ground) -> Iterator[Disagreement]:
    """Refresh as a new client and fetch a sample of targets, hashes verified by python-tuf."""
    with tempfile.TemporaryDirectory(prefix="bonded-fsck-") as where:
        updater = yield from _refreshed(ground, Path(where))
        if updater is None:
            return
        with ground.db.read() as conn:
            paths = _sample(conn)
        for path in paths:
            yield from _fetch(updater, path, Path(where) / "target")


def look_alone(ground: Ground) -> Iterator[Disagreement]:
    """Refresh as a new client, and no more: which targets there are, only the database says without reading every bin."""
    with tempfile.TemporaryDirectory(prefix="bonded-fsck-") as where:
        yield from _refreshed(ground, Path(where))


def _refreshed(ground: Ground, folder: Path) -> Generator[Disagreement, None, Updater | None]:
    """A new client that has refreshed; None when it refuses the root that it was given, or what it found."""
    try:
        updater = client(ground.public, ground.root, folder)
        at_moment(updater, ground.now)
        updater.refresh()
    except (RepositoryError, DownloadError, ValueError) as error:
        yield Disagreement(CLIENT, "metadata", f"{type(error).__name__}: {error}")
        return None
    return updater


def client(store: Storage, root: bytes, folder: Path) -> Updater:
    """A new python-tuf client that reads `store` and keeps its state in `folder`."""
    return Updater(str(folder), f"{BASE}metadata/", str(folder), BASE, fetcher=StoreFetcher(store), bootstrap=root)


def at_moment(updater: Updater, now: datetime) -> None:
    """Let the client judge expiry as of `now` instead of its wall clock."""
    updater._trusted_set.reference_time = now


def _fetch(updater: Updater, path: str, into: Path) -> Iterator[Disagreement]:
    try:
        info = updater.get_targetinfo(path)
        if info is None:
            yield Disagreement(CLIENT, path, "no bin lists it")
            return
        updater.download_target(info, str(into))
        into.unlink()
    except (RepositoryError, DownloadError, ValueError) as error:
        yield Disagreement(CLIENT, path, f"{type(error).__name__}: {error}")


def _sample(conn: Connection) -> list[str]:
    """Paths spread evenly over all targets: the same ones every time for the same rows."""
    total = int(conn.execute(select(func.count()).select_from(target)).scalar_one())
    if total <= SAMPLE:
        return list(conn.execute(select(target.c.path).order_by(target.c.path)).scalars())
    step = 2**32 // SAMPLE
    picked = []
    for start in range(0, 2**32, step):
        row = conn.execute(
            select(target.c.path).where(target.c.hash32 >= start).order_by(target.c.hash32, target.c.path).limit(1)
        ).scalar_one_or_none()
        picked += [row] if row else []
    return picked
