"""What people reported: the queue, and the two ends that a report may have."""

from __future__ import annotations

from pyramid.response import Response

from bonded.screening import reports
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

AT_ONCE = 100
SHOWN = ("new", "linked", "dismissed")


def show(request: Request) -> Response:
    """Reports in one state; new ones unless the address says otherwise; AT_ONCE on a page. Raises Refusal (bad-form)."""
    state = str(request.GET.get("state", "new"))
    state = state if state in SHOWN else "new"
    with request.db.read() as conn:
        count = reports.count(conn, state)
        found = page_by(
            request,
            count,
            AT_ONCE,
            lambda some: reports.reports(conn, state=state, limit=some.limit, offset=some.offset),
        )
    return request.page("admin/reports.html", reports=found, state=state, states=SHOWN)


def link(request: Request) -> Response:
    """Link a report to a case: the number given, else the open one. Raises Refusal."""
    form = Form(request)
    text, reason = form.text("case", most=19, required=False), form.words("reason")
    case_id = whole(text) if text else None
    with request.db.write() as tx:
        reports.link(tx, actor(request), whole(request.part("report")), case_id, reason=reason, now=request.now)
    return go(request, "/admin/reports/", "report-linked")


def dismiss(request: Request) -> Response:
    """Dismiss a report with a reason. Raises Refusal."""
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        reports.dismiss(tx, actor(request), whole(request.part("report")), reason=reason, now=request.now)
    return go(request, "/admin/reports/", "report-dismissed")
