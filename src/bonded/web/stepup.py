"""Step-up: asking again who somebody is before an act that needs it, without losing what they had filled in.

The act's own address answers with a page that asks for a proof and carries the form's fields along; posting it proves the
person and does the act in one step. A proof is the password, a code of an app, or a security device of theirs.
"""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import challenges, devices, factors, login_limits, passwords, second_step, sessions
from bonded.accounts.challenges import Purpose
from bonded.accounts.factors import Kind
from bonded.accounts.people import User
from bonded.accounts.sessions import Session
from bonded.values.refusals import Refusal
from bonded.web.forms import Form
from bonded.web.headers import with_script
from bonded.web.identity import actor, signed_in
from bonded.web.request import Request

PASSWORD, CODE, ANSWER = "confirm_password", "confirm_code", "confirm_answer"
FIELDS = (PASSWORD, CODE, ANSWER)


def confirm_in_place(request: Request) -> Response | None:
    """None once the posted proof was right (the act goes on), else the page that asks for it."""
    form = Form(request)
    if any(field in request.POST for field in FIELDS) and confirm(request, form):
        return None
    carried = [(name, value) for name, value in request.POST.items() if name not in ("csrf", *FIELDS)]
    return ask(request, form, request.path, carried)


def ask(request: Request, form: Form, action: str, carried: list[tuple[str, str]]) -> Response:
    """The page that asks for a proof and posts it with the `carried` fields to `action`."""
    user, session = signed_in(request)
    options = None
    with request.db.read() as conn:
        apps = any(one.kind is Kind.APP for one in factors.of_user(conn, user.id))
        credentials = devices.credentials_of(conn, user.id)
    if credentials:
        challenge = challenges.make(request.house.sealer, Purpose.CONFIRM, session.id, now=request.now)
        options = devices.authentication(request.settings.site, credentials, challenge)
    page = request.page(
        "account/confirm.html", status=403, form=form, action=action, carried=carried, apps=apps, options=options
    )
    return with_script(page) if options else page


def confirm(request: Request, form: Form) -> bool:
    """Check the posted proof and note the step-up in the session; what is wrong is noted in `form`."""
    user, session = signed_in(request)
    field = next((name for name in (ANSWER, CODE) if request.POST.get(name)), PASSWORD)
    given = form.answer(field) if field == ANSWER else form.secret(field)
    if form.errors:
        return False
    try:
        _prove(request, user, session, field, given)
    except Refusal as refusal:
        form.wrong("" if field == ANSWER else field, request.gettext(refusal.kind.title))
        return False
    return True


def _prove(request: Request, user: User, session: Session, field: str, given: str) -> None:
    """Raises Refusal: wrong-password, wrong-code, device-failed, device-copied, login-limited, codes-limited, login-busy."""
    proof, now, proved, challenge = "password", request.now, None, ""
    sealer, counter = request.house.sealer, request.house.counter
    if field == CODE:
        second_step.limit(counter, user.id, now, known=session.id)
    else:
        limits = request.settings.login_limits
        login_limits.limit(counter, user.name, request.ip, limits, now, known=session.id)
    if field == ANSWER:
        challenge = challenges.taken(sealer, counter, Purpose.CONFIRM, session.id, given, now=now)
    if field == PASSWORD:
        proved = passwords.check_current(request.db, user.id, given)
    with request.db.write() as tx:
        if field == PASSWORD:
            passwords.check_still(tx, user.id, proved)
        if field == CODE:
            proof = factors.use_code(tx, sealer, user.id, given, now=now).id
        elif field == ANSWER:
            proof = devices.authenticated(tx, request.settings.site, challenge, given, user_id=user.id, now=now).id
        sessions.confirm(tx, actor(request), session, proof=proof, now=now)
