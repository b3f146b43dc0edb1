"""Takes every scene once in a language, and keeps what was answered."""

from __future__ import annotations

import fcntl
import pickle
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from webtest import AppError

from bonded.db.engine import Database, open_database
from tests.web.scenes.table import SCENES
from tests.web.scenes.world import built


@dataclass(frozen=True, slots=True)
class Shot:
    """What a browser got: `path` with its query, the status, headers and bytes."""

    name: str
    route: str
    language: str
    path: str
    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def html(self) -> str:
        return self.body.decode()


@cache
def kept(shared: Path, migrated: Path, now: datetime, language: str) -> tuple[Shot, ...]:
    """The shots of this run, taken by the first of the test processes under `shared` that asks."""
    place = shared / f"shots-{language}.pickle"
    with place.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not place.exists():
            made = taken(partial(_copied, shared, migrated, language), now, language)
            place.write_bytes(pickle.dumps(made))
        found: tuple[Shot, ...] = pickle.loads(place.read_bytes())
        return found


def _copied(shared: Path, migrated: Path, language: str, name: str) -> Database:
    path = shared / f"scenes-{language}-{name}.db"
    path.write_bytes(migrated.read_bytes())
    return open_database(f"sqlite:///{path}")


def taken(open_copy: Callable[[str], Database], now: datetime, language: str) -> tuple[Shot, ...]:
    """All scenes in `language`, in the order of the table. Raises AssertionError naming those that answer otherwise."""
    with tempfile.TemporaryDirectory(prefix="scenes-") as folder, ExitStack() as stack:
        place = Path(folder)
        worlds = {
            bare: stack.enter_context(built(open_copy, place, now, language, bare=bare)) for bare in (False, True)
        }
        shots, wrong = [], []
        for scene in SCENES:
            try:
                answer = scene.take(worlds[scene.bare])
            except AppError as error:
                wrong.append(f"{scene.name}: {str(error).splitlines()[0]}")
                continue
            assert answer.status_int == scene.status, scene.name
            kept = tuple((name, value) for name, value in answer.headers.items() if name.lower() != "set-cookie")
            shots.append(
                Shot(scene.name, scene.route, language, answer.request.path_qs, answer.status, kept, answer.body)
            )
        assert not wrong, "\n".join(wrong)
        return tuple(shots)
