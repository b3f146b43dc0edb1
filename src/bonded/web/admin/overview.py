"""What waits for an administrator, in numbers."""

from __future__ import annotations

from pyramid.response import Response

from bonded.ops import dead_letters as jobs
from bonded.review import queue
from bonded.tuf.status import status
from bonded.web.admin.signing import shown_alarms
from bonded.web.request import Request


def show(request: Request) -> Response:
    """Open cases, dead jobs, waiting jobs."""
    with request.db.read() as conn:
        cases = queue.count_open(conn)
        totals = jobs.totals(conn)
    dead = sum(line.count for line in totals if line.state == "dead")
    busy = sum(line.count for line in totals if line.state != "dead")
    found = status(request.db, request.house.public, request.now, flips=0)
    return request.page(
        "admin/overview.html", cases=cases, dead=dead, busy=busy, signing=found, alarms=shown_alarms(request, found)
    )
