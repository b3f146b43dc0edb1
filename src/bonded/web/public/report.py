"""Reporting a project: a form for people, with no script; and `POST /api/reports/` for programs."""

from __future__ import annotations

from typing import Any

import orjson
from pyramid.response import Response

from bonded.screening import reports
from bonded.screening.reports import KINDS, REPORT_FORM, Told
from bonded.values.pieces import names
from bonded.values.refusals import Refusal
from bonded.values.who import Actor, ActorKind
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.refusals import NOT_FOUND
from bonded.web.request import Request

FIELDS = ("project", "kind", "words", "version", "filename", "url", "email")


def show(request: Request) -> Response:
    """The form; project, version and file may come in the address."""
    _open(request)
    given = {name: str(request.GET.get(name, ""))[:200] for name in ("project", "version", "filename")}
    return _page(request, Form(request, given), 200)


def send(request: Request) -> Response:
    """Take a report. What is wrong is said on the form, as it was filled in."""
    _open(request)
    form = Form(request)
    told = Told(
        project=form.text("project", most=100),
        kind=form.choice("kind", KINDS),
        words=str(form.value("words")),
        version=form.text("version", most=100, required=False),
        filename=form.text("filename", most=250, required=False),
        url=form.text("url", most=500, required=False),
        email=form.text("email", most=254, required=False),
        language=request.language,
    )
    if not form.errors:
        try:
            number = _take(request, actor(request), told)
        except Refusal as refusal:
            if refusal.status not in (400, 404):
                raise
            form.wrong("", request.sentence(refusal.sentence))
        else:
            return request.page("public/reported.html", number=number, answer=bool(told.email))
    return _page(request, form, 400)


def api(request: Request) -> Response:
    """The same from a JSON object. Raises Refusal."""
    _open(request)
    try:
        given: Any = orjson.loads(request.body)
        values = {name: given.get(name, "") for name in FIELDS}
    except (ValueError, AttributeError):
        raise Refusal(REPORT_FORM, "The body is not a JSON object") from None
    unknown = sorted(set(map(str, given)) - set(FIELDS))
    if unknown or not all(isinstance(one, str) for one in values.values()):
        raise Refusal(REPORT_FORM, f"The fields of a report are strings: {names(FIELDS)}")
    number = _take(
        request, Actor(ActorKind.USER, "", "", request.ip, request.agent), Told(**values, language=request.language)
    )
    body = orjson.dumps({"report": number, "state": "new"})
    return Response(body=body, status=201, content_type="application/json", charset="utf-8")


def _take(request: Request, who: Actor, told: Told) -> int:
    reports.limit(request.house.counter, request.ip, request.settings.reports_per_hour, request.now)
    with request.db.write() as tx:
        return reports.make(tx, who, told, now=request.now)


def _open(request: Request) -> None:
    if not request.settings.reports_per_hour:
        raise Refusal(NOT_FOUND, "This index takes no reports.")


def _page(request: Request, form: Form, status: int) -> Response:
    return request.page("public/report.html", status=status, form=form, kinds=KINDS)
