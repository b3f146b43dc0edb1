"""The review queue: one line for each case, the most telling first."""

from __future__ import annotations

from pyramid.response import Response

from bonded.review import queue
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web.refusals import BAD_FORM
from bonded.web.request import Request
from bonded.web.safe import quoted


def show(request: Request) -> Response:
    """Open or closed cases, by project if asked. Raises Refusal (bad-form) for a broken address."""
    state = request.params.get("state", "open")
    if state not in ("open", "closed"):
        raise Refusal(BAD_FORM, "a case is open or closed")
    project = normalize(request.params.get("project", "").strip())[:100]
    with request.db.read() as conn:
        cases, after = queue.cases(conn, state=state, project=project or None, after=_cursor(request), limit=50)
    older = f"?state={state}&project={quoted(project)}&after={after[0]!r}:{after[1]}" if after else ""
    return request.page("admin/queue.html", cases=cases, state=state, project=project, older=older)


def _cursor(request: Request) -> queue.Cursor | None:
    text = request.params.get("after")
    if text is None:
        return None
    score, _, case_id = text.partition(":")
    try:
        return float(score), int(case_id)
    except ValueError:
        raise Refusal(BAD_FORM, "this address of a page of the queue is broken") from None
