"""A person's trusted publishers for projects that are not there yet: the list, adding one, removing one."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import publishers
from bonded.catalog import read
from bonded.values.names import check_project_name, normalize
from bonded.values.refusals import Refusal
from bonded.web import publishing_form
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The list, and the form to add one."""
    return _page(request, Form(request), 200)


def add(request: Request) -> Response:
    """Add one. Nothing keeps its name; one that is taken already is refused here."""
    user, _ = signed_in(request)
    form, issuer = Form(request), publishing_form.chosen(request)
    name = form.text("name", most=100)
    fields = publishing_form.values(request, form, issuer)
    _check_name(request, form, name)
    if form.errors:
        return _page(request, form, 400)
    lifetime = request.house.publishing.pending_for
    try:
        with request.db.write() as tx:
            publishers.add_pending(
                tx, actor(request), issuer.shape, issuer.url, name, fields, user_id=user.id, lifetime=lifetime, now=request.now
            )  # fmt: skip
    except Refusal as refusal:
        form.wrong("", request.gettext(refusal.kind.title))
        return _page(request, form, refusal.status)
    return go(request, "/account/publishing/", "publisher-added")


def remove(request: Request) -> Response:
    """Remove one's own. Raises Refusal (no-such-publisher), also for somebody else's."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        publishers.remove_pending(tx, actor(request), request.part("publisher"), user.id, now=request.now)
    return go(request, "/account/publishing/", "publisher-removed")


def _check_name(request: Request, form: Form, name: str) -> None:
    if "name" in form.errors:
        return
    try:
        check_project_name(name)
    except Refusal as refusal:
        form.wrong("name", request.gettext(refusal.kind.title))
        return
    with request.db.read() as conn:
        taken = read.project(conn, normalize(name)) is not None
    if taken:
        form.wrong("name", request.gettext("There is a project of this name already. Add the publisher on its pages."))


def _page(request: Request, form: Form, status: int) -> Response:
    user, _ = signed_in(request)
    with request.db.read() as conn:
        found = publishers.pending_of(conn, user.id)
    issuers = request.house.publishing.issuers
    return request.page(
        "account/publishing.html",
        status=status,
        publishers=found,
        form=form,
        issuers=issuers,
        titles={one.url: one.title for one in issuers},
        chosen=publishing_form.chosen(request) if issuers else None,
        prefix=publishing_form.PREFIX,
        days=request.house.publishing.pending_for.days,
        now=request.now,
    )
