"""Decisions of an administrator: each with a reason, about chosen files of one case or about a project."""

from __future__ import annotations

from collections.abc import Callable

from pyramid.response import Response

from bonded.catalog import read
from bonded.catalog.rules import REASON_NEEDED
from bonded.review import decide, queue
from bonded.review.decide import NOTHING_CHOSEN
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web.admin import case as case_page
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.request import Request, found


def release(request: Request) -> Response:
    """Make the chosen files public."""
    return _decide(request, decide.release, "released")


def quarantine(request: Request) -> Response:
    """Withdraw the chosen public files."""
    return _decide(request, decide.quarantine, "quarantined")


def reject(request: Request) -> Response:
    """Refuse the chosen held files."""
    return _decide(request, decide.reject, "rejected")


def remove(request: Request) -> Response:
    """Remove the chosen files for good."""
    return _decide(request, decide.remove, "removed")


def reopen(request: Request) -> Response:
    """Put the chosen rejected files back under review."""
    return _decide(request, decide.reopen, "reopened")


def ask_owner(request: Request) -> Response:
    """Ask the owners about the chosen files."""
    return _decide(request, decide.ask_owner, "asked")


def _decide(request: Request, act: Callable[..., list[int]], notice: str) -> Response:
    case_id = whole(request.part("case"))
    with request.db.read() as conn:
        of_case = [one.file.id for one in queue.case(conn, case_id).files]
    form = Form(request)
    chosen = form.choices("file", of_case)
    reason = form.words("reason")
    if form.errors:
        return case_page.page(request, form, 400)
    try:
        with request.db.write() as tx:
            act(tx, actor(request), chosen, reason=reason, now=request.now)
    except Refusal as refusal:
        fields = {REASON_NEEDED: "reason", NOTHING_CHOSEN: "file"}
        if refusal.code not in fields:
            raise
        form.wrong(fields[refusal.code], request.gettext(refusal.kind.title))
        return case_page.page(request, form, 400)
    return go(request, f"/admin/review/{case_id}/", notice)


def show_projects(request: Request) -> Response:
    """Look up a project, to quarantine or release it as a whole."""
    return _projects(request, Form(request), 200)


def quarantine_project(request: Request) -> Response:
    """Withdraw a whole project at once. Raises Refusal (wrong-state)."""
    return _project(request, decide.quarantine_project, "project-quarantined")


def release_project(request: Request) -> Response:
    """End a project's quarantine. Raises Refusal (wrong-state)."""
    return _project(request, decide.release_project, "project-released")


def _project(request: Request, act: Callable[..., int], notice: str) -> Response:
    form = Form(request)
    key = normalize(form.text("name", most=100))
    reason = form.words("reason")
    if not reason:
        form.wrong("reason", request.gettext("Fill this in."))
    if form.errors:
        return _projects(request, form, 400)
    with request.db.write() as tx:
        act(tx, actor(request), key, reason=reason, now=request.now)
    return go(request, f"/admin/projects/?name={key}", notice)


def _projects(request: Request, form: Form, status: int) -> Response:
    key = normalize((request.params.get("name") or "").strip())[:100]
    project, files, cases = None, [], []
    if key:
        with request.db.read() as conn:
            project = found(read.project(conn, key), f"There is no project {key} here.")
            files = read.files(conn, project.id)
            cases = [line for state in ("open", "closed") for line in queue.cases(conn, state=state, project=key)[0]]
    return request.page(
        "admin/projects.html", status=status, form=form, project=project, files=files, cases=cases, key=key
    )
