"""An index that began with a ceremony and lives on: its ceremonies of later years, and how they are released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bonded.db.engine import Database
from bonded.tuf.ceremony_folder import open_ceremony
from bonded.tuf.ceremony_import import check_bundle, import_first, read_live
from bonded.tuf.ceremony_index import index_value
from bonded.tuf.ceremony_state import State
from bonded.tuf.rotate import begin_change
from tests.tuf.witness import Witness
from tests.tuf.world import World, _user
from tests.tuf_offline.machines import SECRET, URL, Meeting
from tests.tuf_rotation.changing import REST, Changing


@dataclass
class Living:
    """The index of `meeting`, published to, with two clients that look at it."""

    meeting: Meeting
    db: Database

    def __post_init__(self) -> None:
        host, now = self.meeting.host, datetime.now(UTC)
        world = World(self.db, host.folder, now)
        import_first(world.public, host.signer, self.meeting.state(), now, world.settings.lifetime)
        keys = host.folder / "keys"
        keys.mkdir()
        (keys / "root.json").write_bytes((self.meeting.folder / "root.json").read_bytes())
        (keys / "online.pem").write_bytes((host.folder / "online.pem").read_bytes())
        (keys / "passphrase").write_text(SECRET)
        (keys / "signer-state.json").write_bytes((host.folder / "state.json").read_bytes())
        with self.db.write() as tx:
            world.user_id = _user(tx, now)
        self.changing = Changing(world, Witness(world), [host.online])
        for key in ("fig", "pear"):
            self.changing.upload(key)
        self.changing.all_there()

    def export(self, name: str = "today.json") -> Path:
        """The file that `bonded tuf export` would write now."""
        live = read_live(self.changing.world.public)
        assert live is not None
        online = {s.public_key.keyid: s.public_key.to_dict() for s in self.changing.held}
        path = self.meeting.place / name
        value = index_value(URL, online, page_bins=4, bins=4, roots=live.roots, files=live.files)
        path.write_bytes(orjson.dumps(value))
        return path

    def ceremony(self, folder: str, index: Path, *words: str | Path) -> Path:
        """Another ceremony, its metadata written; returns its folder."""
        where = self.meeting.place / folder
        self.meeting.desk.said("tuf", "ceremony", where, "--index", index, *words, "--yes")
        return where

    def take(self, folder: Path) -> State:
        """Import what was signed; the publisher begins with it."""
        world, state = self.changing.world, open_ceremony(folder)
        live = read_live(world.public)
        assert live is not None
        held = {s.public_key.keyid for s in self.changing.held}
        steps = check_bundle(state, live, held, world.now)
        begin_change(world.db, world.public, "ceremony", steps, rest=REST, now=world.now)
        return state

    def release(self) -> list[dict[str, int]]:
        """Let the publisher release all of it while clients look; the versions of the offline roles on the way."""
        seen: list[dict[str, int]] = []
        for at in range(30):
            self.changing.upload("fig" if at % 2 else "plum")
            self.changing.turn()
            self.changing.look()
            live = read_live(self.changing.world.public)
            assert live is not None
            now = {role: int(live.offline.of(role)["version"]) for role in ("root", "targets", "pages", "bins")}
            if not seen or seen[-1] != now:
                seen.append(now)
            if self.changing.state() == "done":
                self.changing.all_there()
                return seen
            self.changing.world.now += REST / 2
        raise AssertionError(f"it never ends: {self.changing.says()}")
