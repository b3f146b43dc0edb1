"""Write vectors.json, the test vectors for client authors: python docs/client-author/vectors.py

Keys come from fixed seeds, times are fixed, so equal code writes equal bytes. A test compares them with what is committed,
and has bonded-client and tuf-js judge every case.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from bonded.journal import tree
from bonded.tuf import pointer
from bonded.tuf.binfile import utc
from bonded.tuf.canonical import canonical, enclose
from bonded.tuf.roles import SPEC, BinSet, hash32, hashed

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = datetime(2099, 1, 1, tzinfo=UTC)
"""When the vectors expire: long after whoever uses them."""
PROJECT, WHEEL, BYTES = "example", "example-1.0-py3-none-any.whl", b"the bytes of a wheel"
PATHS = ("simple/index.json", "simple/example/index.html", "simple/example/index.json", f"packages/example/{WHEEL}")


def _key(number: int) -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


ROOT, OFFLINE, ONLINE, STRANGER = (_key(number) for number in (1, 2, 3, 9))


def _sign(value: dict[str, Any], key: CryptoSigner) -> bytes:
    signed = canonical(value)
    return enclose(signed, [key.sign(signed).to_dict()])


def _keys(*keys: CryptoSigner) -> dict[str, Any]:
    return {key.public_key.keyid: key.public_key.to_dict() for key in keys}


def _role(key: CryptoSigner) -> dict[str, Any]:
    return {"keyids": [key.public_key.keyid], "threshold": 1}


def _root(version: int, key: CryptoSigner = ROOT) -> bytes:
    roles = {"root": ROOT, "targets": OFFLINE, "timestamp": ONLINE, "snapshot": ONLINE}
    value = {
        "_type": "root",
        "consistent_snapshot": True,
        "expires": utc(LATER),
        "keys": _keys(ROOT, OFFLINE, ONLINE),
        "roles": {name: _role(one) for name, one in roles.items()},
        "spec_version": SPEC,
        "version": version,
    }
    return _sign(value, key)


def _targets(version: int, *, targets: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    value = {"_type": "targets", "expires": utc(LATER), "spec_version": SPEC, "targets": targets or {}}
    return value | {"version": version} | more


PAGES, FILES = BinSet("page-bin-1", 1, ()), BinSet("bin-1", 1, ())


def _page() -> bytes:
    file = {
        "filename": WHEEL,
        "url": f"../../packages/{PROJECT}/{WHEEL}",
        "size": len(BYTES),
        "hashes": {"sha256": hashlib.sha256(BYTES).hexdigest()},
        "yanked": False,
    }
    value = {"meta": {"api-version": "1.4"}, "name": PROJECT, "versions": ["1.0"], "files": [file]}
    return _json(value)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _repository() -> dict[str, bytes]:
    """A whole index: one project with one wheel, in two page bins and two file bins, of which one is empty."""
    contents = {
        "simple/index.json": _json({"meta": {"api-version": "1.4"}, "projects": [{"name": PROJECT}]}),
        f"simple/{PROJECT}/index.json": _page(),
        f"packages/{PROJECT}/{WHEEL}": BYTES,
    }
    top = {
        "keys": _keys(OFFLINE),
        "roles": [
            {"name": name, "paths": paths, "terminating": True, **_role(OFFLINE)}
            for name, paths in (("pages", ["simple/*", "simple/*/*"]), ("bins", ["packages/*/*"]))
        ],
    }
    files = {
        "metadata/1.root.json": _root(1),
        "metadata/1.targets.json": _sign(_targets(1, delegations=top), OFFLINE),
    }
    versions = {"targets": 1, "pages": 1, "bins": 1}
    for role, bins in (("pages", PAGES), ("bins", FILES)):
        succinct = {"bit_length": bins.bits, "name_prefix": bins.prefix, **_role(ONLINE)}
        below = _targets(1, delegations={"keys": _keys(ONLINE), "succinct_roles": succinct})
        files[f"metadata/1.{role}.json"] = _sign(below, OFFLINE)
        for name in bins.names():
            mine = {
                path: {"length": len(data), "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}
                for path, data in contents.items()
                if path.startswith("simple/" if role == "pages" else "packages/") and bins.name(hash32(path)) == name
            }
            versions[name] = 7
            files[f"metadata/7.{name}.json"] = _sign(_targets(7, targets=mine), ONLINE)
    for path, data in contents.items():
        files[path] = files[hashed(path, hashlib.sha256(data).hexdigest())] = data
    return files | _flip(versions, 7, LATER)


def _flip(versions: dict[str, int], n: int, expires: datetime, key: CryptoSigner = ONLINE) -> dict[str, bytes]:
    """Snapshot `n` and the timestamp that points to it."""
    empty = hashlib.sha256(b"").hexdigest()
    extra = {"publication": n, "attempt": "0123456789abcdef", "content": n, "changes": empty, "at": utc(NOW)}
    extra |= {"journal_size": 0, "journal_root": empty}

    def sign(_role: str, payload: bytes) -> list[dict[str, str]]:
        return [key.sign(payload).to_dict()]

    snapshot = pointer.snapshot(pointer.Listing(versions), n, expires, extra, sign)[1]
    return {
        f"metadata/{n}.snapshot.json": snapshot,
        "metadata/timestamp.json": pointer.timestamp(snapshot, n, expires, sign)[1],
    }


def _cases(good: dict[str, bytes]) -> list[dict[str, Any]]:
    """Changes to the repository, and how a client that has seen the good one (`after`) or nothing must end."""
    versions = {"targets": 1, "pages": 1, "bins": 1} | {name: 7 for bins in (PAGES, FILES) for name in bins.names()}
    page = next(name for name in good if name.startswith(f"simple/{PROJECT}/") and name.endswith(".index.json"))
    snapshot, page_bin = (
        "metadata/7.snapshot.json",
        f"metadata/7.{PAGES.name(hash32(f'simple/{PROJECT}/index.json'))}.json",
    )
    list_bin = good[f"metadata/7.{PAGES.name(hash32('simple/index.json'))}.json"]
    empty_bin = next(good[f"metadata/7.{name}.json"] for name in FILES.names() if name != FILES.name(hash32(PATHS[3])))
    other = json.loads(good["metadata/timestamp.json"])
    other["signed"]["expires"] = "2098-01-01T00:00:00Z"
    package = f"packages/{PROJECT}/{WHEEL}"

    def case(name: str, ends: str, change: dict[str, bytes | None], *, after: bool = False) -> dict[str, Any]:
        text = {path: None if data is None else data.decode() for path, data in change.items()}
        return {"name": name, "ends": ends, "after_the_good_one": after, "change": text}

    backwards = _flip(versions, 6, LATER) | {
        f"metadata/6.{n}.json": good[f"metadata/7.{n}.json"] for n in versions if "-" in n
    }
    return [
        case("nothing is wrong", "", {}),
        case("a byte of the wheel differs", "altered", {package: b"the bytes of a whEel"}),
        case("the wheel is longer", "endless-data", {package: BYTES + b"!" * 2000}),
        case("a byte of the page differs", "altered", {page: good[page].replace(b'"1.0"', b'"1.1"')}),
        case(
            "a byte of the snapshot differs",
            "altered",
            {snapshot: good[snapshot].replace(b'"content":7', b'"content":8')},
        ),
        case(
            "the timestamp says something else than was signed",
            "bad-signature",
            {"metadata/timestamp.json": canonical(other)},
        ),
        case("timestamp and snapshot are signed by a stranger", "bad-signature", _flip(versions, 8, LATER, STRANGER)),
        case("a bin is signed by a stranger", "bad-signature", {page_bin: _sign(_targets(7), STRANGER)}),
        case(
            "a bin has another version than the snapshot says", "mixed-versions", {page_bin: _sign(_targets(6), ONLINE)}
        ),
        case("a bin that lists other pages stands in the place of the page's", "mixed-versions", {page_bin: list_bin}),
        case("an empty bin stands in the place of the page's", "mixed-versions", {page_bin: empty_bin}),
        case(
            "a new root is not signed by the old one's key",
            "bad-signature",
            {"metadata/2.root.json": _root(2, STRANGER)},
        ),
        case("a new root is properly signed", "", {"metadata/2.root.json": _root(2)}),
        case("everything newer has expired", "expired", _flip(versions, 8, NOW - timedelta(days=1))),
        case("an older state that is still valid: no news", "", dict(backwards), after=True),
        case("the snapshot is gone", "metadata-missing", {snapshot: None}),
    ]


def _bins() -> list[dict[str, Any]]:
    found = []
    for path in PATHS:
        prefix, kind = ("page-bin", "pages") if path.startswith("simple/") else ("bin", "bins")
        for generation, count in ((1, 16), (1, 4096), (2, 16384)):
            name = BinSet(f"{prefix}-{generation}", count.bit_length() - 1, ()).name(hash32(path))
            digest = hashlib.sha256(path.encode()).hexdigest()
            found.append({"path": path, "sha256_of_path": digest, "delegator": kind, "bins": count, "bin": name})
    return found


def _journal() -> dict[str, Any]:
    rows = [f"row {number}".encode() for number in range(7)]

    def nodes(level: int, position: int) -> bytes:
        if level == 0:
            return tree.hash_leaf(rows[position])
        return tree.hash_pair(nodes(level - 1, 2 * position), nodes(level - 1, 2 * position + 1))

    return {
        "rows": [row.decode() for row in rows],
        "roots": {size: tree.root(size, nodes).hex() for size in (0, 3, 7)},
        "inclusion": {"index": 4, "size": 7, "path": [h.hex() for h in tree.inclusion(4, 7, nodes)]},
        "consistency": {"old": 3, "new": 7, "path": [h.hex() for h in tree.consistency(3, 7, nodes)]},
    }


def vectors() -> str:
    """The text of vectors.json."""
    good = _repository()
    value = {
        "bins": _bins(),
        "journal": _journal(),
        "repository": {name: data.decode() for name, data in sorted(good.items())},
        "wanted": {"requirement": f"{PROJECT}==1.0", "filename": WHEEL, "sha256": hashlib.sha256(BYTES).hexdigest()},
        "cases": _cases(good),
    }
    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("vectors.json").write_text(vectors(), "utf-8")
