"""Jobs: how many wait in each queue, and the dead ones with their last error; retry and discard."""

from __future__ import annotations

from pyramid.response import Response

from bonded.ops import dead_letters as jobs
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

AT_ONCE = 100


def show(request: Request) -> Response:
    """Totals, dead letters, AT_ONCE on a page, and what is due next. Raises Refusal (bad-form)."""
    with request.db.read() as conn:
        totals = jobs.totals(conn)
        count = sum(one.count for one in totals if one.state == "dead")
        dead = page_by(
            request, count, AT_ONCE, lambda some: jobs.letters(conn, state="dead", limit=some.limit, offset=some.offset)
        )
        waiting = jobs.letters(conn, state="pending", limit=50)
    return request.page("admin/jobs.html", totals=totals, dead=dead, waiting=waiting)


def retry(request: Request) -> Response:
    """Give a dead job all its attempts again. Raises Refusal (no-such-job, job-not-dead)."""
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        jobs.retry(tx, actor(request), whole(request.part("job")), reason=reason, now=request.now)
    return go(request, "/admin/jobs/", "job-retried")


def discard(request: Request) -> Response:
    """Delete a dead job. Raises Refusal (no-such-job, job-not-dead, a reason is needed)."""
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        jobs.discard(tx, actor(request), whole(request.part("job")), reason=reason, now=request.now)
    return go(request, "/admin/jobs/", "job-discarded")
