"""`/osv/`: advisories on confirmed malware, for whoever warns people: each by its id, a list, and all in one archive."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import orjson
from pyramid.response import Response

from bonded.screening import osv
from bonded.web.request import Request, found


def index(request: Request) -> Response:
    """Ids and times of every advisory, withdrawn ones included."""
    with request.db.read() as conn:
        every = osv.advisories(conn)
    return _json([{"id": one["id"], "modified": one["modified"], "url": _address(request, one["id"])} for one in every])


def show(request: Request) -> Response:
    """One advisory. Raises Refusal (not-found)."""
    with request.db.read() as conn:
        one = osv.one_advisory(conn, request.part("advisory"))
    return _json(found(one, "There is no advisory of this id."))


def everything(request: Request) -> Response:
    """All advisories in a zip archive, a file for each, as OSV's importers take them."""
    with request.db.read() as conn:
        every = osv.advisories(conn)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in every:
            moment = datetime.fromisoformat(one["modified"]).timetuple()[:6]
            archive.writestr(zipfile.ZipInfo(f"{one['id']}.json", moment), orjson.dumps(one))
    return Response(body=buffer.getvalue(), content_type="application/zip")


def _address(request: Request, advisory_id: str) -> str:
    return f"{request.settings.base}osv/{advisory_id}.json"


def _json(value: Any) -> Response:
    response = Response(body=orjson.dumps(value), content_type="application/json", charset="utf-8")
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
