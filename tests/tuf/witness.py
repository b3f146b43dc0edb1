"""What must hold at every moment of a store's life, as python-tuf sees it; and what must hold once all is done."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field

import orjson
from sqlalchemy import select

from bonded.tuf.base import read_base
from bonded.tuf.tables import bin_table
from tests.tuf.world import Client, World


@dataclass
class Witness:
    """Looks at one index again and again with a fresh and a returning client."""

    world: World
    highest: tuple[int, int] = (0, 0)
    looks: int = 0
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self) -> dict[str, dict[str, object]]:
        """Both clients verify everything, versions never fall, no immutable object changes; returns the pages."""
        self.looks += 1
        name = f"fresh-{self.looks}"
        fresh, returning = self.world.client(name), self.world.client("returning")
        assert fresh.versions == returning.versions
        assert returning.versions >= self.highest, f"versions fell from {self.highest} to {returning.versions}"
        self.highest = returning.versions
        pages = {key: page for key in self.keys() if (page := self._page(fresh, key)) is not None}
        for key in pages:
            assert self._page(returning, key) == pages[key]
        shutil.rmtree(self.world.folder / "clients" / name)
        self._immutable()
        return pages

    def keys(self) -> list[str]:
        root = self.world.public.root / "simple"
        return sorted(p.name for p in root.iterdir() if p.is_dir()) if root.exists() else []

    def _page(self, client: Client, key: str) -> dict[str, object] | None:
        data = client.get(f"simple/{key}/index.json")
        html = client.get(f"simple/{key}/index.html")
        assert (data is None) == (html is None)
        if data is None or html is None:
            return None
        page = orjson.loads(data)
        for file in page["files"]:
            path = f"packages/{key}/{file['filename']}"
            bytes_ = client.get(path)
            assert bytes_ is not None, f"{path} is on its page and not in the bins"
            assert hashlib.sha256(bytes_).hexdigest() == file["hashes"]["sha256"]
            assert file["filename"].encode() in html
            assert self.world.public.exists(f"{path}.metadata")
        return page

    def _immutable(self) -> None:
        for folder in ("metadata", "publications"):
            for path in (self.world.public.root / folder).iterdir():
                stat = path.stat()
                if path.suffix == ".json" and path.name != "timestamp.json":
                    facts = (stat.st_ino, stat.st_size)
                    assert self.seen.setdefault(f"{folder}/{path.name}", facts) == facts, f"{path.name} changed"

    def forget(self) -> None:
        """Objects that a power failure took may come again."""
        self.seen = {name: facts for name, facts in self.seen.items() if (self.world.public.root / name).exists()}

    def settled(self, expected: dict[str, dict[str, str | bool]]) -> None:
        """Everything acknowledged is visible, nothing waits, and the database knows exactly what is live.

        `expected`: project -> file name -> yank reason, or False.
        """
        pages = self.look()
        found = {
            key: {f["filename"]: f["yanked"] for f in page["files"]}  # type: ignore[attr-defined]
            for key, page in pages.items()
        }
        assert found == expected
        assert self.world.waiting() == 0
        base = read_base(self.world.public)
        with self.world.db.read() as conn:
            rows = {
                row.name: (row.version, row.sha256, row.length, row.count) for row in conn.execute(select(bin_table))
            }
        for role, (version, sha256, length, count) in rows.items():
            assert base.versions[role] == version
            data = self.world.public.get(f"metadata/{version}.{role}.json").data
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (sha256, length)
            assert len(orjson.loads(data)["signed"]["targets"]) == count
        assert set(rows) == {role for role in base.versions if "bin-" in role}
