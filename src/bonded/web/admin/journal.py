"""The journal as administrators read it: every row, by person, project, API token, act and time.

Addresses of people are not in it until one says why one needs them: that is an act of its own, in the journal with the reason,
and in the history of the person whose addresses were read.
"""

from __future__ import annotations

from typing import Any

from pyramid.response import Response

from bonded.accounts import people
from bonded.catalog.rules import check_reason
from bonded.journal import read, record
from bonded.values.names import normalize
from bonded.values.states import SubjectKind
from bonded.web.forms import Form, whole
from bonded.web.history import Rows, form_values, history_page, of_everything, rows_of, with_private
from bonded.web.history_export import exported
from bonded.web.history_filter import Chosen, chosen_of, narrowed
from bonded.web.identity import actor
from bonded.web.request import Request

ACT = "admin.read-private"


def show(request: Request) -> Response:
    """Rows without addresses, newest first. Raises Refusal (bad-form, not-found)."""
    return history_page(request, "admin/journal.html", of_everything, named=True, private=None)


def export(request: Request) -> Response:
    """The same as CSV or JSON. Raises Refusal (bad-form, not-found)."""
    with request.db.read() as conn:
        by = narrowed(conn, chosen_of(request.GET))
    return exported(request, of_everything, by, request.GET.get("format", "json"))


def show_private(request: Request) -> Response:
    """Rows with addresses, as a page or a file, for a reason that the journal keeps. `ip` narrows to one address.

    Raises Refusal (reason-needed, reason-too-long, bad-form, not-found).
    """
    form = Form(request)
    reason, ip = form.words("reason"), form.text("ip", most=45, required=False)
    kind = form.choice("as", ("page", "csv", "json"))
    chosen, before = chosen_of(request.POST), form.text("before", most=20, required=False)
    last = whole(before) if before else None
    with request.db.write() as tx:
        by = narrowed(tx, chosen, ip)
        _note(request, tx, chosen, ip=ip, reason=check_reason(ACT, reason), kind=kind)
    if kind != "page":
        return exported(request, with_private, by, kind)
    with request.db.read() as conn:
        page = with_private(conn, by, last, read.PAGE)
        rows = Rows(rows_of(conn, request, page, named=True), before=page.before)
    private = {"reason": reason, "ip": ip}
    return request.page("admin/journal.html", page=rows, private=private, **form_values(chosen))


def _note(request: Request, tx: Any, chosen: Chosen, *, ip: str, reason: str, kind: str) -> None:
    """Write down who reads whose addresses, and why. A name stays out of the facts: the row names the person by id."""
    person = people.by_name(tx, chosen.person) if chosen.person else None
    facts: dict[str, Any] = {"reason": reason, "as": kind}
    facts["filter"] = {name: value for name, value in chosen.fields.items() if name != "person"}
    record(
        tx,
        ACT,
        actor(request),
        (SubjectKind.USER, person.id) if person else (SubjectKind.INDEX, ""),
        now=request.now,
        project=_project(chosen),
        user=person.id if person else None,
        facts=facts,
        private={"searched": ip} if ip else None,
    )


def _project(chosen: Chosen) -> str | None:
    """The project that was asked for, normalized, for its history."""
    return normalize(chosen.project) if chosen.project else None
