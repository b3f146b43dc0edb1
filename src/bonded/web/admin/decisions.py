"""Decisions of an administrator: each with a reason, about chosen files, what lies around them, many cases, or a project.

What reaches further than the boxes that were ticked, and what cannot be taken back, is shown first and done on the second
press; if it reached something else by then, it is shown again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.read import File
from bonded.catalog.requirements import dependants
from bonded.catalog.rules import check_reason
from bonded.catalog.states import WRONG_STATE
from bonded.db.engine import Tx
from bonded.review import claims, decide, queue, scope, two_people
from bonded.review.decide import NOTHING_CHOSEN
from bonded.review.queue import Case
from bonded.review.reasons import sentence
from bonded.review.scope import Level, Reach
from bonded.review.two_people import Split
from bonded.review.undo import undo as take_back
from bonded.values.names import normalize
from bonded.values.pieces import file_state
from bonded.values.refusals import Refusal
from bonded.values.text import clean
from bonded.web.admin import case as case_page
from bonded.web.admin import queue as queue_page
from bonded.web.admin.case import seen
from bonded.web.admin.claims import address_of_next
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import Page as Part
from bonded.web.paging import page_by
from bonded.web.request import Request, found
from bonded.web.safe import local_path

NOTICES = {
    "release": "released",
    "quarantine": "quarantined",
    "reject": "rejected",
    "remove": "removed",
    "reopen": "reopened",
    "ask-owner": "asked",
}
_CARRIED = ("file", "level", "case", "next", "query")
MOST_CASES = 200
"""Of one bulk decision."""
FILES_AT_ONCE = 200


def on_case(act: str) -> Callable[[Request], Response]:
    """The view that does `act` to the chosen files of one case, or to what lies around them."""

    def view(request: Request) -> Response:
        case_id = whole(request.part("case"))
        form = Form(request)
        with request.db.read() as conn:
            case = queue.case(conn, case_id)
        chosen = form.choices("file", [one.file.id for one in case.files])
        _check_as_shown(request, case, chosen)
        level = Level(form.choice("level", list(Level))) if form.value("level") else Level.FILE
        working = claims.holder(case.line, request.now)
        mine = working in ("", actor(request).user_id)
        return _decided(
            request,
            form,
            act,
            lambda conn: scope.reach(conn, act, chosen, level),
            f"/admin/review/{case_id}/",
            case_page.page,
            sure=level is Level.FILE and act != "remove" and mine,
            onward=case_id if form.value("next") else None,
            working="" if mine else working,
        )

    return view


def on_cases(act: str) -> Callable[[Request], Response]:
    """The view that does `act` to what waits in the chosen cases."""

    def view(request: Request) -> Response:
        form = Form(request)
        chosen = sorted({whole(one) for one in request.POST.getall("case")})[:MOST_CASES]
        back = queue_page.address(request, form)
        return _decided(request, form, act, lambda conn: scope.waiting(conn, act, chosen), back, queue_page.page)

    return view


def undo(request: Request) -> Response:
    """Take back the last decision. Raises Refusal (nothing-to-undo, wrong-state)."""
    form = Form(request)
    with request.db.write() as tx:
        take_back(tx, actor(request), reason=form.words("reason"), now=request.now, decision=form.text("decision"))
    return go(request, local_path(form.value("back"), "/admin/review/"), "undone")


Page = Callable[[Request, Form, int], Response]


def _decided(
    request: Request,
    form: Form,
    act: str,
    reach: Callable[[Connection], Reach],
    back: str,
    page: Page,
    *,
    sure: bool = False,
    onward: int | None = None,
    working: str = "",
) -> Response:
    reason = form.words("reason")
    try:
        reason = check_reason(f"review.{act}", sentence(act, form.value("cause"), reason))
    except Refusal as refusal:
        form.wrong("reason", request.gettext(refusal.kind.title))
    if form.errors:
        return page(request, form, 400)
    try:
        with request.db.read() as conn:
            about = reach(conn)
        if not about.files and not about.projects:
            raise Refusal(NOTHING_CHOSEN, "choose at least one file")
        if not sure and form.value("confirmed") != digest(about):
            return _confirm(request, act, about, reason, back, working)
        with request.db.write() as tx:
            notice = _carry_out(tx, request, act, about, reason)
    except Refusal as refusal:
        if refusal.code != NOTHING_CHOSEN:
            raise
        form.wrong("file", request.gettext(refusal.kind.title))
        return page(request, form, 400)
    if onward is not None:
        with request.db.read() as conn:  # after the decision: what it closed is not shown again
            back = address_of_next(request, conn, onward)
    return go(request, back, notice)


def _carry_out(tx: Tx, request: Request, act: str, about: Reach, reason: str) -> str:
    """Do it, but for removals that take a second person: those are proposed. Returns what to say of it."""
    who, now = actor(request), request.now
    parts = _split(tx, request, act, about)
    if parts.proposed:
        two_people.propose(tx, who, [one.id for one in parts.proposed], reason=reason, now=now)
    if parts.now or about.projects or not parts.proposed:
        scope.carry_out(tx, who, act, Reach(parts.now, about.projects), reason=reason, now=now)
    if parts.proposed:
        return "removal-proposed"
    return NOTICES[act]


def _split(conn: Connection, request: Request, act: str, about: Reach) -> Split:
    if act != "remove":
        return Split(about.files, ())
    return two_people.split(conn, actor(request), about.files, request.settings.two_people_dependants, request.now)


def _check_as_shown(request: Request, case: Case, chosen: Collection[str]) -> None:
    """Raise Refusal (wrong-state) where somebody decided about a chosen file after the page was made that the decision rests on.

    What is possible in a state is wide: a file that was rejected a moment ago may be released. Nobody means to do that unasked.
    """
    shown = request.POST.getall("seen")
    for one in case.files:
        if shown and one.file.id in chosen and seen(one) not in shown:
            raise Refusal(WRONG_STATE, f"{one.file.filename} is {file_state(one.file.state)} now: somebody has decided")


def digest(about: Reach) -> str:
    """Names what a person was shown, so that nothing else is done on their word."""
    told = [f"{one.id} {one.state}" for one in about.files] + list(about.projects)
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:32]


def _confirm(request: Request, act: str, about: Reach, reason: str, back: str, working: str) -> Response:
    carried = [(name, value) for name, value in request.POST.items() if name in _CARRIED]
    with request.db.read() as conn:
        parts = _split(conn, request, act, about)
        known = dependants(conn, {one.project_key for one in about.files}) if act in ("remove", "quarantine") else {}
        worker = people.names(conn, {working}).get(working, "") if working else ""
    return request.page(
        "admin/confirm.html",
        act=act,
        about=about,
        reason=reason,
        back=back,
        action=request.path,
        carried=carried,
        digest=digest(about),
        proposed=parts.proposed,
        dependants=known,
        worker=worker,
    )


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
    key = normalize(clean(request.params.get("name") or "").strip())[:100]
    project, cases = None, []
    files: Part[File] = Part([], 1, 1)
    if key:
        with request.db.read() as conn:
            project = found(read.project(conn, key), f"There is no project {key} here.")
            count, project_id = read.count_files(conn, project.id), project.id
            files = page_by(request, count, FILES_AT_ONCE, lambda some: read.files(conn, project_id, some))
            cases = [line for state in ("open", "closed") for line in queue.cases(conn, state=state, project=key)[0]]
    return request.page(
        "admin/projects.html", status=status, form=form, project=project, files=files, cases=cases, key=key
    )
