"""`/integrity/<project>/<version>/<file>/provenance`: what a build attested about a public file (PEP 740), as PyPI's integrity
API has it. It goes with the file: whatever is not public has none.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import structlog
from pyramid.httpexceptions import HTTPMovedPermanently
from pyramid.response import Response

from bonded.catalog.pages import PageFile, page_state
from bonded.seams import NotStored, Storage
from bonded.values.names import normalize
from bonded.values.refusals import Refusal, define
from bonded.web.public.project import version_of
from bonded.web.request import Request, found
from bonded.web.safe import with_part

FORM = "application/vnd.pypi.integrity.v1+json"
FORMS = (FORM, "application/json")
DAMAGED = define(
    "provenance-damaged",
    503,
    "The provenance cannot be shown",
    "What the vault of this index holds is not what was verified when the file came. Nothing else of the file is affected: its bytes "
    "are sealed. The operator has to put it right; `bonded fsck` names the object.",
)

log = structlog.get_logger("bonded.web")


def show(request: Request) -> Response:
    """The provenance object. Raises Refusal (not-found, provenance-damaged)."""
    key = normalize(request.part("project"))
    if key != request.part("project"):
        return HTTPMovedPermanently(location=with_part(request.path, 1, key))
    file = _file(request, key)
    data = found(stored(request.house.upload.vault, file), f"{file.filename[:100]} has no provenance.")
    offers = request.accept.acceptable_offers(FORMS)
    response = Response(body=data, content_type=offers[0][0] if offers else FORM)
    response.vary = ("Accept",)
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


def stored(vault: Storage, file: PageFile) -> bytes | None:
    """The provenance object of a file, None when it has none. Raises Refusal (provenance-damaged)."""
    if file.provenance_sha256 is None:
        return None
    name = f"{file.vault_key}.provenance"
    try:
        data = vault.get(name).data
    except NotStored:
        data = b""
    if hashlib.sha256(data).hexdigest() != file.provenance_sha256:
        log.error("provenance is missing or damaged in the vault", name=name)
        raise Refusal(DAMAGED, "What was attested about this file cannot be shown now.")
    return data


def read(data: bytes) -> list[dict[str, Any]]:
    """The attestation bundles of a provenance object."""
    bundles: list[dict[str, Any]] = orjson.loads(data)["attestation_bundles"]
    return bundles


def _file(request: Request, key: str) -> PageFile:
    filename = request.part("filename")
    with request.db.read() as conn:
        page = found(page_state(conn, key, with_metadata=False), f"There is no project {key[:100]} here.")
    version = version_of(page, request.part("version"))
    mine = [file for file in page.files if file.version == version and file.filename == filename]
    return found(next(iter(mine), None), f"{page.name} {version} has no file {filename[:100]} here.")
