"""The request as pages see it: Pyramid's, with what the guard found out about the visitor, typed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyramid.decorator import reify
from pyramid.request import Request as PyramidRequest
from pyramid.response import Response
from webob.cookies import parse_cookie

from bonded.db.engine import Database
from bonded.telemetry.redaction import redact_path
from bonded.values.refusals import Refusal
from bonded.web.context import WebContext, WebSettings
from bonded.web.negotiate import COOKIE, negotiated
from bonded.web.refusals import BAD_FORM, NOT_FOUND

if TYPE_CHECKING:
    from bonded.web.identity import Visitor
    from bonded.web.render import Pages


T = TypeVar("T")


HOUSE = "bonded.web.house"
"""Where a request's environ has the WebContext that answers it."""


def texts(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names and values that are UTF-8. Pure."""
    found = {}
    for name, value in pairs:
        try:
            found[name.decode()] = value.decode()
        except UnicodeDecodeError:
            continue
    return found


class Request(PyramidRequest):  # type: ignore[misc]
    """One request. `visitor` is set by the guard before a view runs."""

    pages: Pages
    visitor: Visitor

    @reify
    def cookies(self) -> Mapping[str, str]:
        """The cookies that are text; ours are. What else comes, a program under a neighbouring name has set, and WebOb would
        raise UnicodeDecodeError for all of them."""
        return texts(parse_cookie(self.environ.get("HTTP_COOKIE", "")))

    @property
    def POST(self) -> Any:  # noqa: N802 - WebOb calls it so
        """The posted form; all its values are text. Raises Refusal (bad-form) for one with a file, which no form of ours takes,
        and for one that its Content-Type makes unreadable."""
        try:
            posted = super().POST
        except UnicodeDecodeError:
            raise
        except DeprecationWarning:  # WebOb's way of saying that the form states another encoding
            raise Refusal(BAD_FORM, "The request is not text in UTF-8.") from None
        except ValueError:
            raise Refusal(BAD_FORM, "the form has no usable boundary") from None
        for name, value in posted.items():
            if not isinstance(value, str):
                raise Refusal(BAD_FORM, f"the field {name} is a file")
        return posted

    @property
    def house(self) -> WebContext:
        """What this application works with."""
        return cast("WebContext", self.environ[HOUSE])

    @property
    def db(self) -> Database:
        return self.house.db

    @property
    def settings(self) -> WebSettings:
        return self.house.settings

    @reify
    def now(self) -> datetime:
        """The moment of this request: read from the clock once, so that everything it does has one time."""
        return self.house.clock()

    @reify
    def request_id(self) -> str:
        """The server's number for this request, or a new one where no server gave one."""
        return str(self.environ.get("bonded.request_id") or secrets.token_hex(8))

    @reify
    def shown_path(self) -> str:
        """The path for pages; "/" where it is not UTF-8 (an error page then says so)."""
        try:
            return str(self.path)
        except UnicodeDecodeError:
            return "/"

    @property
    def way_back(self) -> str:
        """Where to come back to after choosing a language; "/" for a page whose address is a secret of its own (a link of a
        mail): that must not stand in the address of another page, which logs and histories keep."""
        path = self.shown_path
        return "/" if path.startswith("/account/") and redact_path(path) != path else path

    @property
    def ip(self) -> str:
        """The client's address; the server has resolved trusted proxies already."""
        return str(self.remote_addr or "")

    @property
    def agent(self) -> str:
        return str(self.user_agent or "")[:200]

    @reify
    def language(self) -> str:
        """The language of this answer: the one that the person chose, else that of the cookie, else the best offered one by
        Accept-Language."""
        user = self.visitor.user if hasattr(self, "visitor") else None
        header = str(self.environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        return negotiated(
            self.settings.languages, user.language if user else None, self.cookies.get(COOKIE, ""), header
        )

    def gettext(self, message: str, **values: object) -> str:
        """`message` in the language of this answer, with %(name)s filled in from `values`."""
        text = self.pages.translations(self.language).gettext(message)
        return text % values if values else text

    def ngettext(self, one: str, many: str, n: int, **values: object) -> str:
        """The same for what depends on a number; both forms may hold %(n)s."""
        return self.pages.translations(self.language).ngettext(one, many, n) % {"n": n, **values}

    def sentence(self, text: str) -> str:
        """What a refusal says, in the language of this answer where it is translated."""
        return self.pages.translations(self.language).sentence(text) or text

    def part(self, name: str) -> str:
        """The part of the path that the route calls `name`."""
        return str(self.matchdict[name])

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The answer made of `template` with `values`."""
        return self.pages.response(self, template, values, status)

    def form_fields(self) -> Mapping[str, str]:
        """The posted form; where a field came twice, its last value."""
        return dict(self.POST.items())


def found(thing: T | None, sentence: str) -> T:
    """`thing`, or Refusal (not-found) with `sentence` when there is none."""
    if thing is None:
        raise Refusal(NOT_FOUND, sentence)
    return thing
