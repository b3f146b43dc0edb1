"""Rendered descriptions: kept beside their release, made by a job (`upload.describe`), read by pages.

What is kept has passed `values.prose.faults`: markup of the few kinds that pages show, nothing that loads or runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from bonded.catalog.description_tables import description
from bonded.catalog.tables import project, release
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue

QUEUE = "describe"
_D = description.c


class Outcome(StrEnum):
    """What became of a description."""

    WAITING = "waiting"
    """The job has not run yet: shown as text meanwhile."""
    RENDERED = "rendered"
    """`html` is what pages show."""
    TEXT = "text"
    """It is text, or there is none: shown as written, and nothing is wrong."""
    FAILED = "failed"
    """It should have been rendered and could not be: shown as written, and the page says so."""


@dataclass(frozen=True, slots=True)
class Description:
    """A rendered description. `kind` is a media type; `reason` is for the owners and may quote the description."""

    outcome: Outcome
    kind: str = ""
    html: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What is rendered: the text and the media type that its author gave it, with parameters."""

    text: str
    content_type: str


def read_description(conn: Connection, key: str, version: str) -> Description:
    """The description of the release `version` of the project `key`; one that waits where there is none."""
    found = conn.execute(
        select(_D.outcome, _D.kind, _D.html, _D.reason)
        .join(release, release.c.id == _D.release_id)
        .join(project, project.c.id == release.c.project_id)
        .where(project.c.key == key, release.c.version == version)
    ).one_or_none()
    if found is None:
        return Description(Outcome.WAITING)
    return Description(Outcome(found.outcome), found.kind, found.html, found.reason)


def source_of(conn: Connection, release_id: str) -> Source | None:
    """What the release says of itself; None when there is no such release."""
    metadata = conn.execute(select(release.c.metadata).where(release.c.id == release_id)).scalar_one_or_none()
    if metadata is None:
        return None
    text, kind = (metadata.get(name) for name in ("description", "description_content_type"))
    return Source(text if isinstance(text, str) else "", kind if isinstance(kind, str) else "")


def expect_description(tx: Tx, release_id: str) -> None:
    """Make the row of a new release, which a job will fill."""
    tx.execute(insert(description).values(release_id=release_id, outcome=Outcome.WAITING, renderer=0))


def ask(tx: Tx, release_id: str, now: datetime) -> None:
    """Have the description of a release rendered."""
    enqueue(tx, QUEUE, f"{QUEUE}:{release_id}", {"release_id": release_id}, now=now)


def begin_again(tx: Tx, release_id: str, now: datetime) -> None:
    """Forget what was rendered of a release that says something else now, and ask for it anew."""
    forgotten = {"outcome": Outcome.WAITING, "renderer": 0, "kind": "", "html": "", "reason": "", "rendered_at": None}
    tx.execute(update(description).where(_D.release_id == release_id).values(forgotten))
    ask(tx, release_id, now)


def keep_description(tx: Tx, release_id: str, made: Description, *, renderer: int, now: datetime) -> None:
    """Put what was rendered into the row of its release. Nothing happens where there is none."""
    tx.execute(
        update(description)
        .where(_D.release_id == release_id)
        .values(
            outcome=made.outcome,
            kind=made.kind,
            html=made.html,
            reason=made.reason,
            renderer=renderer,
            rendered_at=now,
        )
    )


def outdated(conn: Connection, renderer: int, limit: int) -> list[str]:
    """Ids of at most `limit` releases that no renderer, or one before version `renderer`, has rendered."""
    return list(
        conn.execute(
            select(_D.release_id).where(_D.renderer < renderer).order_by(_D.renderer, _D.release_id).limit(limit)
        ).scalars()
    )
