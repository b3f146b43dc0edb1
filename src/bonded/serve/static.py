"""The static lane: GET and HEAD of the public store. Method, target and headers in, an answer out.

Nothing here waits or sends; the server does. A request is planned (pure, remembered), its object found, its conditions
weighed, its answer composed.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol
from urllib.parse import parse_qs, quote

from multidict import istr

from bonded.seams import NotStored
from bonded.serve import caching
from bonded.serve.answers import Answer, head, plain
from bonded.serve.conditions import NONE, WHOLE, Conditions, Outcome, Span, outcome
from bonded.serve.context import ServeSettings
from bonded.serve.negotiate import CODING, OFFER, codings, simple_form
from bonded.serve.paths import Asset, Class, Moved, Page, fits, target
from bonded.serve.sources import Found, Source
from bonded.values.serials import HEADER, LONGEST, serial_of

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Content-Length, Content-Range",
}
GUARD = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
FIELDS = 32
"""Most fields of a query; there is one that means something."""
_REMEMBERED = 4096
_LONGEST_KEY = 600

_ACCEPT, _CODING = istr("Accept"), istr("Accept-Encoding")
_MATCH, _TAG, _SINCE = istr("If-Match"), istr("If-None-Match"), istr("If-Modified-Since")
_UNTIL, _IF, _RANGE = istr("If-Unmodified-Since"), istr("If-Range"), istr("Range")


class Headers(Protocol):
    """The request's headers, case-insensitive."""

    def getall(self, key: str, /) -> list[str]: ...
    def __contains__(self, key: object, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Objects to look for in order, each with its coding, and what is said about them."""

    names: tuple[tuple[str, str], ...]
    type: str
    klass: Class
    vary: str
    keys: str


class StaticLane:
    """Answers out of `source`. `private`: reads are checked, so no shared cache may keep them."""

    def __init__(self, source: Source, settings: ServeSettings, *, private: bool) -> None:
        self.source, self._private, self._times = source, private, settings.times
        self._plans: dict[tuple[str, str, str], Plan | Answer] = {}

    def answer(self, method: str, url: str, headers: Headers) -> Answer:
        """The answer to `method` (GET or HEAD) of `url` (path and query, percent-encoded).

        Raises OSError or StorageError when the store fails.
        """
        asked = _conditions(headers)
        accept = ",".join(headers.getall(_ACCEPT)) if _ACCEPT in headers else ""
        coding = ",".join(headers.getall(_CODING)) if _CODING in headers and not asked.range else ""
        plan = self._plan(url, accept, coding)
        if isinstance(plan, Answer):
            return plan if method == "GET" else Answer(plan.status, plan.head)
        for name, coding in plan.names:
            found = self.source.find(name)
            if found is not None:
                return self._compose(method, plan, coding, found, asked)
        return _without_body(method, self._missing(plan.names[-1][0]))  # of names that have others, any says the same

    def _plan(self, url: str, accept: str, coding: str) -> Plan | Answer:
        key = (url, accept, coding)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._make_plan(url, accept, coding)
            if len(url) + len(accept) + len(coding) < _LONGEST_KEY:
                if len(self._plans) >= _REMEMBERED:
                    self._plans.clear()
                self._plans[key] = plan
        return plan

    def _make_plan(self, url: str, accept: str, coding: str) -> Plan | Answer:
        path, _, query = url.partition("?")
        asked = target(path)
        if isinstance(asked, Asset):
            # Compressed copies of the others are not looked for: a store elsewhere is asked once for each name.
            names = *_copies(asked.name, coding if asked.copies else ""), *((one, "") for one in asked.others)
            keys = caching.surrogate_key(asked.name, asked.klass)
            return Plan(names, asked.type, asked.klass, self._vary("Accept-Encoding" if asked.copies else ""), keys)
        if isinstance(asked, Page):
            return self._page(asked, query, accept, coding)
        return self._moved(asked, query) if isinstance(asked, Moved) else self._missing("")

    def _page(self, page: Page, query: str, accept: str, coding: str) -> Plan | Answer:
        try:
            asked = parse_qs(query, max_num_fields=FIELDS) if query else {}
        except ValueError:
            return plain(400, f"Bad Request: the query has more than {FIELDS} fields", CORS)
        form = simple_form(accept, asked.get("format", [""])[-1])
        if form is None:
            text = f"Not Acceptable: this page comes as {OFFER}"
            return plain(406, text, CORS | {"Vary": self._vary("Accept, Accept-Encoding")})
        name = f"{page.folder}index.{form[0]}"
        keys = caching.surrogate_key(name, Class.PAGE)
        return Plan(_copies(name, coding), form[1], Class.PAGE, self._vary("Accept, Accept-Encoding"), keys)

    def _moved(self, moved: Moved, query: str) -> Answer:
        place = quote(moved.path, safe="/+!") + ("?" + quote(query, safe="=&+/:;,%") if query else "")
        cache = caching.PRIVATE if self._private else caching.MOVED
        return plain(301, f"Moved: {place}", CORS | {"Location": place}, cache=cache)

    def _missing(self, name: str) -> Answer:
        return plain(404, "Not Found", CORS | caching.missing("" if self._private else name))

    def _vary(self, names: str) -> str:
        return ", ".join(part for part in (names, "Authorization" if self._private else "") if part)

    def _compose(self, method: str, plan: Plan, coding: str, found: Found, asked: Conditions) -> Answer:
        result = WHOLE
        if asked is not NONE and plan.klass is not Class.POINTER:
            result = outcome(asked, tag=found.tag, modified=found.modified, size=found.size)
        if result.status != 200:
            return _without_body(method, self._partial(plan, coding, found, result))
        key = (plan.type, coding, plan.vary)
        made = found.answers.get(key)
        if made is None:
            made = found.answers[key] = self._whole(plan, coding, found)
        return made if method == "GET" else Answer(200, made.head)

    def _whole(self, plan: Plan, coding: str, found: Found) -> Answer:
        lines = head(200, self._headers(plan, coding, found) | {"Content-Length": str(found.size)})
        if found.data is not None:
            return Answer(200, lines, found.data)
        return Answer(200, lines, b"", found, Span(0, found.size))

    def _partial(self, plan: Plan, coding: str, found: Found, result: Outcome) -> Answer:
        headers = self._headers(plan, coding, found)
        if result.status == 304:
            del headers["Content-Type"]
            return Answer(304, head(304, headers))
        if result.status == 412:
            return plain(412, "Precondition Failed", CORS)
        if result.span is None:
            return plain(416, "Range Not Satisfiable", CORS | {"Content-Range": f"bytes */{found.size}"})
        start, count = result.span.offset, result.span.count
        headers["Content-Range"] = f"bytes {start}-{start + count - 1}/{found.size}"
        headers["Content-Length"] = str(count)
        if found.data is not None:
            return Answer(206, head(206, headers), found.data[start : start + count])
        return Answer(206, head(206, headers), b"", found, result.span)

    def _headers(self, plan: Plan, coding: str, found: Found) -> dict[str, str]:
        headers = {"Content-Type": plan.type + ("; charset=utf-8" if plan.type.endswith("html") else "")}
        if plan.klass is not Class.POINTER:
            headers["ETag"] = found.tag
            headers["Accept-Ranges"] = "bytes"
            if found.modified:
                headers["Last-Modified"] = formatdate(found.modified, usegmt=True)
        headers["Cache-Control"] = caching.cache_control(plan.klass, self._times, private=self._private)
        if plan.vary:
            headers["Vary"] = plan.vary
        if coding:
            headers["Content-Encoding"] = coding
        headers |= self._serial(found)
        if self._private:
            return headers | GUARD
        if surrogate := caching.surrogate_control(plan.klass, self._times):
            headers["Surrogate-Control"] = surrogate
        headers["Surrogate-Key"] = plan.keys
        return headers | GUARD | CORS

    def _serial(self, found: Found) -> dict[str, str]:
        """The header that tells mirrors how new a document of the JSON API is."""
        if not found.name.startswith("pypi/"):
            return {}
        if found.data is not None:
            serial = serial_of(found.data)
        else:
            try:
                with self.source.open(found) as stream:
                    serial = serial_of(stream.read(LONGEST))
            except (FileNotFoundError, NotStored):
                return {}  # it went this moment; the body will not be found either
        return {HEADER: serial} if serial else {}


def _conditions(headers: Headers) -> Conditions:
    """The conditional headers; NONE itself when there are none, which is nearly always."""
    h = headers
    if not (
        _TAG in h or _RANGE in h or _SINCE in h or _MATCH in h or _UNTIL in h
    ):  # a loop would cost three times as much
        return NONE
    names = (_MATCH, _TAG, _SINCE, _UNTIL, _IF, _RANGE)
    return Conditions(*[",".join(h.getall(name)) if name in h else "" for name in names])


def _copies(name: str, coding: str) -> tuple[tuple[str, str], ...]:
    """Names to look for: compressed copies that the client takes, then the object itself."""
    copies = ((f"{name}.{suffix}", CODING[suffix]) for suffix in codings(coding))
    return *(one for one in copies if fits(one[0])), (name, "")


def _without_body(method: str, answer: Answer) -> Answer:
    return answer if method == "GET" else Answer(answer.status, answer.head)
