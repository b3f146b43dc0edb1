"""What is stored about oneself: to have it, to delete the account, and to choose which mails come."""

from __future__ import annotations

from pyramid.response import Response

from bonded.catalog.of_person import owned_alone
from bonded.journal import record
from bonded.mail import kinds
from bonded.ops.delete_account import delete_account
from bonded.ops.personal_data import as_json, as_zip, collect
from bonded.values.states import SubjectKind
from bonded.web.forms import Form
from bonded.web.identity import actor, drop_session_cookie, signed_in
from bonded.web.notices import go
from bonded.web.paging import page_of
from bonded.web.request import Request

FORMATS = ("zip", "json")
AT_ONCE = 100
"""Projects that hinder a deletion, on a page."""


def show(request: Request) -> Response:
    """What can be had and done. Raises Refusal (bad-form)."""
    return _page(request, Form(request), 200)


def export(request: Request) -> Response:
    """Everything that is stored about the person, as a ZIP of JSON files, or one JSON file. Raises Refusal (bad-form)."""
    user, _ = signed_in(request)
    form = Form(request).choice("format", FORMATS)
    now = request.now
    with request.db.write() as tx:
        subject = (SubjectKind.USER, user.id)
        record(tx, "account.export", actor(request), subject, now=now, user=user.id, facts={"format": form})
    with request.db.read() as conn:
        found = collect(conn, user)
    body = as_json(found, now) if form == "json" else as_zip(found, request.settings.name, user.name, now)
    response = Response(body=body, content_type=f"application/{form}", charset=None)
    response.content_disposition = f'attachment; filename="account-{now:%Y-%m-%d}.{form}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def delete(request: Request) -> Response:
    """Delete the account, when its name was typed right. Raises Refusal (owns-alone, last-administrator, two-owners-needed)."""
    user, _ = signed_in(request)
    form = Form(request)
    if form.text("name", most=50) != user.name:
        form.wrong("name", request.gettext("This is not the name of your account."))
        return _page(request, form, 400)
    with request.db.write() as tx:
        delete_account(tx, actor(request), user, now=request.now)
    response = go(request, "/", "account-deleted")
    drop_session_cookie(request, response)
    return response


def show_mails(request: Request) -> Response:
    """Which mails come, and which need not."""
    user, _ = signed_in(request)
    with request.db.read() as conn:
        unwanted = kinds.choices(conn, user.id)
    return request.page("account/mails.html", optional=kinds.OPTIONAL, unwanted=unwanted)


def choose_mails(request: Request) -> Response:
    """Keep the choice. Raises Refusal (bad-form)."""
    user, _ = signed_in(request)
    wanted = frozenset(Form(request).choices("kind", tuple(kinds.OPTIONAL)))
    with request.db.write() as tx:
        kinds.choose(tx, actor(request), user.id, wanted, now=request.now)
    return go(request, "/account/mails/", "mails-chosen")


def _page(request: Request, form: Form, status: int) -> Response:
    user, _ = signed_in(request)
    with request.db.read() as conn:
        alone = owned_alone(conn, user.id)
    return request.page(
        "account/data.html", status=status, form=form, user=user, alone=page_of(request, alone, AT_ONCE)
    )
