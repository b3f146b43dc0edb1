"""The small index of tests/tuf_ops, with accepted facts in its vault as an upload leaves them; and its recovery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from bonded.catalog.pages import PageFile, page_state
from bonded.catalog.tables import file, project, release
from bonded.db.engine import Database
from bonded.ops.fsck import fsck
from bonded.ops.ground import Ground
from bonded.ops.recover import Recovery, recover
from bonded.tuf.base import read_base
from bonded.tuf.offline import Step
from bonded.tuf.recover import Recovered
from bonded.tuf.recover_survey import survey
from bonded.tuf.tables import page, target
from bonded.values.text import iso
from tests.tuf.world import Client
from tests.tuf_ops.index import Index


@dataclass
class House(Index):
    """An index that can lose its database and get it back."""

    def upload(self, project: str, version: str = "1.0", *, public: bool = True, data: bytes | None = None) -> str:
        file_id = super().upload(project, version, public=public, data=data)
        self.write_facts(file_id)
        return file_id

    def write_facts(self, file_id: str) -> None:
        """What the vault keeps beside the bytes (upload.vaulting.facts)."""
        with self.db.read() as conn:
            row = conn.execute(select(file).where(file.c.id == file_id)).one()
            named = conn.execute(select(project).where(project.c.id == row.project_id)).one()
            made = conn.execute(select(release).where(release.c.id == row.release_id)).one()
        columns = (
            "filename",
            "packagetype",
            "python_version",
            "requires_python",
            "size",
            "md5",
            "sha256",
            "blake2_256",
        )
        facts: dict[str, Any] = {column: getattr(row, column) for column in columns}
        facts |= {"project": named.key, "name": named.name, "version": made.version}
        facts |= {"metadata": {**made.metadata, "summary": f"what {named.key} is"}, "metadata_served": True}
        facts |= {"metadata_sha256": row.metadata_sha256, "metadata_size": row.metadata_size}
        facts |= {"uploaded_at": iso(row.uploaded_at), "uploader_id": row.uploader_id, "token_id": "t"}
        facts |= {"upload_id": row.vault_key.partition(".")[2]}
        path = self.folder / "vault" / f"{row.vault_key}.facts.json"
        path.unlink()
        self.vault.create(f"{row.vault_key}.facts.json", orjson.dumps(facts))

    def on(self, db: Database) -> House:
        """The same stores and keys with another database, as a new process."""
        self.publisher.lock.release()  # type: ignore[attr-defined]
        return House(self.folder, db, self.now, self.settings, self.owner, self.bucket, self.safe)

    def live(self) -> int:
        return read_base(self.public).n

    def recover(self, to: int | None = None, *, new: Step | None = None, digest: str = "") -> Recovered:
        """`bonded tuf recover`, by a process that has just started."""
        self.publisher.lock.release()  # type: ignore[attr-defined]
        self.publisher = self.new_publisher()
        found = survey(self.db, self.public, to, digest)
        done = recover(self.publisher, Recovery(found, self.root, new), lambda: self.now, lambda _: None)
        self.work()
        return done

    def client(self, name: str = "fresh") -> Client:
        """A python-tuf client; one name keeps its memory between calls."""
        return Client(self.public, self.folder / "clients" / name, self.root, self.now)

    def findings(self) -> list[str]:
        """What fsck has to say."""

        def ground() -> Ground:
            return Ground(self.db, self.vault, self.public, self.root, self.now)

        return [one.line() for one in fsck(ground, pause=lambda: None) if not one.warning]

    def catalogue(self) -> dict[str, Any]:
        """Everything that the public may see, from the rows: what a recovery must bring back."""
        with self.db.read() as conn:
            keys = list(conn.execute(select(project.c.key).order_by(project.c.key)).scalars())
            states = {key: page_state(conn, key) for key in keys}
            gone = conn.execute(select(file.c.filename, file.c.state, file.c.burnt).where(file.c.burnt)).all()
            targets = conn.execute(select(target.c.path, target.c.sha256, target.c.length)).all()
            pages = conn.execute(select(page.c.project_key, page.c.n, page.c.html_sha256, page.c.json_sha256)).all()
        return {
            "projects": {k: (s.name, str(s.status), s.status_reason) for k, s in states.items() if s},
            "files": {(s.key, f.filename): shown(f) for s in states.values() if s for f in s.files},
            "states": sorted((row.filename, str(row.state)) for row in gone),
            "targets": sorted(map(tuple, targets)),
            "pages": sorted(map(tuple, pages)),
        }

    def path_of(self, name: str) -> Path:
        return self.folder / "public" / name


def shown(f: PageFile) -> tuple[Any, ...]:
    """Everything public about a file."""
    facts = (f.version, f.sha256, f.size, f.md5, f.blake2_256, f.requires_python, str(f.packagetype))
    return (*facts, f.yanked, f.yanked_reason, f.uploaded_at, f.metadata_sha256, f.metadata_size)
