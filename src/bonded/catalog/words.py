"""What a release says of itself: the core metadata of a public file of it, wherever it has one.

Files of one release may say different things, and one that is held, rejected or withdrawn must not speak for those that are
public: its words would be on the page, in the search and in the JSON API though nobody let them out. So a file that says
something else than its release's row keeps that in a row of its own, and the two change places when states ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from bonded.catalog import requirements
from bonded.catalog.descriptions import begin_again
from bonded.catalog.tables import file, file_metadata, release
from bonded.db.engine import Tx
from bonded.values.states import FileState

# Built once: building a statement costs several times what running it does.
_SAID = select(release.c.metadata).where(release.c.id == bindparam("release"))
_OWN = select(file_metadata.c.metadata).where(file_metadata.c.file_id == bindparam("file"))
_KEEP = insert(file_metadata)
_DROP = delete(file_metadata).where(file_metadata.c.file_id == bindparam("file"))
_SAY = update(release).where(release.c.id == bindparam("said_of"))
_OWNERS = (
    select(file_metadata.c.file_id)
    .join(file, file.c.id == file_metadata.c.file_id)
    .where(file.c.release_id == bindparam("release"))
)
_FILES = (
    select(file.c.id, file.c.state)
    .where(file.c.release_id == bindparam("release"))
    .order_by(file.c.uploaded_at, file.c.id)
)


def enter(tx: Tx, release_id: str, file_id: str, metadata: Mapping[str, Any]) -> None:
    """Keep what a further file of a release says, where it is something else than the release's row."""
    if tx.execute(_SAID, {"release": release_id}).scalar_one() != metadata:
        tx.execute(_KEEP, {"file_id": file_id, "metadata": metadata})


def settle(tx: Tx, project_id: str, release_id: str, now: datetime) -> bool:
    """Have a release of which a file was just moved say what a public file of it says; gives whether that is news.

    The caller holds the project's lock. A release without public files says what it said.
    """
    own = set(tx.execute(_OWNERS, {"release": release_id}).scalars())
    if not own:  # of nearly every release, all files say the same
        return False
    files = tx.execute(_FILES, {"release": release_id}).all()
    public = [one.id for one in files if one.state == FileState.PUBLIC]
    if not public or not own.issuperset(public):
        return False
    requirements.enter(
        tx, project_id, _speak(tx, release_id, public[0], [one.id for one in files if one.id not in own])
    )
    begin_again(tx, release_id, now)
    return True


def _speak(tx: Tx, release_id: str, speaker: str, others: list[str]) -> dict[str, Any]:
    """Exchange what `speaker` says for what the release's row has, which is what the `others` say. Returns it."""
    before = tx.execute(_SAID, {"release": release_id}).scalar_one()
    said = tx.execute(_OWN, {"file": speaker}).scalar_one()
    for file_id in others:
        tx.execute(_KEEP, {"file_id": file_id, "metadata": before})
    tx.execute(_DROP, {"file": speaker})
    tx.execute(_SAY, {"said_of": release_id, "metadata": said})
    return dict(said)
