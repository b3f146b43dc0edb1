"""A published index behind the pages of a house: real bytes, real publications, projects in every status."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from bonded.accounts.people import User
from bonded.catalog import change
from bonded.catalog.tables import file as file_table
from bonded.journal.seal import seal
from bonded.values.states import ProjectStatus
from bonded.values.who import OPERATOR
from tests.tuf.world import World
from tests.web.house import House

HOUR = timedelta(hours=1)
ABOUT = {
    "summary": "Breakfast as code",
    "description": "# Spam\n\nwith *eggs*",
    "description_content_type": "text/markdown",
    "author": "Ann Example",
    "license_expression": "Apache-2.0",
    "requires_python": ">=3.11",
    "project_urls": ["Source, https://github.com/ann/spam", "Documentation, https://example.invalid/docs"],
    "requires_dist": ["green-midget>=1.2", "click>=8"],
}


@dataclass
class Shelf:
    """The house and its publisher; both have one clock."""

    house: House
    world: World

    @classmethod
    def make(cls, house: House) -> Shelf:
        return cls(house, World.make(house.db, house.folder, house.now))

    def file(self, owner: User, name: str, version: str, **metadata: Any) -> str:
        """A public file whose bytes are in the vault; returns its id."""
        file_id = self.house.file(owner, name, version, metadata=metadata)
        data = f"{name} {version} {file_id}".encode()
        sha256 = hashlib.sha256(data).hexdigest()
        self.world.vault.create(f"{sha256}.{file_id}", data)
        values = {"sha256": sha256, "vault_key": f"{sha256}.{file_id}", "size": len(data)}
        with self.house.db.write() as tx:
            tx.execute(update(file_table).where(file_table.c.id == file_id).values(values))
        return file_id

    def publish(self) -> int:
        """Publish what waits, an hour later; returns the publication's number."""
        self.house.now += HOUR
        self.world.now = self.house.now
        n = self.world.publish().n
        with self.house.db.write() as tx:
            seal(tx, now=self.house.now)
        return n


def filled(house: House) -> Shelf:
    """Projects of ann and bob: `spam` with releases of which one is yanked and one is not published yet, `green-midget`,
    one deprecated and one quarantined."""
    shelf = Shelf.make(house)
    ann, bob = house.person("ann"), house.person("bob")
    for name, owner in (("spam", ann), ("Green_Midget", bob), ("oldthing", bob), ("badthing", bob)):
        house.project(name, owner)
    shelf.file(bob, "Green_Midget", "1.2", summary="A café in Bromley")
    shelf.file(ann, "spam", "1.0", **ABOUT)
    yanked = shelf.file(ann, "spam", "1.1", **ABOUT)
    shelf.file(bob, "oldthing", "1.0", summary="Was useful once")
    shelf.file(bob, "badthing", "6.6", summary="Free passwords")
    shelf.publish()
    shelf.file(ann, "spam", "1.2", **ABOUT)
    with house.db.write() as tx:
        change.yank(tx, OPERATOR, yanked, reason="burns the bacon", now=house.now)
        _status(tx, house, "project.deprecate", "oldthing", ProjectStatus.DEPRECATED, "Use spam instead")
        _status(tx, house, "review.quarantine-project", "badthing", ProjectStatus.QUARANTINED, "It steals passwords")
    shelf.publish()
    shelf.file(ann, "spam", "1.3", **ABOUT)
    return shelf


def _status(tx: Any, house: House, action: str, key: str, status: ProjectStatus, reason: str) -> None:
    change.set_status(tx, action, OPERATOR, key, status, reason=reason, now=house.now)
