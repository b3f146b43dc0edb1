"""What came before a file: other files of its release, the release before, its publisher. Few reads of one transaction.

Everything is as it was when the file was uploaded, so that a later look at it finds the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import zstandard
from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select, text

from bonded.accounts.tables import user as user_table
from bonded.catalog.read import File
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import release as release_table
from bonded.catalog.tables import role as role_table
from bonded.checks.context import Earlier, Publisher
from bonded.checks.registry import facts_rules
from bonded.facts.model import build
from bonded.facts.profile import Profile
from bonded.journal.tables import journal
from bonded.screening.tables import profile as profile_table
from bonded.values.states import FileState, Role

MOST_FILES = 60
"""Files of a project that are looked through for those of the release before: the newest that are older than this release."""
MOST_COMPARED = 4
"""Files of one release that are compared."""
A_DAY = timedelta(days=1)
_F, _M, _U = file_table.c, role_table.c, user_table.c
_BAD = (FileState.REJECTED, FileState.REMOVED)
_COLUMNS = (
    _F.id,
    _F.sha256,
    _F.release_id,
    release_table.c.version,
    _F.burnt,
    _F.uploaded_at,
    _F.uploader_id,
    _F.provenance_sha256,
)
_OWN = file_table.alias("own").c
_BEGAN = (
    select(func.min(_OWN.uploaded_at))
    .where(_OWN.release_id == bindparam("release"), or_(_OWN.state.not_in(_BAD), _OWN.id == bindparam("file")))
    .scalar_subquery()
)
_SIBLINGS = (
    select(*_COLUMNS)
    .join(release_table, _F.release_id == release_table.c.id)
    .where(_F.release_id == bindparam("release"), _F.id != bindparam("file"), _F.state.not_in(_BAD))
    .order_by(_F.uploaded_at.desc(), _F.id)
    .limit(MOST_COMPARED)
)
_OLDER = (
    select(*_COLUMNS)
    .join(release_table, _F.release_id == release_table.c.id)
    .where(_F.project_id == bindparam("project"), _F.release_id != bindparam("release"), _F.state.not_in(_BAD))
    .where(_F.burnt, _F.uploaded_at < _BEGAN)
    .order_by(_F.uploaded_at.desc(), _F.id)
    .limit(MOST_FILES)
)
_KNOWN = select(profile_table.c.sha256).where(profile_table.c.sha256.in_(bindparam("hashes", expanding=True)))
_OTHERS = (
    select(_F.id)
    .where(
        _F.release_id == bindparam("release"),
        _F.id != bindparam("file"),
        _F.state.in_((FileState.PUBLIC, FileState.RECEIVED)),
    )
    .order_by(_F.id)
)
_PROFILES = select(profile_table.c.sha256, profile_table.c.rules, profile_table.c.data).where(
    profile_table.c.sha256.in_(bindparam("hashes", expanding=True))
)
_PERSON = (
    select(_U.created_at, _M.created_at.label("role_at"), project_table.c.created_at.label("project_at"))
    .outerjoin(role_table, and_(_M.user_id == _U.id, _M.project_id == bindparam("project")))
    .outerjoin(project_table, project_table.c.id == bindparam("project"))
    .where(_U.id == bindparam("user"))
)
_MADE = (
    select(func.count())
    .select_from(role_table.join(project_table, _M.project_id == project_table.c.id))
    .where(
        _M.user_id == bindparam("user"),
        _M.role == Role.OWNER,
        project_table.c.created_at > bindparam("since"),
        project_table.c.created_at <= bindparam("until"),
    )
)
_FACTOR = (
    select(func.max(journal.c.at))
    .where(journal.c.user_id == bindparam("user"), text("action = 'factor.remove'"))  # as its index has it
    .where(journal.c.at <= bindparam("until"))
)
_WAS_PUBLIC = select(
    exists().where(
        _F.project_id == bindparam("project"), _F.burnt, _F.id != bindparam("file"), _F.uploaded_at <= bindparam("at")
    )
)


@dataclass(frozen=True, slots=True)
class History:
    """`seen` are hashes of the archives that the file can be compared with: what a release's checks found hangs on them."""

    siblings: tuple[Profile, ...]
    earlier: Earlier | None
    seen: frozenset[str]


def history(conn: Connection, file: File) -> History:
    """The other files of the release, and the release before it."""
    siblings, before = _compared(conn, file)
    profiles = _profiles(conn, sorted({row.sha256 for row in (*siblings, *before)}))
    found = tuple(profiles[row.sha256][0] for row in siblings if row.sha256 in profiles)
    earlier = _earlier(before, profiles, file) if before else None
    return History(found, earlier, frozenset(profiles))


def seen(conn: Connection, file: File) -> frozenset[str]:
    """The same hashes as in `History`, as they are now."""
    siblings, before = _compared(conn, file)
    hashes = sorted({row.sha256 for row in (*siblings, *before)})
    return frozenset(conn.execute(_KNOWN, {"hashes": hashes}).scalars()) if hashes else frozenset()


def other_files(conn: Connection, file: File) -> list[str]:
    """Ids of the other files of the release that are public or waiting for their verdict."""
    return list(conn.execute(_OTHERS, {"release": file.release_id, "file": file.id}).scalars())


def was_public(conn: Connection, file: File) -> bool:
    """Whether a file of the project that was uploaded before this one ever was public."""
    about = {"project": file.project_id, "file": file.id, "at": file.uploaded_at}
    return bool(conn.execute(_WAS_PUBLIC, about).scalar_one())


def publisher(conn: Connection, file: File) -> Publisher:
    """Who uploaded the file, as they were then."""
    if not file.uploader_id:
        return Publisher()
    at = file.uploaded_at
    about = {"user": file.uploader_id, "project": file.project_id, "since": at - A_DAY, "until": at}
    person = conn.execute(_PERSON, about).one_or_none()
    removed = conn.execute(_FACTOR, about).scalar_one()
    later = person is not None and person.role_at is not None and person.role_at > person.project_at
    return Publisher(
        account_days=_days(person.created_at, at) if person is not None else None,
        role_days=_days(person.role_at, at) if person is not None and later else None,
        new_projects=conn.execute(_MADE, about).scalar_one(),
        factor_days=_days(removed, at) if removed is not None else None,
    )


def _compared(conn: Connection, file: File) -> tuple[Sequence[Any], list[Any]]:
    """Files of the release, and of the release that was published last before this one began; a few of each.

    Each is asked for by itself: neither many wheels of one release nor many releases since then hide the one before.
    """
    about = {"project": file.project_id, "release": file.release_id, "file": file.id}
    siblings, older = conn.execute(_SIBLINGS, about).all(), conn.execute(_OLDER, about).all()
    return siblings, [row for row in older if row.release_id == older[0].release_id][:MOST_COMPARED]


def _earlier(rows: list[Any], profiles: dict[str, tuple[Profile, str]], file: File) -> Earlier:
    found = [profiles[row.sha256] for row in rows if row.sha256 in profiles]
    return Earlier(
        version=rows[0].version,
        days=_days(rows[0].uploaded_at, file.uploaded_at),
        files=tuple(one for one, _ in found),
        same_rules=all(rules == facts_rules() for _, rules in found),
        uploaders=tuple(sorted({row.uploader_id for row in rows})),
        attested=all(row.provenance_sha256 for row in rows),
    )


def _profiles(conn: Connection, hashes: list[str]) -> dict[str, tuple[Profile, str]]:
    """The profile of each archive that has one, with the rules of its facts: today's rather than older ones."""
    found: dict[str, tuple[Profile, str]] = {}
    for row in conn.execute(_PROFILES, {"hashes": hashes}) if hashes else ():
        if row.sha256 not in found or row.rules == facts_rules():
            found[row.sha256] = (unpack_profile(bytes(row.data)), row.rules)
    return found


def pack_profile(profile: Profile) -> bytes:
    """A profile as it is stored."""
    return zstandard.ZstdCompressor(level=6).compress(orjson.dumps(profile))


def unpack_profile(data: bytes) -> Profile:
    """A stored profile. Raises ValueError for another shape."""
    return build(Profile, orjson.loads(zstandard.ZstdDecompressor().decompress(data)))


def _days(since: datetime, until: datetime) -> int:
    return max(0, (until - since).days)
