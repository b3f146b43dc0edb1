"""API tokens: making one (its text is shown once), the list, revoking."""

from __future__ import annotations

from datetime import timedelta

from pyramid.response import Response

from bonded.accounts import tokens
from bonded.accounts.tokens import DEFAULT_LIFETIME, MAX_LIFETIME, PERMISSIONS
from bonded.catalog import of_person
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web.forms import Form, not_offered
from bonded.web.identity import actor, signed_in
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request

AT_ONCE = 100
MOST_NAMED = 500
"""Projects that one form may name."""
DAYS = ("7", "30", str(DEFAULT_LIFETIME.days), "365")


def show(request: Request) -> Response:
    """The list, and the form to make one."""
    project = request.params.get("project", "")
    return _page(request, Form(request, {"days": str(DEFAULT_LIFETIME.days)}), 200, chosen=(project,))


def create(request: Request) -> Response:
    """Make a token. Its text is on this answer and nowhere else: there is no redirect, and nothing may cache it."""
    user, _ = signed_in(request)
    form = Form(request)
    name = form.text("name", most=100)
    lifetime = min(timedelta(days=int(form.choice("days", DAYS))), MAX_LIFETIME)
    scope = form.choice("scope", ("all", "some", "first"))
    projects = _named(request, form, user.id)
    permissions = form.choices("permission", sorted(PERMISSIONS))
    networks = form.words("networks").replace(",", " ").split()
    if scope == "some" and not projects:
        form.wrong("project", request.gettext("Choose at least one project."))
    if scope == "first" and permissions != ("upload",):
        form.wrong("permission", request.gettext("A token for a first upload may upload, and nothing else."))
    if not permissions:
        form.wrong("permission", request.gettext("Choose at least one permission."))
    if not form.errors:
        try:
            chosen = projects if scope == "some" else ()
            return _made(request, name, chosen, permissions, networks, lifetime, first_upload=scope == "first")
        except Refusal as refusal:
            form.wrong("networks" if "networks" in refusal.sentence else "name", request.sentence(refusal.sentence))
    return _page(request, form, 400, chosen=projects, may=permissions)


def _named(request: Request, form: Form, user_id: str) -> tuple[str, ...]:
    """The projects that the form chooses by their boxes, or that are typed where they are too many for boxes; what is typed and
    none of the person's is noted in `form`. Raises Refusal (bad-form) for a box that there is not."""
    typed = (name for one in request.POST.getall("project") for name in one.replace(",", " ").split())
    keys = sorted({normalize(name) for name in typed})
    with request.db.read() as conn:
        mine = of_person.keys_among(conn, user_id, keys[:MOST_NAMED])
        boxes = of_person.count(conn, user_id) <= of_person.AT_ONCE
    if len(mine) < len(keys):
        if boxes:
            raise not_offered("project")
        form.wrong("project", request.gettext("No project found"))
    return tuple(keys)


def rotate(request: Request) -> Response:
    """Replace one's own token in one step; the new text is on this answer. Raises Refusal (no-such-token, token-form)."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        token, text = tokens.rotate(
            tx, actor(request), user, request.part("token"), sealer=request.house.sealer, now=request.now
        )
    return _shown(request, token.name, text, token.projects)


def revoke(request: Request) -> Response:
    """Revoke one's own token. Raises Refusal (no-such-token), also for other people's."""
    user, _ = signed_in(request)
    with request.db.write() as tx:
        tokens.revoke(tx, actor(request), request.part("token"), user_id=user.id, now=request.now)
    return go(request, "/account/tokens/", "token-revoked")


def _made(
    request: Request,
    name: str,
    projects: tuple[str, ...],
    permissions: tuple[str, ...],
    networks: list[str],
    lifetime: timedelta,
    *,
    first_upload: bool,
) -> Response:
    user, _ = signed_in(request)
    with request.db.write() as tx:
        _, text = tokens.mint(
            tx,
            actor(request),
            user,
            sealer=request.house.sealer,
            name=name,
            projects=projects,
            permissions=permissions,
            networks=networks,
            first_upload=first_upload,
            expires_at=request.now + lifetime,
            operator=False,
            now=request.now,
        )
    return _shown(request, name, text, projects)


def _shown(request: Request, name: str, text: str, projects: tuple[str, ...]) -> Response:
    return request.page(
        "account/token-made.html", name=name, text=text, projects=projects, upload=request.settings.base + "legacy/"
    )


def _page(
    request: Request, form: Form, status: int, *, chosen: tuple[str, ...], may: tuple[str, ...] = ("upload",)
) -> Response:
    user, _ = signed_in(request)
    with request.db.read() as conn:
        count = tokens.count_kept(conn, user.id)
        mine = page_by(request, count, AT_ONCE, lambda some: tokens.kept(conn, user.id, some))
        projects = [project for project, _ in of_person.some(conn, user.id)]
        many = of_person.count(conn, user.id) > len(projects)
    return request.page(
        "account/tokens.html",
        status=status,
        form=form,
        tokens=mine,
        projects=projects,
        many=many,
        chosen=chosen,
        may=may,
        permissions=sorted(PERMISSIONS),
        days=DAYS,
        now=request.now,
    )
