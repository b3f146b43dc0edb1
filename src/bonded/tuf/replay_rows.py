"""Writing what a publication's record says into the catalogue: projects, releases, files and their states.

One call is one publication in one transaction. What is there already and right is left alone, so replaying twice changes
nothing the second time; what changes leaves a row in the journal for each file and project.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from bonded.catalog import search, words
from bonded.catalog.states import holds_name
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.twins import twin
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue
from bonded.journal.record import record
from bonded.tuf.lookup import live_targets
from bonded.tuf.replay import Acts, Contradiction, FileAct, ProjectAct
from bonded.tuf.replay_blobs import Blob, Blobs
from bonded.tuf.replay_files import new_row
from bonded.tuf.roles import file_path
from bonded.tuf.settle import chunks
from bonded.values.names import normalize
from bonded.values.states import FileState, ProjectStatus, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import OPERATOR

WORDS = "as the public record says"
"""The reason of a state that a replay gave."""
S = FileState
Known = Row[*tuple[Any, ...]]

# Built once: building a statement costs several times what running it does.
_NEW_PROJECT, _NEW_FILE = insert(project_table), insert(file_table)
_PUBLIC = select(file_table).where(file_table.c.project_id == bindparam("project"), file_table.c.state == S.PUBLIC)


@dataclass(slots=True)
class Replayed:
    """What replaying did, in numbers, and what could not be had."""

    publications: int = 0
    projects: int = 0
    files: int = 0
    withdrawn: int = 0
    uploads: int = 0
    without_bytes: list[str] = field(default_factory=list)
    without_facts: int = 0


def replay(tx: Tx, acts: Acts, blobs: Blobs, done: Replayed, now: datetime) -> list[list[str]]:
    """Bring the catalogue to what `acts` say; returns [path, file id] of each file that became public.

    Raises Contradiction; the transaction must be rolled back then.
    """
    came: list[list[str]] = []
    ids = _projects(tx, acts, done, now)
    names = [act.filename for act in acts.files]
    known = _known(tx, names)
    for act in acts.files:
        rows = known.get(act.filename, [])
        if act.facts is not None:
            came.append([act.path, _came(tx, act, ids[act.key], rows, blobs, done, now)])
        else:
            _left(tx, act, rows, done, now)
    for project in acts.projects:
        if project.name and project.status is not ProjectStatus.QUARANTINED:
            _yanks(tx, ids[project.key], project, now)
    for project_id in sorted(set(ids.values())):
        search.refresh(tx, project_id)
    done.publications += 1
    return came


def agree(tx: Tx, acts: Acts, done: Replayed, now: datetime) -> None:
    """After the targets are written: a file of these projects that is public and no target was withdrawn in a way that the
    record cannot tell (inside a quarantined project, say). It must not come out again: quarantined."""
    shown = [p.key for p in acts.projects if p.name and p.status is not ProjectStatus.QUARANTINED]
    for batch in chunks(shown):
        rows = _public(tx, batch)
        live = live_targets(tx, {file_path(row.key, row.filename): row.key for row in rows})
        for row in rows:
            if file_path(row.key, row.filename) not in live.get(row.key, {}):
                _move(tx, row, row.key, S.QUARANTINED, now)
                done.withdrawn += 1


def _projects(tx: Tx, acts: Acts, done: Replayed, now: datetime) -> dict[str, str]:
    """Project key -> id, of every project of `acts` that exists afterwards."""
    told = {act.key: act for act in acts.projects}
    known = _rows(tx, {*told, *(file.key for file in acts.files)})
    ids = {key: str(row.id) for key, row in known.items()}
    for key, act in told.items():
        row = known.get(key)
        if act.name and normalize(act.name) != key:
            raise Contradiction(f"publication {acts.n}: it calls the project {key} {act.name[:80]!r}")
        if row is None and act.name:
            ids[key] = make_project(tx, key, act.name, acts.at, now)
            row = _rows(tx, {key})[key]
        if row is not None:
            done.projects += _project(tx, row, act, now)
    for file in acts.files:
        if file.key not in ids:
            raise Contradiction(f"publication {acts.n}: it names a file of {file.key}, and no project of that name")
    return ids


def _rows(tx: Tx, keys: Iterable[str]) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for batch in chunks(sorted(keys)):
        rows = tx.execute(select(project_table).where(project_table.c.key.in_(batch))).all()
        found |= {row.key: row for row in rows}
    return found


def make_project(tx: Tx, key: str, name: str, created_at: datetime, now: datetime) -> str:
    """A project without an owner: the public record does not know people. Returns its id."""
    project_id = new_id()
    values = {"id": project_id, "key": key, "name": name, "twin": twin(name), "status": ProjectStatus.ACTIVE}
    tx.execute(_NEW_PROJECT, values | {"created_at": created_at})
    facts = {"name": name, "owners": "unknown"}
    record(tx, "project.recover", OPERATOR, (SubjectKind.PROJECT, project_id), now=now, project=key, facts=facts)
    return project_id


def _project(tx: Tx, row: Known, act: ProjectAct, now: datetime) -> int:
    """1 when the project's status or deletion had to change."""
    if act.name:
        wanted = {"deleted": False, "status": str(act.status), "status_reason": act.reason}
    else:
        wanted = {"deleted": True}
    if all(getattr(row, column) == value for column, value in wanted.items()):
        return 0
    tx.execute(update(project_table).where(project_table.c.id == row.id).values(**wanted))
    facts = {"from": row.status, **{k: v for k, v in wanted.items() if v != ""}}
    record(tx, "project.recover", OPERATOR, (SubjectKind.PROJECT, row.id), now=now, project=row.key, facts=facts)
    return 1


def _known(tx: Tx, names: list[str]) -> dict[str, list[Known]]:
    """File name -> every file that has or had it, the one that holds it first."""
    found: dict[str, list[Known]] = {}
    for batch in chunks(names):
        order = (file_table.c.holds_name.desc(), file_table.c.id)
        for row in tx.execute(select(file_table).where(file_table.c.filename.in_(batch)).order_by(*order)).all():
            found.setdefault(row.filename, []).append(row)
    return found


def _came(tx: Tx, act: FileAct, project_id: str, rows: list[Known], blobs: Blobs, done: Replayed, now: datetime) -> str:
    """A file became public; returns its id."""
    same = [row for row in rows if row.project_id == project_id and row.sha256 == act.target.sha256]
    for row in rows:
        if row not in same[:1] and row.holds_name:
            if row.burnt:
                raise Contradiction(f"{act.path} was public before with other bytes: sha256 {row.sha256}")
            _move(tx, row, act.key, S.REJECTED, now, keep_name=False)
    if same:
        if not (same[0].state == S.PUBLIC and same[0].burnt):
            _move(tx, same[0], act.key, S.PUBLIC, now)
            done.files += 1
        return str(same[0].id)
    blob = _bytes_of(act, blobs)
    if blob is None:
        done.without_bytes.append(act.path)
    elif not blob.facts.get("metadata"):
        done.without_facts += 1
    row_values = new_row(tx, act, project_id, blob, now)
    tx.execute(_NEW_FILE, row_values)
    if blob is not None and blob.facts.get("metadata"):
        words.enter(tx, row_values["release_id"], row_values["id"], blob.facts["metadata"])
    facts = {"filename": act.filename, "sha256": act.target.sha256, "to": S.PUBLIC, "bytes": blob is not None}
    subject = (SubjectKind.FILE, row_values["id"])
    record(tx, "file.recover", OPERATOR, subject, now=now, project=act.key, facts=facts)
    done.files += 1
    return str(row_values["id"])


def _bytes_of(act: FileAct, blobs: Blobs) -> Blob | None:
    """The file's bytes in the vault, copied back there where it lost them, with what a build attested beside them."""
    sha256, provenance = act.target.sha256, act.facts.provenance_sha256 if act.facts else None
    blob = blobs.find(sha256, act.filename, provenance) or blobs.rescue(act.key, act.filename, sha256)
    if blob is not None and provenance is not None:
        blobs.join_provenance(blob, provenance)
    return blob


def _left(tx: Tx, act: FileAct, rows: list[Known], done: Replayed, now: datetime) -> None:
    """A file left the targets. Where only its project was withdrawn, it stays what it is."""
    for row in rows:
        if row.sha256 == act.target.sha256 and row.burnt and act.state is not S.PUBLIC and row.state == S.PUBLIC:
            _move(tx, row, act.key, act.state, now)
            done.withdrawn += 1


def _move(tx: Tx, row: Known, key: str, state: FileState, now: datetime, *, keep_name: bool = True) -> None:
    """Give a file the state that it had, whatever moves led there."""
    burnt = bool(row.burnt) or state is S.PUBLIC
    values = {
        "state": state,
        "state_reason": "" if state is S.PUBLIC else WORDS,
        "state_at": now,
        "burnt": burnt,
        "holds_name": keep_name and holds_name(state, burnt),
    }
    tx.execute(update(file_table).where(file_table.c.id == row.id).values(**values))
    words.settle(tx, row.project_id, row.release_id, now)
    if row.state == S.PUBLIC and state is not S.PUBLIC:
        enqueue(tx, "takedown", f"takedown:{row.id}", {"file_id": row.id}, now=now)
    facts = {"filename": row.filename, "sha256": row.sha256, "from": row.state, "to": state}
    record(tx, "file.recover", OPERATOR, (SubjectKind.FILE, row.id), now=now, project=key, facts=facts)


def _public(tx: Tx, keys: list[str]) -> list[Known]:
    joined = file_table.join(project_table, file_table.c.project_id == project_table.c.id)
    here = project_table.c.key.in_(keys) & (file_table.c.state == S.PUBLIC)
    return list(tx.execute(select(project_table.c.key, *file_table.c).select_from(joined).where(here)).all())


def _yanks(tx: Tx, project_id: str, act: ProjectAct, now: datetime) -> None:
    """Marks of yanked files, as the project's page shows them."""
    for row in tx.execute(_PUBLIC, {"project": project_id}).all():
        wanted = {"yanked": row.filename in act.yanked, "yanked_reason": act.yanked.get(row.filename, "")}
        if (bool(row.yanked), row.yanked_reason) != (wanted["yanked"], wanted["yanked_reason"]):
            tx.execute(update(file_table).where(file_table.c.id == row.id).values(**wanted))
            facts = {"filename": row.filename, "yanked": wanted["yanked"]}
            record(tx, "file.recover", OPERATOR, (SubjectKind.FILE, row.id), now=now, project=act.key, facts=facts)
