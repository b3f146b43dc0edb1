"""put: write every immutable object of a publication, create-only. Still nothing of it is visible: no timestamp names it.
One barrier follows.

Packages go first, so no page ever names a file that is not there. A file may lose its public state while we write: every
exposed file's state is read again afterwards. Whoever withdraws a file commits first and deletes then; so either the
withdrawal's job sees our bytes, or we see its commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

import structlog
from sqlalchemy import Connection, bindparam, select

from bonded.catalog.locks import lock_file
from bonded.catalog.read import served
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.seams import NotStored, OtherBytes, Storage
from bonded.tuf.context import Publisher
from bonded.tuf.draft import BadProject
from bonded.tuf.hands import Hands, Store
from bonded.tuf.outcome import Burned
from bonded.tuf.packing import WORTH, zst
from bonded.tuf.plan import Exposure, Plan
from bonded.tuf.roles import hashed
from bonded.tuf.settle import chunks
from bonded.tuf.threads import Each, Objects, ahead, few_large, in_order
from bonded.values.states import FileState, ProjectStatus

log = structlog.get_logger("bonded.publisher")

_PUBLIC = (
    select(file_table.c.id)
    .join(project_table, file_table.c.project_id == project_table.c.id)
    .where(
        file_table.c.id.in_(bindparam("ids", expanding=True)),
        file_table.c.state.concat("") == FileState.PUBLIC,  # by id, not by the index of states
        project_table.c.status != ProjectStatus.QUARANTINED,
        ~project_table.c.deleted,
    )
)
"""Built once: building a statement costs several times what running it does."""


def put(p: Publisher, plan: Plan, hands: Hands, each: Each = in_order) -> None:
    """Write the objects of `plan`, those included that `hands` hold. They are durable after `barrier` of the store.

    Raises Burned, BadProject (a file's bytes are missing in the vault), StorageError (unknown what was written).
    """
    if hands:
        hands.expose(plan.exposures)
    else:
        _expose_all(p, plan.exposures, each)
    try:
        with hands.putting():
            write(p.public, plan.objects, each)
        write(p.public, plan.last)
    except OtherBytes as error:
        raise Burned(f"number {plan.n} was used before: {error}") from error
    if plan.exposures:
        _withdraw_again(p, plan.exposures)


def put_objects(public: Storage, plan: Plan) -> None:
    """Bins, changes and snapshot. Raises Burned."""
    try:
        write(public, (*plan.objects, *plan.last))
    except OtherBytes as error:
        raise Burned(f"number {plan.n} was used before: {error}") from error


def write(public: Storage, objects: Sequence[tuple[str, bytes]], each: Each = in_order) -> None:
    """Pages, bins, changes and snapshot, with compressed copies beside those that gain by it. Raises OtherBytes."""

    def one(item: tuple[str, bytes]) -> None:
        name, data = item
        public.create(name, data)
        if len(data) >= WORTH:
            public.put(f"{name}.zst", zst(data))

    each(one, objects)


def _expose_all(p: Publisher, exposures: Sequence[Exposure], each: Each) -> None:
    """Side by side, but only a few large ones: a file out of a bucket is in memory while it goes to another."""
    if p.public.at_once == 1:
        each(partial(expose, p), exposures)
        return
    for _ in ahead(few_large(partial(expose, p), lambda one: one.size), exposures, p.public.at_once):
        pass


def store_of(p: Publisher) -> Store:
    """How hands put what they hold."""

    def put_held(objects: Objects) -> None:
        write(p.public, objects)

    return Store(partial(expose, p), put_held, p.public.shared)


def expose(p: Publisher, exposure: Exposure) -> None:
    """Put one file, its metadata and its hash-prefixed name into the public store."""
    try:
        if exposure.metadata_sha256:
            _expose_metadata(p, exposure, exposure.metadata_sha256)
        with p.vault.open(exposure.vault_key) as stream:
            _create(p.public, exposure.path, stream, exposure.sha256)
        _twin(p.public, exposure)
    except NotStored as error:
        raise BadProject(exposure.path.split("/")[1], error) from error


def _expose_metadata(p: Publisher, exposure: Exposure, sha256: str) -> None:
    with p.vault.open(f"{exposure.vault_key}.metadata") as stream:
        _create(p.public, f"{exposure.path}.metadata", stream, sha256)


def _create(public: Storage, path: str, stream: BinaryIO, sha256: str) -> None:
    """Create `path` from the vault. A name has one content for ever, so other bytes there are damage: put it right."""
    try:
        public.create(path, stream)
    except OtherBytes:
        with public.open(path) as there:
            if _digest(there) == sha256:
                return
        stream.seek(0)
        if _digest(stream) != sha256:
            raise NotStored(f"{path} is damaged in the vault") from None
        log.error("damaged object replaced", name=path)
        public.delete(path)
        stream.seek(0)
        public.create(path, stream)


def _twin(public: Storage, exposure: Exposure) -> None:
    name = hashed(exposure.path, exposure.sha256)
    try:
        public.copy(exposure.path, name)
    except OtherBytes:
        log.error("damaged object replaced", name=name)
        public.delete(name)
        public.copy(exposure.path, name)


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _withdraw_again(p: Publisher, exposures: tuple[Exposure, ...]) -> None:
    """Take away what stopped being public while we wrote. Its take-down job looks again later, too."""
    with p.db.read() as conn:
        public = _public(conn, [e.file_id for e in exposures])
    for exposure in exposures:
        if exposure.file_id not in public:
            with p.db.write() as tx:
                lock_file(tx, exposure.file_id)
                if not served(tx, exposure.file_id):
                    for name in objects_of(exposure):
                        p.public.delete(name)


def _public(conn: Connection, file_ids: list[str]) -> set[str]:
    found: set[str] = set()
    for batch in chunks(file_ids):
        found.update(conn.execute(_PUBLIC, {"ids": batch}).scalars())
    return found


def objects_of(exposure: Exposure) -> list[str]:
    """Every name under which one file is in the public store."""
    metadata = [f"{exposure.path}.metadata{suffix}" for suffix in ("", ".gz", ".zst")]
    return [exposure.path, hashed(exposure.path, exposure.sha256), *metadata]
