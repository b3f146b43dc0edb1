"""Differences of a case's files: from the release before, and between sdist and wheel; and projects that are related."""

from __future__ import annotations

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.review import compare, queue
from bonded.review.compare import Pair
from bonded.review.related import related
from bonded.web.admin.difference_lines import shown
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import place
from bonded.web.request import Request, found

PAIRS_AT_ONCE = 100
MOST_SHOWN = 60
"""Members whose lines one page shows; the others are in the list."""


def show(request: Request) -> Response:
    """One pair of files (`?pair=`, counted from 1) with its differences. Raises Refusal (no-such-case, bad-form)."""
    with request.db.read() as conn:
        case, pairs = _pairs(conn, request)
        page, last, at = _place(request, len(pairs))
        pair = pairs[at - 1] if pairs else None
        answer = compare.comparison(conn, pair.old.id, pair.new.id) if pair else None
    changes = [(one, shown(one.lines)) for one in answer.changes if one.lines][:MOST_SHOWN] if answer else []
    return request.page(
        "admin/differences.html",
        case=case,
        pairs=list(enumerate(pairs, 1))[(page - 1) * PAIRS_AT_ONCE : page * PAIRS_AT_ONCE],
        page=page,
        last=last,
        pair=pair,
        at=at,
        answer=answer,
        changes=changes,
    )


def _place(request: Request, count: int) -> tuple[int, int, int]:
    """(page of the list, how many there are, number of the pair): the page that has `?pair=` on it, else the first pair of `?page=`."""
    at, last = place(request, count, PAIRS_AT_ONCE)
    if "pair" not in request.GET:
        return at, last, (at - 1) * PAIRS_AT_ONCE + 1
    number = min(whole(request.GET["pair"], least=1, most=100_000), max(1, count))
    return (number - 1) // PAIRS_AT_ONCE + 1, last, number


def ask(request: Request) -> Response:
    """Have a pair compared, again if it was. Raises Refusal (bad-form, not-found)."""
    at = whole(Form(request).text("pair"), least=1)
    with request.db.write() as tx:
        case, pairs = _pairs(tx, request)
        pair = found(pairs[at - 1] if at <= len(pairs) else None, "There is no such pair of files.")
        compare.ask_by(tx, actor(request), pair, now=request.now)
    return go(request, f"/admin/review/{case.line.id}/differences/?pair={at}", "comparing")


def show_related(request: Request) -> Response:
    """Projects that share an uploader, contents or code with the case. Raises Refusal (no-such-case, bad-form)."""
    with request.db.read() as conn:
        case = queue.case(conn, whole(request.part("case")))
        lines = related(conn, case.project.id, [one.file for one in case.files])
        names = people.names(conn, {one.file.uploader_id for one in case.files})
    return request.page("admin/related.html", case=case, related=lines, names=sorted(names.values()))


def _pairs(conn: Connection, request: Request) -> tuple[queue.Case, list[Pair]]:
    case = queue.case(conn, whole(request.part("case")))
    return case, compare.pairs(conn, [one.file for one in case.files])
