"""A person's history as a file: CSV for tables, JSON for programs. What a cell begins with is no formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import orjson
from pyramid.response import Response

from bonded.journal import read
from bonded.journal.read import MAX_PAGE, Entry
from bonded.values.refusals import Refusal
from bonded.values.text import iso
from bonded.web.refusals import BAD_FORM
from bonded.web.request import Request

COLUMNS = ("row", "at", "action", "by", "project", "subject", "address", "agent", "facts")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def exported(request: Request, user_id: str, kind: str) -> Response:
    """The file. Raises Refusal (bad-form) for another format."""
    if kind not in ("csv", "json"):
        raise Refusal(BAD_FORM, "exports are csv or json")
    rows = [_cells(entry) for entry in _all(request, user_id)]
    body = _csv(rows) if kind == "csv" else orjson.dumps(rows, option=orjson.OPT_INDENT_2)
    response = Response(body=body, content_type="text/csv" if kind == "csv" else "application/json", charset="utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="history.{kind}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _all(request: Request, user_id: str) -> Iterator[Entry]:
    before = None
    with request.db.read() as conn:
        while True:
            page = read.of_user(conn, user_id, before=before, limit=MAX_PAGE)
            yield from page.entries
            before = page.before
            if before is None:
                return


def _cells(entry: Entry) -> dict[str, object]:
    return {
        "row": entry.id,
        "at": iso(entry.at),
        "action": entry.action,
        "by": entry.actor_kind,
        "project": entry.project_key or "",
        "subject": f"{entry.subject_kind}:{entry.subject_id}",
        "address": entry.private.get("ip", ""),
        "agent": entry.private.get("agent", ""),
        "facts": entry.facts,
    }


def _csv(rows: list[dict[str, object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_plain(row[name]) for name in COLUMNS])
    return out.getvalue().encode("utf-8", "replace")


def _plain(value: object) -> str:
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
