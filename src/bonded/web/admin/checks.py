"""Checks as administrators see them: state, hits, precision, cost, backfills; and suppressions of what they found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.checks.kit import Check
from bonded.checks.registry import by_name, discover
from bonded.review import suppress as suppressing
from bonded.review.check_figures import Figures, figures
from bonded.review.suppress import Suppression
from bonded.screening import backfill
from bonded.screening.demotion import starts
from bonded.screening.hits import newest
from bonded.screening.precision import Precision, observe, tally
from bonded.screening.selection import Selection
from bonded.screening.states import NO_SUCH_CHECK, CheckState, Standing, in_force, set_state, standings, states
from bonded.values.refusals import Refusal
from bonded.web.admin import case as case_page
from bonded.web.forms import Form, whole
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import Page, page_by
from bonded.web.request import Request

EXPIRIES = (30, 90, 365)
"""Days that a suppression may last, as offered."""
SUPPRESSIONS_AT_ONCE = 50
FINDINGS = 20
"""Of one check, the newest ones: whoever is to judge it, in evaluation or after a demotion, has to see what it says."""


@dataclass(frozen=True, slots=True)
class Line:
    """One check with its figures. `record`: of the installed version, None while nobody decided about its claims."""

    check: Check
    state: CheckState
    standing: Standing | None
    figures: Figures
    record: Precision | None


def show(request: Request) -> Response:
    """All checks, and the backfills."""
    with request.db.read() as conn:
        known, checks = standings(conn), discover()
        state = in_force(checks, states(conn), request.settings.new_checks)
        numbers = figures(conn, [one.name for one in checks])
        observed = observe(conn, request.now - request.settings.decisions_count)
        records = {(one.check, one.version): one for one in tally(observed, starts(known))}
        backfills = backfill.newest(conn)
    lines = [
        Line(one, state[one.name], known.get(one.name), numbers[one.name], records.get((one.name, one.version)))
        for one in checks
    ]
    return request.page("admin/checks.html", lines=lines, backfills=backfills, states=list(CheckState))


def show_one(request: Request) -> Response:
    """One check: what its author says of it, its state, and starting it over all files. Raises Refusal (no-such-check)."""
    return _one(request, Form(request), 200)


def _one(request: Request, form: Form, status: int) -> Response:
    one = by_name(request.part("check"))
    if one is None:
        raise Refusal(NO_SUCH_CHECK, "there is no such check")
    with request.db.read() as conn:
        standing = standings(conn).get(one.name)
        state = in_force([one], states(conn), request.settings.new_checks)[one.name]
        numbers = figures(conn, [one.name])[one.name]
        findings = newest(conn, one.name, FINDINGS)
    return request.page(
        "admin/check.html",
        status=status,
        check=one,
        state=state,
        standing=standing,
        figures=numbers,
        findings=findings,
        form=form,
        states=list(CheckState),
    )


def set_one(request: Request) -> Response:
    """Set a check's state. Raises Refusal (no-such-check)."""
    form = Form(request)
    name = request.part("check")
    state = CheckState(form.choice("state", list(CheckState)))
    reason = form.words("reason")
    if not reason:
        form.wrong("reason", request.gettext("Fill this in."))
    if form.errors:
        return _one(request, form, 400)
    with request.db.write() as tx:
        set_state(tx, actor(request), name, state, reason=reason, now=request.now)
    return go(request, f"/admin/checks/{name}/", "check-set")


def start(request: Request) -> Response:
    """Run a check over all files that are here; verdicts withdraw nothing. Raises Refusal."""
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        backfill.start(tx, actor(request), [request.part("check")], Selection(), now=request.now, reason=reason)
    return go(request, "/admin/checks/", "backfill-started")


def turn(act: Callable[..., None], notice: str) -> Callable[[Request], Response]:
    """The view that pauses, resumes or cancels a backfill. Raises Refusal (no-such-backfill, backfill-wrong-state)."""

    def view(request: Request) -> Response:
        reason = Form(request).words("reason")
        with request.db.write() as tx:
            act(tx, actor(request), whole(request.part("backfill")), now=request.now, reason=reason)
        return go(request, "/admin/checks/", notice)

    return view


pause = turn(backfill.pause, "backfill-paused")
resume = turn(backfill.resume, "backfill-resumed")
cancel = turn(backfill.cancel, "backfill-cancelled")


def suppress(request: Request) -> Response:
    """Suppress one finding of a case. Raises Refusal (no-such-finding, bad-form)."""
    form = Form(request)
    number, days = whole(form.text("finding")), int(form.choice("days", [str(one) for one in EXPIRIES]))
    case_id, reason = whole(request.part("case")), form.words("reason")
    if not reason:
        form.wrong("suppress", request.gettext("A suppression needs a reason."))
        return case_page.page(request, form, 400)
    with request.db.write() as tx:
        expires = request.now + timedelta(days=days)
        suppressing.suppress(
            tx, actor(request), number, expires=expires, reason=reason, now=request.now, case_id=case_id
        )
    return go(request, f"/admin/review/{case_id}/", "suppressed")


def show_suppressions(request: Request) -> Response:
    """What is suppressed, and what was; SUPPRESSIONS_AT_ONCE of each. Raises Refusal (bad-form)."""
    with request.db.read() as conn:
        now = _suppressed(conn, request, "page", ended=False)
        over = _suppressed(conn, request, "over", ended=True)
    return request.page("admin/suppressions.html", now=now, over=over)


def _suppressed(conn: Connection, request: Request, name: str, *, ended: bool) -> Page[Suppression]:
    count = suppressing.count(conn, now=request.now, ended=ended)
    read = partial(suppressing.suppressions, conn, now=request.now, ended=ended)
    return page_by(request, count, SUPPRESSIONS_AT_ONCE, read, name)


def end_suppression(request: Request) -> Response:
    """End a suppression before its day. Raises Refusal (no-such-suppression, reason-needed)."""
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        suppressing.end(tx, actor(request), whole(request.part("suppression")), reason=reason, now=request.now)
    return go(request, "/admin/suppressions/", "suppression-ended")
