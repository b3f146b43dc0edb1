"""Step-up: asking again who somebody is before an act that needs it, without losing what they had filled in.

The act's own address answers with a page that asks for the password and carries the form's fields along; posting it
proves the person and does the act in one step. Second factors come here.
"""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import login, passwords, sessions
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.identity import actor, signed_in
from bonded.web.request import Request

FIELD = "confirm_password"


def confirm_in_place(request: Request) -> Response | None:
    """None once the posted password was right (the act goes on), else the page that asks for it."""
    form = Form(request)
    if FIELD in request.POST:
        try:
            confirm(request, form.secret(FIELD))
            return None
        except Refusal as refusal:
            form.wrong(FIELD, request.gettext(refusal.kind.title))
    carried = [(name, value) for name, value in request.POST.items() if name not in ("csrf", FIELD)]
    return ask(request, form, request.path, carried)


def ask(request: Request, form: Form, action: str, carried: list[tuple[str, str]]) -> Response:
    """The page that asks for the password and posts it with the `carried` fields to `action`."""
    return request.page("account/confirm.html", status=403, form=form, action=action, carried=carried)


def confirm(request: Request, password: str) -> None:
    """Check the password and note the step-up in the session. Raises Refusal (wrong-password, login-limited, login-busy)."""
    user, session = signed_in(request)
    login.limit(request.house.counter, user.name, request.ip, request.settings.login_limits, request.now)
    passwords.check_current(request.db, user.id, password)
    with request.db.write() as tx:
        sessions.confirm(tx, actor(request), session, now=request.now)
