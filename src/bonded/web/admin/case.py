"""One case: its files, the evidence ranked beside the code, what was decided before, and the decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.catalog.requirements import dependants
from bonded.review import claims, compare, queue
from bonded.review.evidence import Evidence, text_of
from bonded.review.queue import Case, CaseFile
from bonded.review.reasons import REASONS
from bonded.review.scope import FITTING, Level
from bonded.review.suppress import NO_SUCH_FINDING, content_of, covered
from bonded.review.two_people import proposals
from bonded.review.undo import last
from bonded.review.uploaders import of_files
from bonded.values.actions import ACTIONS
from bonded.values.refusals import Refusal
from bonded.web.admin.evidence import Card, card
from bonded.web.forms import Form, whole
from bonded.web.history import latest_in
from bonded.web.identity import actor
from bonded.web.paging import page_of
from bonded.web.request import Request

MOST_CARDS = 20
"""Findings shown with code; the rest is listed. Nobody reads more, and the page stays small."""
FILES_AT_ONCE = 200
"""Files that one page shows, and lets decide about."""
FINDINGS_AT_ONCE = 200
DECISIONS = (
    *(name for name in ACTIONS if name.startswith("review.") and name != "review.see"),
    *("file.hold", "file.refuse", "file.withdraw", "file.publish"),
)
KEYS = {"release": "l", "quarantine": "q", "reject": "j", "remove": "m", "ask-owner": "k", "reopen": "b"}
"""Access keys of the acts; a browser wants a modifier with them, so no letter typed by mistake decides anything."""


def show(request: Request) -> Response:
    """The page. Raises Refusal (no-such-case, bad-form)."""
    return page(request, Form(request), 200)


def page(request: Request, form: Form, status: int) -> Response:
    """The page with what is wrong with the decision's form."""
    with request.db.read() as conn:
        case = queue.case(conn, whole(request.part("case")))
        files = page_of(request, case.files, FILES_AT_ONCE, "files")
        shown, quiet = _told_apart(conn, case, request.now)
        cards = [_card(conn, one) for one in shown[:MOST_CARDS]]
        names = people.names(conn, _people(files.shown))
        history = latest_in(request, conn, case.line.project_key, DECISIONS)
        pairs = compare.pairs(conn, [one.file for one in case.files])
        undo = last(conn, actor(request), request.now)
        uploaders = of_files(conn, [one.file for one in case.files], request.now)
        working = claims.holder(case.line, request.now)
        proposed = proposals(conn, [one.file.id for one in files.shown], request.now)
        names |= people.names(conn, {one.user_id for one in proposed.values()} | {working} - {""})
        needed = dependants(conn, [case.line.project_key]).get(case.line.project_key, 0)
    states = {one.file.state for one in files.shown}
    more = [*shown[MOST_CARDS:], *quiet]
    return request.page(
        "admin/case.html",
        status=status,
        case=case,
        files=files,
        cards=cards,
        more=more,
        listed=page_of(request, more, FINDINGS_AT_ONCE, "findings"),
        quiet=len(quiet),
        seen=[seen(one) for one in files.shown],
        filenames={one.file.id: one.file.filename for one in case.files},
        names=names,
        acts=[act for act, fitting in FITTING.items() if states & fitting],
        keys=KEYS,
        reasons=REASONS,
        uploaders=uploaders,
        working=working,
        mine=actor(request).user_id,
        proposed=proposed,
        dependants=needed,
        late=case.line.state == "open" and request.now - case.line.opened_at > request.settings.answer_within,
        levels=list(Level),
        compared=len(pairs),
        history=history,
        undo=undo,
        form=form,
        actions=ACTIONS,
    )


def seen(one: CaseFile) -> str:
    """What the page shows of a file that a decision rests on: its state and who decided last."""
    return f"{one.file.id} {one.file.state} {one.decided.journal_id if one.decided else 0}"


def evidence(request: Request) -> Response:
    """One finding with everything that was kept of its member, each line with an anchor. Raises Refusal."""
    number = whole(request.part("finding"))
    with request.db.read() as conn:
        case = queue.case(conn, whole(request.part("case")))
        one = next((found for found in case.findings if found.id == number), None)
        if one is None:
            raise Refusal(NO_SUCH_FINDING, f"there is no finding {number} in this case")
        shown = _card(conn, one, whole_text=True)
    return request.page("admin/finding.html", case=case, card=shown)


def _card(conn: Connection, one: Evidence, *, whole_text: bool = False) -> Card:
    return card(one, _kept(conn, one), whole=whole_text)


def _told_apart(conn: Connection, case: Case, now: datetime) -> tuple[list[Evidence], list[Evidence]]:
    """The findings, and those of them that a suppression covers: they count nothing in later screenings."""
    known = covered(conn, {one.finding.check for one in case.findings}, now=now)
    places = {(check, path) for check, path, _ in known}
    digests = {one.file.id: one.file.sha256 for one in case.files}
    shown: list[Evidence] = []
    quiet: list[Evidence] = []
    for one in case.findings:
        place = one.finding.check, one.finding.path
        # What was kept is only unpacked where a suppression might cover it.
        own = () if place not in places else (digests.get(one.file_id or ""), content_of(_kept(conn, one)))
        (quiet if any((*place, digest) in known for digest in own) else shown).append(one)
    return shown, quiet


def _kept(conn: Connection, one: Evidence) -> dict[str, Any] | None:
    return text_of(conn, one.evidence) if one.evidence else None


def _people(files: Sequence[CaseFile]) -> set[str]:
    uploaders = {one.file.uploader_id for one in files}
    return uploaders | {one.decided.actor_id for one in files if one.decided and one.decided.actor_id}
