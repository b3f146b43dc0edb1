"""The page of one file: its digests, how to check it, since when clients could see it, and who sent it."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from pyramid.httpexceptions import HTTPMovedPermanently
from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.pages import PageFile, page_state
from bonded.tuf import seen
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web.public import integrity
from bonded.web.public.attested import Attested, attested
from bonded.web.public.commands import checksum, requirement, verified_install
from bonded.web.public.project import version_of
from bonded.web.request import Request, found
from bonded.web.safe import with_part

MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """How a file came: by whom ("" where that is not known any more), and whether with a token."""

    user: str
    token: bool


def show(request: Request) -> Response:
    """One public file. Raises Refusal (not-found)."""
    key = normalize(request.part("project"))
    if key != request.part("project"):
        return HTTPMovedPermanently(location=with_part(request.path, 1, key))
    filename = request.part("filename")
    with request.db.read() as conn:
        page = found(page_state(conn, key, with_metadata=False), f"There is no project {key[:100]} here.")
        version = version_of(page, request.part("version"))
        mine = [file for file in page.files if file.version == version and file.filename == filename]
        file = found(next(iter(mine), None), f"{page.name} {version} has no file {filename[:100]} here.")
        sealed = seen.sealed(conn, [file.file_id]).get(file.file_id)
        sent = _sent(conn, file)
    base = request.settings.base
    return request.page(
        "public/file.html",
        page=page,
        version=version,
        file=file,
        sealed=sealed,
        sent=sent,
        attested=_attested(request, file),
        tags=tags_of(filename),
        target=f"packages/{key}/{filename}",
        pinned=requirement(key, version, [file.sha256]),
        verified=verified_install(base, key, version),
        checksum=checksum(filename, file.sha256),
    )


def tags_of(filename: str) -> list[str]:
    """What a wheel is for (Python, ABI, platform), sorted; [] for anything else."""
    try:
        return sorted(str(tag) for tag in parse_wheel_filename(filename)[3])[:MOST_TAGS]
    except InvalidWheelFilename:
        return []


def _attested(request: Request, file: PageFile) -> list[Attested] | None:
    """What builds attested about the file; None where the vault's copy is damaged, which keeps nobody from its page."""
    try:
        data = integrity.stored(request.house.upload.vault, file)
    except Refusal:
        return None
    return attested(integrity.read(data)) if data else []


def _sent(conn: Connection, file: PageFile) -> Sent:
    row = read.file(conn, file.file_id)
    user = people.by_id(conn, row.uploader_id) if row else None
    return Sent(user.name if user else "", bool(row and row.token_id))
