"""Repositories that a person's projects link to: where somebody can show that they are who published there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from bonded.catalog.tables import file, release, role

MOST = 20


def linked_repositories(conn: Connection, user_id: str) -> list[str]:
    """https addresses with an owner and a name in them, from the metadata of public releases, sorted; at most 20."""
    public = select(file.c.release_id).where(file.c.burnt)
    wanted = (
        select(release.c.metadata)
        .join(role, role.c.project_id == release.c.project_id)
        .where(role.c.user_id == user_id, release.c.id.in_(public))
        .order_by(release.c.created_at.desc())
        .limit(200)
    )
    found = {one for metadata in conn.execute(wanted).scalars() for one in addresses_in(metadata)}
    return sorted(found)[:MOST]


def addresses_in(metadata: dict[str, Any]) -> set[str]:
    """The repository addresses that core metadata name. Pure."""
    labelled = metadata.get("project_urls") or metadata.get("project_url") or []
    if isinstance(labelled, dict):
        texts = [str(one) for one in labelled.values()]
    else:
        texts = [str(one).partition(",")[2] for one in labelled if isinstance(one, str)]
    texts.append(str(metadata.get("home_page") or ""))
    return {one for text in texts if (one := _repository(text.strip()))}


def _repository(text: str) -> str:
    """`https://host/owner/name` of an address with so much of a path; "" for any other."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme != "https" or not host or port not in (None, 443) or len(path) < 2:
        return ""
    return f"https://{host}/{path[0]}/{path[1].removesuffix('.git')}"
