"""The index that bench/proxy.py installs from: projects that need each other, signed, as files for nginx.

`bins`: how many page bins (and four times as many file bins) the snapshot names; `per_bin`: targets in each bin that the
projects fall into, so that a bin weighs what it weighs at that size. Bins that nobody asks for are named and not written.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path

import zstandard
from tests.client.repository import Repository
from tests.client_proxy.wheels import Wheel, wheel
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, SuccinctRoles, TargetFile, Targets

PROJECTS, RELEASES, WHEEL_BYTES = 40, 25, 200_000


def projects(rng: random.Random) -> dict[str, tuple[str, ...]]:
    """Projects and what each needs: one application, whose requirements are four deep and shared."""
    names = [f"bench-project-{n:02}" for n in range(PROJECTS)]
    needs = {"bench-app": tuple(names[:10])}
    for n, name in enumerate(names):
        later = names[max(10, 2 * n + 6) : 2 * n + 12]
        needs[name] = tuple(sorted({*later, *rng.sample(names[n + 1 :], min(2, len(names) - n - 1))}))
    return needs


class Tree(Repository):
    """The index in memory; `write` makes files of it."""

    def __init__(self, bins: int, per_bin: int) -> None:
        self.bit_length = bins.bit_length() - 1
        self.per_bin = per_bin
        super().__init__()

    def _offline(self) -> None:
        keys = {self.online.public_key.keyid: self.online.public_key}
        ids = list(keys)
        roles = {
            "pages": DelegatedRole("pages", ids, 1, True, paths=["simple/*", "simple/*/*"]),
            "bins": DelegatedRole("bins", ids, 1, True, paths=["packages/*/*"]),
        }
        self._put("targets", Targets(expires=self._expires(), delegations=Delegations(keys, roles)))
        for role, prefix, more in (("pages", "page-bin-1", 0), ("bins", "bin-1", 2)):
            succinct = SuccinctRoles(ids, 1, self.bit_length + more, prefix)
            self._put(role, Targets(expires=self._expires(), delegations=Delegations(keys, succinct_roles=succinct)))
            for name in succinct.get_roles():
                self.bins[name] = Metadata(Targets(expires=self._expires()))

    def _bin_of(self, path: str) -> str:
        page = path.startswith("simple/")
        bits, prefix = (self.bit_length, "page-bin-1") if page else (self.bit_length + 2, "bin-1")
        return SuccinctRoles([], 1, bits, prefix).get_role_for_target(path)

    def publish(self, changes: dict[str, bytes | None]) -> None:
        """As the repository does; bins that nobody touches are not signed, and touched ones filled."""
        if not self.version:
            self.version = 1
            return
        for path in changes:
            signed = self.bins[self._bin_of(path)].signed
            for n in range(len(signed.targets), self.per_bin):
                other = f"simple/project-{self._bin_of(path)}-{n}/index.json"
                signed.targets[other] = TargetFile(
                    2000 + n, {"sha256": hashlib.sha256(other.encode()).hexdigest()}, other
                )
        super().publish(changes)

    def flip(self) -> None:
        """Once for all: see `write`."""

    def write(self, folder: Path) -> None:
        """All files, with compressed copies of what compresses; the root of trust is `root.json` beside."""
        super().flip()
        for name, data in self.store.items():
            path = folder / "public" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if name.endswith((".json", ".html", ".metadata")) and "timestamp" not in name:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data, 6))
                path.with_name(f"{path.name}.zst").write_bytes(zstandard.compress(data, 3))
        (folder / "root.json").write_bytes(self.first_root)


def build(folder: Path, bins: int, per_bin: int) -> None:
    """Write the index into `folder`: `public` and `root.json`."""
    rng = random.Random(458)
    tree = Tree(bins, per_bin)
    changes: dict[str, bytes | None] = {}
    names = projects(rng)
    for name, needs in names.items():
        made = wheel(name, f"{RELEASES}.0", requires=needs, filler=rng.randbytes(rng.randrange(WHEEL_BYTES)))
        path = f"packages/{name}/{made.filename}"
        tree.store[path], tree.store[f"{path}.metadata"] = made.data, made.metadata
        form = {"index.json": _json(name, made), "index.html": _html(name, made)}
        for file, data in form.items():
            tree.store[f"simple/{name}/{file}"] = data
            changes[f"simple/{name}/{file}"] = data
    changes["simple/index.json"] = tree.store["simple/index.json"] = _list(names)
    tree.publish(changes)
    tree.write(folder)


def _files(name: str, made: Wheel) -> list[tuple[str, int, str, str]]:
    """Name, size, sha256 and sha256 of the metadata of all releases; only the newest exists."""
    older = [
        (f"{name.replace('-', '_')}-{n}.0-py3-none-any.whl", 1000 + n, f"{n:064x}", f"{n:064x}")
        for n in range(RELEASES)
    ]
    return [*older, (made.filename, len(made.data), made.sha256, hashlib.sha256(made.metadata).hexdigest())]


def _json(name: str, made: Wheel) -> bytes:
    files = [
        {
            "filename": filename,
            "url": f"../../packages/{name}/{filename}",
            "size": size,
            "hashes": {"sha256": sha256},
            "core-metadata": {"sha256": metadata},
            "requires-python": ">=3.8",
            "upload-time": "2026-01-01T00:00:00.000000Z",
            "yanked": False,
        }
        for filename, size, sha256, metadata in _files(name, made)
    ]
    return json.dumps({"meta": {"api-version": "1.4"}, "name": name, "files": files, "versions": []}).encode()


def _list(names: Iterable[str]) -> bytes:
    return json.dumps({"meta": {"api-version": "1.4"}, "projects": [{"name": name} for name in names]}).encode()


def _html(name: str, made: Wheel) -> bytes:
    links = "".join(
        f'<a href="../../packages/{name}/{filename}#sha256={sha256}" data-core-metadata="sha256={metadata}">{filename}</a>\n'
        for filename, _, sha256, metadata in _files(name, made)
    )
    return f"<!DOCTYPE html><html><body>\n{links}</body></html>".encode()
