"""Trusted publishers of a project: the list, adding one, taking one over, removing one."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import people, publishers
from bonded.catalog import read
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web import publishing_form
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.manage.files import project_of
from bonded.web.notices import go
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The list, and the form to add one."""
    return _page(request, Form(request), 200)


def add(request: Request) -> Response:
    """Add a publisher, which acts in the name of whoever adds it. Raises Refusal (publisher-form, too-many-publishers)."""
    user, _ = signed_in(request)
    form, issuer = Form(request), publishing_form.chosen(request)
    fields, key = publishing_form.values(request, form, issuer), normalize(request.part("project"))
    if form.errors:
        return _page(request, form, 400)
    try:
        with request.db.write() as tx:
            publishers.add(
                tx, actor(request), issuer.shape, issuer.url, key, fields, user_id=user.id, now=request.now
            )  # fmt: skip
    except Refusal as refusal:
        form.wrong("", request.gettext(refusal.kind.title))
        return _page(request, form, refusal.status)
    return go(request, f"/manage/project/{key}/publishing/", "publisher-added")


def adopt(request: Request) -> Response:
    """Have it act in one's own name. Raises Refusal (no-such-publisher)."""
    user, _ = signed_in(request)
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        publishers.adopt(tx, actor(request), request.part("publisher"), key, user_id=user.id, now=request.now)
    return go(request, f"/manage/project/{key}/publishing/", "publisher-adopted")


def remove(request: Request) -> Response:
    """Remove it; what it was given ends at once. Raises Refusal (no-such-publisher)."""
    key = normalize(request.part("project"))
    with request.db.write() as tx:
        publishers.remove(tx, actor(request), request.part("publisher"), key, now=request.now)
    return go(request, f"/manage/project/{key}/publishing/", "publisher-removed")


def _page(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        project = project_of(conn, request)
        found = publishers.of_project(conn, project.key)
        roles = dict(read.roles(conn, project.id))
        names = people.names(conn, {one.user_id for one in found})
    issuers = request.house.publishing.issuers
    return request.page(
        "manage/publishing.html",
        status=status,
        project=project,
        publishers=found,
        roles=roles,
        names=names,
        form=form,
        issuers=issuers,
        titles={one.url: one.title for one in issuers},
        chosen=publishing_form.chosen(request) if issuers else None,
        prefix=publishing_form.PREFIX,
    )
