"""Names that somebody may have meant whose address names a project that is not here."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from bonded.catalog.find import Found, near_names
from bonded.web.request import Request


def near(request: Request) -> Sequence[Found]:
    """Some projects with names like the one in the address of a public page; () elsewhere, and where nothing is near."""
    name = (request.matchdict or {}).get("project", "")
    if not name or not request.shown_path.startswith("/project/"):
        return ()
    try:
        with request.db.read() as conn:
            return near_names(conn, name)
    except SQLAlchemyError:
        return ()  # a page that says that something is not there must come without them too
