"""The one gate: a view runs only when its route declares an action for the method and `permits` allows it.

A view that was added without our table has no action: it is denied. Nothing else in `web` decides who may do what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from bonded.accounts import permits
from bonded.accounts.permits import (
    CONFIRM_REQUIRED,
    LOGIN_REQUIRED,
    SECOND_FACTOR_NEEDED,
    SECURITY_DEVICE_NEEDED,
    Denied,
)
from bonded.catalog import read
from bonded.values.actions import Action
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web import identity, stepup
from bonded.web.factors_asked import NOTHING_ASKED, asked_of, may_ask
from bonded.web.notices import go
from bonded.web.refusals import NOT_FOUND, WRONG_METHOD
from bonded.web.request import Request
from bonded.web.safe import local_path, quoted
from bonded.web.table import Proof, Route

SAFE = frozenset({"GET", "HEAD"})


class Routed:
    """The view of one route: finds the view of the method, and runs it only past the gate."""

    def __init__(self, route: Route) -> None:
        self.route = route

    def __call__(self, request: Request) -> Response:
        found = self.route.handler(request.method)
        if found is None:
            refusal = Refusal(WRONG_METHOD, f"{request.method} is not possible here")
            refusal.allow = self.route.allow  # type: ignore[attr-defined] # read by errors.refused
            raise refusal
        action, view = found
        if self.route.proof is Proof.TOKEN:
            request.visitor = identity.nobody()
            return view(request)
        request.visitor = identity.visitor_of(request)
        if self.route.stranger_form:
            request.visitor = identity.with_stranger_secret(request, request.visitor)
        if request.method not in SAFE:
            identity.check_form_secret(request, request.visitor)
        return gate(request, action) or view(request)


def gate(request: Request, action: Action) -> Response | None:
    """None when the visitor may do `action` here; else where to send them. Raises the Refusal where nothing helps."""
    denied = verdict(request, action)
    if denied is None:
        return None
    if denied.code == LOGIN_REQUIRED and request.method in SAFE:
        return go(request, f"/account/login/?next={quoted(local_path(request.path_qs))}")
    if denied.code in (SECOND_FACTOR_NEEDED, SECURITY_DEVICE_NEEDED):
        return go(request, f"/account/factors/?next={quoted(local_path(request.path_qs))}", denied.code)
    if denied.code == CONFIRM_REQUIRED and request.method in SAFE:
        return go(request, f"/account/confirm/?next={quoted(local_path(request.path_qs))}")
    if denied.code == CONFIRM_REQUIRED and request.method == "POST":
        # The page asks for the password and carries the form along; once it is right, the act goes on here.
        return stepup.confirm_in_place(request)
    project = request.matchdict.get("project")
    raise permits.refusal(denied, action, normalize(project)[:100] if project else None)


def verdict(request: Request, action: Action) -> Denied | None:
    """What `permits` says of this visitor, with the role that they have in the project named in the address."""
    visitor = request.visitor
    role, asked = None, NOTHING_ASKED
    if visitor.user and ("project" in request.matchdict or may_ask(action)):
        with request.db.read() as conn:
            if "project" in request.matchdict:
                role = read.role_in(conn, visitor.user.id, normalize(request.matchdict["project"]))
            asked = asked_of(conn, visitor.user.id, action, request.settings.second_factor)
    decision = permits.decide(
        action,
        account=visitor.account,
        is_admin=visitor.is_admin,
        role=role,
        scopes=None,
        factor_age=visitor.session.factor_age(request.now) if visitor.session else None,
        fresh=request.settings.confirm_lifetime,
        second_factor=asked.second_factor,
        everybody=asked.everybody,
        device=asked.device,
    )
    return decision if isinstance(decision, Denied) else None


def guarded(view: Callable[..., Response], info: Any) -> Callable[..., Response]:
    """View deriver: a view that is neither ours nor an error page answers 404, whatever it does."""
    if isinstance(info.original_view, Routed) or info.exception_only:
        return view

    def denied(_context: Any, _request: Request) -> Response:
        raise Refusal(NOT_FOUND, "There is nothing at this address.")

    return denied
