"""An index while a sequence of signed steps runs: publications go on, and clients look between any two of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from securesystemslib.signer import CryptoSigner

from bonded.adapters.signer_file import FileSigner
from bonded.tuf.base import read_base
from bonded.tuf.context import Publisher
from bonded.tuf.offline import KeySet, StepValues, key_set
from bonded.tuf.publish import Result, publish
from bonded.tuf.rotate import begin_change, live_offline
from bonded.tuf.rotate_dev import dev_keys, sign_all
from bonded.tuf.steps import StepSequence
from bonded.tuf.steps_rows import cancel, newest
from tests.tuf.witness import Witness
from tests.tuf.world import World

REST = timedelta(hours=2)


@dataclass
class Changing:
    """`held` are the signer's keys. `expected`: project -> its public files."""

    world: World
    witness: Witness
    held: list[CryptoSigner]
    expected: dict[str, set[str]] = field(default_factory=dict)
    number: int = 0

    @classmethod
    def begin(cls, world: World) -> Changing:
        """An index with two published projects."""
        made = cls(world, Witness(world), [world.online_key()])
        made.upload("fig")
        made.upload("pear")
        world.publish()
        made.look()
        return made

    def upload(self, key: str) -> None:
        self.number += 1
        name = f"{key}-{self.number}.tar.gz"
        self.world.upload(key, name)
        self.expected.setdefault(key, set()).add(name)

    def publisher(self, **parts: Any) -> Publisher:
        """A new publisher process with the keys that are held now."""
        signer = FileSigner(self.held, self.world.folder / "keys/signer-state.json")
        return self.world.publisher(signer=signer, **parts)

    def add_key(self) -> KeySet:
        """The signer gets one more online key."""
        self.held.append(CryptoSigner.generate_ed25519())
        return key_set(self.held[-1:])

    def sign_and_begin(self, kind: str, steps: tuple[StepValues, ...]) -> StepSequence:
        """Sign with the development keys that are there, and hand the steps to the publisher."""
        world = self.world
        signed = sign_all(live_offline(world.public).offline, steps, dev_keys(world.folder / "keys"))
        return begin_change(world.db, world.public, kind, signed, rest=REST, now=world.now)

    def cancel(self) -> None:
        """As `bonded tuf rotate --cancel` does."""
        layout = read_base(self.world.public).trust.layout
        with self.world.db.write() as tx:
            cancel(tx, layout, self.world.now)

    def turn(self, p: Publisher | None = None, **parts: Any) -> Result:
        """One call of publish."""
        p = p or self.publisher(**parts)
        try:
            return publish(p, self.world.now).result
        finally:
            p.lock.release()  # type: ignore[attr-defined]

    def rounds(self, most: int = 40) -> Iterator[int]:
        """Uploads, one call of publish by a new process, clients look, time passes; until the sequence is over."""
        for at in range(most):
            yield at
            self.upload("fig" if at % 2 else "plum")
            self.turn()
            self.look()
            if self.state() == "done":
                return
            self.world.now += timedelta(minutes=49)
        raise AssertionError(f"it never ends: {self.says()}")

    def state(self) -> str:
        with self.world.db.read() as conn:
            found = newest(conn)
        return found[1] if found else ""

    def says(self) -> str:
        with self.world.db.read() as conn:
            found = newest(conn)
        return found[0].says if found else ""

    def position(self) -> int:
        with self.world.db.read() as conn:
            found = newest(conn)
        assert found is not None
        return found[0].at

    def look(self) -> None:
        """A new and a returning client verify everything; whatever is on a page was uploaded."""
        pages = self.witness.look()
        for key, page in pages.items():
            assert {f["filename"] for f in page["files"]} <= self.expected[key]  # type: ignore[attr-defined]

    def forget_unlisted(self) -> None:
        """Offline files that no live snapshot ever listed may be torn by a power failure, and put again."""
        versions = read_base(self.world.public).versions
        for role in ("targets", "pages", "bins"):
            self.witness.seen.pop(f"metadata/{versions[role] + 1}.{role}.json", None)

    def all_there(self) -> None:
        """Everything uploaded is public, for both clients."""
        self.turn()
        pages = self.witness.look()
        found = {key: {f["filename"] for f in page["files"]} for key, page in pages.items()}  # type: ignore[attr-defined]
        assert found == self.expected

    def signed_by(self, name: str) -> set[str]:
        """Key ids of the signatures on an object."""
        return {s["keyid"] for s in orjson.loads(self.world.public.get(name).data)["signatures"]}
