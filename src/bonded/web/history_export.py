"""A history as a file, as narrow as the page it was asked from: CSV for tables, JSON for programs.

The file is written while it is read, a page at a time: rows never change, so pages read one after the other are as good as
one snapshot, and a journal of any length takes little memory. What a cell begins with is no formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import orjson
from pyramid.response import Response

from bonded.db.engine import Database
from bonded.journal.read import MAX_PAGE, Entry, Filter
from bonded.values.refusals import Refusal
from bonded.values.text import iso
from bonded.web.history import View, names_in
from bonded.web.refusals import BAD_FORM
from bonded.web.request import Request

COLUMNS = (
    ("row", "leaf", "at", "action", "by", "who", "credential", "project", "concerns", "subject", "address", "agent", "facts")
)  # fmt: skip
FORMATS = {"csv": "text/csv", "json": "application/json"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cells = dict[str, object]


def exported(request: Request, view: View, by: Filter, kind: str) -> Response:
    """The file. Raises Refusal (bad-form) for another format."""
    if kind not in FORMATS:
        raise Refusal(BAD_FORM, "exports are csv or json")
    cells = _all(request.db, view, by)
    response = Response(content_type=FORMATS[kind], charset="utf-8")
    response.app_iter = _csv(cells) if kind == "csv" else _json(cells)
    response.headers["Content-Disposition"] = f'attachment; filename="history.{kind}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _all(db: Database, view: View, by: Filter) -> Iterator[list[Cells]]:
    before = None
    while True:
        with db.read() as conn:
            page = view(conn, by, before, MAX_PAGE)
            names = names_in(conn, page)
        yield [_cells(entry, names) for entry in page.entries]
        before = page.before
        if before is None:
            return


def _cells(entry: Entry, names: dict[str, str]) -> Cells:
    return {
        "row": entry.id,
        "leaf": "" if entry.seq is None else entry.seq,
        "at": iso(entry.at),
        "action": entry.action,
        "by": entry.actor_kind,
        "who": names.get(entry.actor_id, entry.actor_id),
        "credential": entry.credential_id,
        "project": entry.project_key or "",
        "concerns": names.get(entry.user_id or "", entry.user_id or ""),
        "subject": f"{entry.subject_kind}:{entry.subject_id}",
        "address": entry.private.get("ip", ""),
        "agent": entry.private.get("agent", ""),
        "facts": entry.facts,
    }


def _json(pages: Iterator[list[Cells]]) -> Iterator[bytes]:
    yield b"["
    between = b"\n"
    for page in pages:
        for cells in page:
            yield between + orjson.dumps(cells)
            between = b",\n"
    yield b"\n]\n"


def _csv(pages: Iterator[list[Cells]]) -> Iterator[bytes]:
    yield _lines([list(COLUMNS)])
    for page in pages:
        yield _lines([[_plain(cells[name]) for name in COLUMNS] for cells in page])


def _lines(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def _plain(value: object) -> str:
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
