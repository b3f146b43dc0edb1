"""Claiming a case, giving it up, and going on to the next one."""

from __future__ import annotations

from collections.abc import Callable

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.review import claims, queue
from bonded.web.forms import whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.request import Request


def turn(act: Callable[..., int], notice: str) -> Callable[[Request], Response]:
    """The view that claims a case or gives it up. Raises Refusal (no-such-case, case-claimed)."""

    def view(request: Request) -> Response:
        case_id = whole(request.part("case"))
        with request.db.write() as tx:
            act(tx, actor(request), case_id, now=request.now)
        return go(request, f"/admin/review/{case_id}/", notice)

    return view


claim = turn(claims.claim, "case-claimed")
let_go = turn(claims.let_go, "case-let-go")


def next_case(request: Request) -> Response:
    """On to the case after this one, the queue where there is none. Raises Refusal (no-such-case)."""
    with request.db.read() as conn:
        return go(request, address_of_next(request, conn, whole(request.part("case"))))


def address_of_next(request: Request, conn: Connection, case_id: int) -> str:
    """Where a reviewer goes on after this case. Raises Refusal (no-such-case)."""
    line = queue.line_of(conn, case_id)
    found = queue.after(conn, line, request.now, mine=actor(request).user_id)
    return f"/admin/review/{found}/" if found is not None else "/admin/review/"


def count(request: Request) -> Response:
    """How many cases are open, as JSON: the queue asks for it now and then."""
    with request.db.read() as conn:
        open_now = queue.count_open(conn)
    return Response(json_body={"open": open_now}, content_type="application/json", charset="utf-8")
