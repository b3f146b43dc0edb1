"""A witness of every request that a test makes: what changed in the database, and which rows the journal got for it.

It fails the test when a request that changes something leaves no row, another row than its route's action declares, or more
rows than the hand-written table allows; when a request that only reads writes; and when a row is not in the histories of the
people and of the project that it is about. So each test of a page is one of the journal's completeness too.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from bonded.db.engine import Database
from bonded.journal import read
from bonded.journal.tables import journal
from bonded.values.actions import ACTIONS, Action
from bonded.web import guard
from bonded.web.guard import Routed
from tests.support.events import ALSO, LINKS, MANY, STEP_UP, UNTOUCHED

SAFE = {"GET", "HEAD"}
_WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
_SET = re.compile(r"\sSET\s(.*?)(?:\sWHERE\s|$)", re.IGNORECASE | re.DOTALL)
_COLUMN = re.compile(r"\"?(\w+)\"?\s*=")
_GATES = ("/account/login/?next=", "/account/confirm/?next=", "/account/factors/?next=")


@dataclass
class Seen:
    """What one request did in its thread: writes that were committed, as "INSERT table" and "UPDATE table.column", and the
    acts of new journal rows."""

    pending: list[str] = field(default_factory=list)
    committed: list[str] = field(default_factory=list)
    acts_pending: list[str] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)


_now = threading.local()


def _wrote(_conn: Any, cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    seen: Seen | None = getattr(_now, "seen", None)
    found = _WRITES.match(statement) if seen is not None else None
    # An INSERT ... RETURNING counts no rows before they are fetched.
    if seen is not None and found and (found[1].upper() == "INSERT INTO" or cursor.rowcount != 0):
        write = f"{found[1].split()[0].upper()} {found[2].lower()}"
        columns = (
            _COLUMN.findall(values[1]) if write.startswith("UPDATE") and (values := _SET.search(statement)) else []
        )
        seen.pending += [f"{write}.{column}" for column in columns] or [write]
        if write == "INSERT journal":
            seen.acts_pending += [values["action"] for values in context.compiled_parameters]


def _committed(_conn: Any) -> None:
    seen: Seen | None = getattr(_now, "seen", None)
    if seen is not None:
        seen.committed += seen.pending
        seen.acts += seen.acts_pending
        seen.pending, seen.acts_pending = [], []


def _rolled_back(_conn: Any) -> None:
    seen: Seen | None = getattr(_now, "seen", None)
    if seen is not None:
        seen.pending, seen.acts_pending = [], []


@contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Watch every request in here; what was wrong is in the list."""
    wrong: list[str] = []
    plain = Routed.__call__

    def call(self: Routed, request: Any) -> Any:
        before = _newest(request.db)
        _now.seen = seen = Seen()
        try:
            response = plain(self, request)
        finally:
            _now.seen = None
        wrong.extend(_judge(self, request, response, before, seen))
        return response

    events = (("after_cursor_execute", _wrote), ("commit", _committed), ("rollback", _rolled_back))
    for name, listener in events:
        event.listen(Engine, name, listener)
    with monkeypatch.context() as patch:
        patch.setattr(guard.Routed, "__call__", call)
        try:
            yield wrong
        finally:
            for name, listener in events:
                event.remove(Engine, name, listener)


def _newest(db: Database) -> int:
    with db.read() as conn:
        return int(conn.execute(select(func.coalesce(func.max(journal.c.id), 0))).scalar_one())


def _judge(routed: Routed, request: Any, response: Any, before: int, seen: Seen) -> Iterator[str]:
    route, method = routed.route, request.method
    found = routed.route.handler(method)
    if found is None or response.body == b"the view ran":
        return
    with request.db.read() as conn:
        mine = journal.c.action.in_(seen.acts)  # others may be at work at the same moment
        rows = conn.execute(select(journal).where(journal.c.id > before, mine).order_by(journal.c.id)).all()
    acts = seen.acts
    changed = {write for write in seen.committed if write not in UNTOUCHED and "journal" not in write}
    name = f"{method} {route.name} ({response.status_int})"
    _keep(route.name, method, response.status_int, acts)
    gate = response.status_int == 303 and any(part in response.headers["Location"] for part in _GATES)
    if method in SAFE:
        if acts or changed:
            yield f"{name}: a page that is only read wrote {sorted(changed)} and the rows {acts}"
    elif response.status_int < 400 and not gate:
        asked_again = response.status_int == 200 and not acts and not changed  # the form, with what is wrong
        if not asked_again and not _fits(route.name, found[0], acts):
            yield f"{name}: the rows are {acts}, declared is {found[0].name}; changed was {sorted(changed)}"
    elif changed and not acts:
        yield f"{name}: refused, and yet changed {sorted(changed)} without a row"
    yield from _visible(request.db, rows)


def _fits(route: str, action: Action, acts: list[str]) -> bool:
    rest = [
        act for act in acts if act not in LINKS and not (action.factor and act == STEP_UP and action.name != STEP_UP)
    ]
    allowed = [{action.name}] if action.event else []
    return set(rest) in [*allowed, *ALSO.get(route, [])] and (route in MANY or len(rest) == len(set(rest)))


def _visible(db: Database, rows: Any) -> Iterator[str]:
    """Each row in the administrators' view, in those of its people, and in its project's as its action declares."""
    for row in rows:
        with db.read() as conn:
            views = {"everything": read.of_everything(conn, before=row.id + 1, limit=1)}
            for user in {row.actor_id, row.user_id} - {None, ""}:
                views[f"user {user}"] = read.of_user(conn, user, before=row.id + 1, limit=1)
            if ACTIONS[row.action].about_project or row.project_key:
                views["project"] = read.of_project(conn, row.project_key or "?", before=row.id + 1, limit=1)
        for view, page in views.items():
            if not page.entries or page.entries[0].id != row.id:
                yield f"the row of {row.action} is not in the history of {view}"


def _keep(route: str, method: str, status: int, acts: list[str]) -> None:
    """For the walk over all routes: see tests/journal/test_completeness.py."""
    if place := os.environ.get("BONDED_TEST_WITNESS"):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(f"{method} {route} {status} {','.join(acts)}\n")
