"""The attacks, by the names of PEP 458's appendix A, each in the ways a mirror has to try it.

`when`: "seen" if the client knows the honest state with 1.0 or 2.0 before; "new" if the attack is all that it ever saw. Each
ends in one of `codes` whatever the client is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile

from tests.client_attacks.mirror import EVIL, HELPER, NEW, OLD, Mirror
from tests.client_proxy.index import page_json
from tests.client_proxy.wheels import wheel

LONG = 30.0
SOON = timedelta(seconds=8)
"""What is valid for so long is seen before it ends, on a busy machine too."""


@dataclass(frozen=True)
class Attack:
    """`play` spoils the mirror; `prepare` happens before the client looks for the first time."""

    name: str
    codes: tuple[str, ...]
    play: Callable[[Mirror], None]
    prepare: Callable[[Mirror], None] = lambda _: None
    quick: bool = False
    timeout: float = LONG
    """Seconds that the client waits for the next byte. Shorter where it waits in vain: as long as a busy machine needs, and no longer."""

    @property
    def id(self) -> str:
        return self.name.replace(" ", "-")


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def another_wheel(mirror: Mirror) -> None:
    """As long as the right one, so that only its hash tells."""
    path = mirror.file(OLD)
    mirror.store[path] = EVIL.data[: len(OLD.data)].ljust(len(OLD.data), b"x")


def another_page(mirror: Mirror) -> None:
    mirror.show(page_json("example", (EVIL,)))


def another_key(mirror: Mirror) -> None:
    mirror.online = CryptoSigner.generate_ed25519()
    mirror.release("example", EVIL)


def another_bin(mirror: Mirror) -> None:
    """A new bin by the attacker's key under an honest snapshot: the right name, the right version."""
    mirror.fix()
    role = mirror._bin_of("simple/example/index.json")
    name = f"metadata/{mirror.bins[role].signed.version}.{role}.json"
    forged = Metadata.from_bytes(mirror.store[name])
    forged.signed.targets["simple/example/index.json"].length += 1
    forged.sign(CryptoSigner.generate_ed25519())
    mirror.store[name] = forged.to_bytes()


def older_snapshot(mirror: Mirror) -> None:
    """A newer timestamp, rightly signed, that points to the snapshot before."""
    timestamp = Metadata.from_bytes(mirror.store["metadata/timestamp.json"])
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta = MetaFile(timestamp.signed.snapshot_meta.version - 1)
    timestamp.sign(mirror.online)
    mirror.store["metadata/timestamp.json"] = timestamp.to_bytes()


def older_everything(mirror: Mirror) -> None:
    """The whole mirror as it was before 2.0, when the newest state that the client knows has just expired."""
    until_expired(mirror)
    mirror.store.clear()
    mirror.store.update(mirror.before)


def until_expired(mirror: Mirror) -> None:
    """Wait for the end of what the mirror shows now."""
    ends = Metadata.from_bytes(mirror.store["metadata/timestamp.json"]).signed.expires
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()) + 0.1)


def fixed_shortly(mirror: Mirror) -> None:
    mirror.lifetime = SOON
    mirror.fix()


def frozen(mirror: Mirror) -> None:
    """The client saw it while it was valid; nothing newer is ever shown."""
    until_expired(mirror)


def expired(mirror: Mirror) -> None:
    mirror.lifetime = timedelta(days=-1)
    mirror.release("example", OLD)


def shortly(mirror: Mirror) -> None:
    mirror.lifetime = SOON
    mirror.release("example", OLD)


def one_more_requirement(mirror: Mirror) -> None:
    """The metadata file beside the wheel names what the wheel does not need."""
    mirror.store[f"{mirror.file(OLD)}.metadata"] = wheel("example", requires=("helper",)).metadata


def one_more_requirement_in_the_wheel(mirror: Mirror) -> None:
    mirror.store[mirror.file(OLD)] = wheel("example", requires=("helper",)).data


def one_more_requirement_by_the_page(mirror: Mirror) -> None:
    mirror.show(page_json("example", (wheel("example", requires=("helper",)),)))


def older_bin(mirror: Mirror) -> None:
    """The bin of 1.0, rightly signed, under the name of the one with 2.0."""
    role = mirror._bin_of("simple/example/index.json")
    older = mirror.store[f"metadata/{mirror.bins[role].signed.version}.{role}.json"]
    mirror.fix()
    mirror.store[f"metadata/{mirror.bins[role].signed.version}.{role}.json"] = older


def another_bin_of_that_version(mirror: Mirror) -> None:
    """A bin of files for the one of pages: of the same publication, by the same key; so the project seems unknown."""
    mirror.fix()
    files = mirror._bin_of(mirror.file(NEW))
    assert mirror.bins[files].signed.version == mirror.version
    role = mirror._bin_of("simple/example/index.json")
    mirror.store[f"metadata/{mirror.version}.{role}.json"] = mirror.store[f"metadata/{mirror.version}.{files}.json"]


def older_page(mirror: Mirror) -> None:
    mirror.fix()
    mirror.show(page_json("example", (OLD,)))


def older_snapshot_by_name(mirror: Mirror) -> None:
    older = mirror.store[f"metadata/{mirror.version}.snapshot.json"]
    mirror.fix()
    mirror.store[f"metadata/{mirror.version}.snapshot.json"] = older


def wheel_of_another_project(mirror: Mirror) -> None:
    mirror.store[mirror.file(OLD)] = HELPER.data


def page_of_another_project(mirror: Mirror) -> None:
    mirror.show(mirror.targets["simple/helper/index.json"])


def older_release_for_the_new_one(mirror: Mirror) -> None:
    mirror.fix()
    mirror.store[mirror.file(NEW)] = OLD.data


def nothing_new(mirror: Mirror) -> None:
    """The timestamp is there, and what it names never is."""
    mirror.fix()
    del mirror.store[f"metadata/{mirror.version}.snapshot.json"]


def half_a_wheel(mirror: Mirror) -> None:
    def cut(handler: object, body: bytes) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(body)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(body[:100])  # type: ignore[attr-defined]

    mirror.say(mirror.file(OLD), cut)


def root_by_one_of_two(mirror: Mirror) -> None:
    """One stolen root key names a new online key."""
    mine = CryptoSigner.generate_ed25519()
    for role in ("timestamp", "snapshot"):
        mirror.root.add_key(mine.public_key, role)
    mirror.root.expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
    mirror.sign_root(mirror.root_signer)
    mirror.online = mine
    mirror.release("example", EVIL)


def targets_by_one_of_two(mirror: Mirror) -> None:
    """One stolen key of the offline role delegates pages to the attacker. The client has not held them yet."""
    targets = Metadata.from_bytes(mirror.store["metadata/1.targets.json"])
    targets.signed.version = 2
    targets.sign(mirror.second)
    mirror.store["metadata/2.targets.json"] = targets.to_bytes()
    document = json.loads(mirror.store[f"metadata/{mirror.version}.snapshot.json"])["signed"]
    assert document["meta"]["targets.json"]["version"] == 1
    snapshot = Metadata.from_bytes(mirror.store[f"metadata/{mirror.version}.snapshot.json"])
    snapshot.signed.version += 1
    snapshot.signed.meta["targets.json"] = MetaFile(2)
    snapshot.sign(mirror.online)
    mirror.store[f"metadata/{snapshot.signed.version}.snapshot.json"] = snapshot.to_bytes()
    timestamp = Metadata.from_bytes(mirror.store["metadata/timestamp.json"])
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta = MetaFile(snapshot.signed.version)
    timestamp.sign(mirror.online)
    mirror.store["metadata/timestamp.json"] = timestamp.to_bytes()


def _of(action: str, paths: Callable[[Mirror], tuple[str, ...]], *more: object) -> Callable[[Mirror], None]:
    def play(mirror: Mirror) -> None:
        for path in paths(mirror):
            getattr(mirror, action)(path, *more)

    return play


def timestamp_of(_: Mirror) -> tuple[str, ...]:
    return ("metadata/timestamp.json",)


def page_of(mirror: Mirror) -> tuple[str, ...]:
    return mirror.pages()


def wheel_of(mirror: Mirror) -> tuple[str, ...]:
    return (mirror.file(OLD),)


def metadata_of(mirror: Mirror) -> tuple[str, ...]:
    return (f"{mirror.file(OLD)}.metadata",)


GONE = ("index-error", "metadata-missing", "index-unreachable", "file-withdrawn")

ATTACKS = (
    Attack("arbitrary installation: wheel", ("altered",), another_wheel, quick=True),
    Attack("arbitrary installation: page", ("altered", "endless-data"), another_page),
    Attack("arbitrary installation: key", ("bad-signature",), another_key),
    Attack("arbitrary installation: bin", ("bad-signature",), another_bin),
    Attack("rollback: snapshot", ("rollback",), older_snapshot, prepare=Mirror.fix, quick=True),
    Attack("rollback: everything", ("rollback",), older_everything, prepare=fixed_shortly),
    Attack("indefinite freeze: held back", ("expired",), frozen, prepare=shortly),
    Attack("indefinite freeze: long expired", ("expired",), expired, quick=True),
    Attack("endless data: timestamp", ("endless-data",), _of("endless", timestamp_of)),
    Attack("endless data: page", ("endless-data",), _of("endless", page_of)),
    Attack("endless data: wheel", ("endless-data",), _of("endless", wheel_of), quick=True),
    Attack("slow retrieval: timestamp", ("slow",), _of("drip", timestamp_of), timeout=3.0),
    Attack("slow retrieval: silence", ("slow",), _of("silent", page_of), quick=True, timeout=3.0),
    Attack("slow retrieval: wheel", ("slow",), _of("drip", wheel_of), timeout=3.0),
    Attack(
        "extraneous dependencies: wheel", ("altered", "endless-data"), one_more_requirement_in_the_wheel, quick=True
    ),
    Attack("extraneous dependencies: page", ("altered", "endless-data"), one_more_requirement_by_the_page),
    Attack("mix and match: bin", ("mixed-versions",), older_bin, quick=True),
    Attack("mix and match: another bin", ("mixed-versions",), another_bin_of_that_version, quick=True),
    Attack("mix and match: page", ("altered", "endless-data"), older_page),
    Attack(
        "mix and match: snapshot", ("altered", "mixed-versions", "rollback", "endless-data"), older_snapshot_by_name
    ),
    Attack("wrong installation: wheel", ("altered", "endless-data"), wheel_of_another_project, quick=True),
    Attack("wrong installation: page", ("altered", "endless-data"), page_of_another_project),
    Attack("wrong installation: release", ("altered", "endless-data"), older_release_for_the_new_one),
    Attack("malicious mirror: no timestamp", GONE, _of("status", timestamp_of, 404)),
    Attack("malicious mirror: errors", GONE, _of("status", page_of, 503), quick=True),
    Attack("malicious mirror: nothing new", GONE, nothing_new),
    Attack("malicious mirror: half a wheel", GONE, half_a_wheel),
    Attack("key compromise below threshold: root", ("bad-signature",), root_by_one_of_two, quick=True),
    Attack("key compromise below threshold: targets", ("bad-signature",), targets_by_one_of_two),
)

BESIDES = (
    Attack("extraneous dependencies: metadata", ("altered", "endless-data"), one_more_requirement, quick=True),
    Attack("endless data: metadata", ("endless-data",), _of("endless", metadata_of)),
)
"""Against those who read the metadata file beside a wheel: installers, not `download`."""
