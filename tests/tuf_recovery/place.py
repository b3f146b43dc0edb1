"""A small index of real offline keys, all by commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from bonded.cli import bonded
from bonded.tuf.publish import publish
from bonded.wiring import open_house
from tests.tuf.world import Client
from tests.tuf_offline.machines import Machine


class Place:
    """An index that began with a ceremony, and had a second one for root; both are released."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.desk = Machine("desk", folder / "desk")
        self.desk.said("init", self.data, "--bins", "2", "--page-bins", "2")
        self.desk.make_key()
        keys = ("--root-key", self.desk.pub, "--root-threshold", "1")
        self.take(self.ceremony("first", self.data / "keys/index.json", *keys))
        self.publish()
        self.desk.said("tuf", "export", folder / "today.json", "--dir", self.data)
        self.take(self.ceremony("second", folder / "today.json", "--root-only"))
        while not self.public.exists("metadata/2.root.json"):
            self.publish()

    def ceremony(self, name: str, index: Path, *words: str | Path) -> Path:
        self.desk.said("tuf", "ceremony", self.folder / name, "--index", index, *words, "--yes")
        self.desk.signs(self.folder / name)
        return self.folder / name / "bundle.json"

    def take(self, bundle: Path) -> None:
        self.desk.said("tuf", "import", bundle, "--dir", self.data)

    @property
    def public(self):  # type: ignore[no-untyped-def]
        return open_house(self.data).public

    def publish(self) -> None:
        house = open_house(self.data)
        publish(house.publisher, datetime.now(UTC))
        house.lock.release()  # type: ignore[attr-defined]

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(bonded, [*words, "--dir", str(self.data)])

    def fsck(self) -> list[str]:
        out = CliRunner().invoke(bonded, ["fsck", str(self.data)]).stdout
        return [line for line in out.splitlines() if not line.startswith("warning")]

    def client(self, name: str) -> Client:
        root = (self.data / "keys/root.json").read_bytes()
        return Client(self.public, self.folder / "clients" / name, root, datetime.now(UTC))

    def overwrite(self, name: str, data: bytes) -> None:
        path = self.data / "public" / name
        path.unlink(missing_ok=True)
        path.write_bytes(data)
