"""How review goes (screen M): times to a verdict, decisions turned round, agreement, what waited too long, checks."""

from __future__ import annotations

from datetime import timedelta

from pyramid.response import Response

from bonded.review import queue
from bonded.review.pace import pace
from bonded.screening.demotion import starts
from bonded.screening.precision import observe, tally
from bonded.screening.states import standings
from bonded.web.chart import chart
from bonded.web.request import Request

WINDOW = timedelta(days=30)


def show(request: Request) -> Response:
    """The figures of the last thirty days."""
    with request.db.read() as conn:
        found = pace(conn, promise=request.settings.answer_within, window=WINDOW, now=request.now)
        records = tally(observe(conn, request.now - WINDOW), starts(standings(conn)))
        count = queue.count_open(conn)
    return request.page(
        "admin/figures.html",
        pace=found,
        records=sorted(records, key=lambda one: one.check),
        count=count,
        promise=request.settings.answer_within,
        opened=chart([day.opened for day in found.days]),
        closed=chart([day.closed for day in found.days]),
    )
