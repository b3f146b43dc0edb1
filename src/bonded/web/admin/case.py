"""One case: its files, the evidence ranked beside the code, and the decision."""

from __future__ import annotations

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.review import queue
from bonded.review.evidence import Evidence, text_of
from bonded.review.queue import Case
from bonded.values.actions import ACTIONS
from bonded.values.states import FileState as S
from bonded.web.admin.evidence import Card, card
from bonded.web.forms import Form, whole
from bonded.web.request import Request

MOST_CARDS = 40
"""Findings shown with code; the rest is counted. Nobody reads more, and the page stays small."""

ACTS: dict[str, frozenset[S]] = {
    "release": frozenset({S.HELD, S.REJECTED, S.QUARANTINED}),
    "reject": frozenset({S.HELD, S.REJECTED}),
    "quarantine": frozenset({S.PUBLIC, S.QUARANTINED}),
    "remove": frozenset({S.HELD, S.PUBLIC, S.QUARANTINED, S.REJECTED}),
    "reopen": frozenset({S.REJECTED}),
    "ask-owner": frozenset(S) - {S.REMOVED},
}
"""Decision -> states of files for which it is offered. What is possible is decided again when it is made."""


def show(request: Request) -> Response:
    """The page. Raises Refusal (no-such-case, bad-form)."""
    return page(request, Form(request), 200)


def page(request: Request, form: Form, status: int) -> Response:
    """The page with what is wrong with the decision's form."""
    with request.db.read() as conn:
        case = queue.case(conn, whole(request.part("case")))
        cards = [_card(conn, one) for one in case.findings[:MOST_CARDS]]
        names = people.names(conn, _people(case))
    states = {one.file.state for one in case.files}
    return request.page(
        "admin/case.html",
        status=status,
        case=case,
        cards=cards,
        more=len(case.findings) - len(cards),
        filenames={one.file.id: one.file.filename for one in case.files},
        names=names,
        acts=[act for act, fitting in ACTS.items() if states & fitting],
        form=form,
        actions=ACTIONS,
    )


def _card(conn: Connection, one: Evidence) -> Card:
    return card(one, text_of(conn, one.evidence) if one.evidence else None)


def _people(case: Case) -> set[str]:
    uploaders = {one.file.uploader_id for one in case.files}
    return uploaders | {one.decided.actor_id for one in case.files if one.decided and one.decided.actor_id}
