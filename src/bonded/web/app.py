"""The application: Pyramid with our routes, guard and error pages, as WSGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPException
from pyramid.tweens import EXCVIEW, INGRESS
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bonded.values.refusals import Refusal
from bonded.web import errors
from bonded.web.context import WebContext
from bonded.web.guard import Routed, guarded
from bonded.web.render import Pages
from bonded.web.request import HOUSE, Request
from bonded.web.routes import ROUTES
from bonded.web.table import Route

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


_made: list[tuple[tuple[Route, ...], Wsgi]] = []
"""The router of the newest table of routes: making one takes a third of a second, and nothing in it depends on a context."""


def make_wsgi(context: WebContext) -> Wsgi:
    """The WSGI application of one process. Safe for threads."""
    if not _made or _made[0][0] is not ROUTES:
        _made[:] = [(ROUTES, _router())]
    router = _made[0][1]

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ[HOUSE] = context
        return router(environ, start)

    return application


def _router() -> Wsgi:
    config = Configurator(settings={"pyramid.includes": []})
    config.set_request_factory(type("HouseRequest", (Request,), {"pages": Pages()}))
    config.add_tween("bonded.web.headers.security_headers", under=INGRESS, over=EXCVIEW)
    config.add_tween("bonded.web.files_host.only_files", under="bonded.web.headers.security_headers", over=EXCVIEW)
    config.add_view_deriver(guarded, name="guarded")
    for route in ROUTES:
        config.add_route(route.name, route.pattern)
        config.add_view(Routed(route), route_name=route.name)
    config.add_exception_view(errors.refused, context=Refusal)
    config.add_exception_view(errors.http_error, context=HTTPException)
    config.add_exception_view(errors.bad_text, context=URLDecodeError)
    config.add_exception_view(errors.bad_text, context=UnicodeDecodeError)
    for kind in (OperationalError, InternalError, PoolTimeout):
        config.add_exception_view(errors.busy, context=kind)
    config.add_exception_view(errors.fault, context=Exception)
    config.add_notfound_view(errors.not_found)
    app: Wsgi = config.make_wsgi_app()
    return app
