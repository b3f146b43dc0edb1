"""A small index in memory, signed with python-tuf's own classes in the layout that the client-author pages describe.

It shares no code with the publisher, so that both are held to the written layout.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)

BIT_LENGTH = 2


def wheel_page(project: str, files: dict[str, bytes], **status: str) -> bytes:
    """A project page as PEP 691 and 700 have it; a file's link is relative, as ours are."""
    entries = [
        {
            "filename": name,
            "url": f"../../packages/{project}/{name}",
            "size": len(data),
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "yanked": False,
        }
        for name, data in sorted(files.items())
    ]
    page: dict[str, object] = {"meta": {"api-version": "1.4"}, "name": project, "files": entries, "versions": []}
    if status:
        page["project-status"] = status
    return json.dumps(page).encode()


class Repository:
    """`store` maps paths under the index's root to bytes; `publish()` moves it one state further.

    `content` is said in the next snapshots: the newest publication that changed more than dates.
    """

    def __init__(self) -> None:
        self.store: dict[str, bytes] = {}
        self.lifetime = timedelta(days=1)
        self.version = self.roots = 0
        self.content: int | None = None
        self.root_signer, self.online = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
        self.targets: dict[str, bytes] = {}
        self.bins: dict[str, Metadata[Targets]] = {}
        self.root = Root(consistent_snapshot=True, expires=self._expires())
        self.root.add_key(self.root_signer.public_key, "root")
        for role in ("targets", "snapshot", "timestamp"):
            self.root.add_key(self.online.public_key, role)
        self.sign_root()
        self.first_root = self.store["metadata/1.root.json"]
        self._offline()
        self.publish({})

    def _expires(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + self.lifetime

    def sign_root(self, *signers: CryptoSigner) -> None:
        """Put the next version of root, signed by the root key or by `signers`."""
        self.roots += 1
        self.root.version = self.roots
        md = Metadata(self.root)
        for signer in signers or (self.root_signer,):
            md.sign(signer, append=True)
        self.store[f"metadata/{self.root.version}.root.json"] = md.to_bytes()

    def _offline(self) -> None:
        """targets, pages and bins: signed once."""
        keys = {self.online.public_key.keyid: self.online.public_key}
        ids = list(keys)
        roles = {
            "pages": DelegatedRole("pages", ids, 1, True, paths=["simple/*", "simple/*/*"]),
            "bins": DelegatedRole("bins", ids, 1, True, paths=["packages/*/*"]),
        }
        self._put("targets", Targets(expires=self._expires(), delegations=Delegations(keys, roles)))
        for role, prefix in (("pages", "page-bin-1"), ("bins", "bin-1")):
            succinct = SuccinctRoles(ids, 1, BIT_LENGTH, prefix)
            self._put(role, Targets(expires=self._expires(), delegations=Delegations(keys, succinct_roles=succinct)))
            for name in succinct.get_roles():
                self.bins[name] = Metadata(Targets(expires=self._expires()))

    def _put(self, role: str, signed: Targets | Snapshot | Timestamp, name: str | None = None) -> bytes:
        md = Metadata(signed)
        md.sign(self.online)
        data = md.to_bytes()
        self.store[f"metadata/{name or f'{signed.version}.{role}'}.json"] = data
        return data

    def _bin_of(self, path: str) -> str:
        prefix = "page-bin-1" if path.startswith("simple/") else "bin-1"
        return SuccinctRoles([], 1, BIT_LENGTH, prefix).get_role_for_target(path)

    def publish(self, changes: dict[str, bytes | None]) -> None:
        """Add, replace or (None) remove targets, and move timestamp.json. Without changes, renew every bin."""
        touched = set() if self.version and changes else set(self.bins)
        for path, data in changes.items():
            name = self._bin_of(path)
            touched.add(name)
            if data is None:
                del self.bins[name].signed.targets[path], self.targets[path]
                continue
            info = TargetFile.from_data(path, data, ["sha256"])
            self.bins[name].signed.targets[path] = info
            self.targets[path] = data
            folder, _, base = path.rpartition("/")
            self.store[path] = data
            self.store[f"{folder}/{info.hashes['sha256']}.{base}"] = data
        self.version += 1
        for name in touched:
            signed = self.bins[name].signed
            signed.version, signed.expires = self.version, self._expires()
            self._put(name, signed)
        self.flip()

    def flip(self) -> None:
        """Sign a snapshot of what the bins are now, and the timestamp that points to it."""
        meta = {f"{name}.json": MetaFile(md.signed.version) for name, md in self.bins.items()}
        meta |= {f"{name}.json": MetaFile(1) for name in ("targets", "pages", "bins")}
        extra = {} if self.content is None else {"x-bonded": {"content": self.content}}
        signed = Snapshot(self.version, expires=self._expires(), meta=meta, unrecognized_fields=extra)
        snapshot = self._put("snapshot", signed)
        about = MetaFile(self.version, len(snapshot), {"sha256": hashlib.sha256(snapshot).hexdigest()})
        self._put("timestamp", Timestamp(self.version, expires=self._expires(), snapshot_meta=about), "timestamp")

    def project(self, name: str, files: dict[str, bytes], **status: str) -> None:
        """Publish the page of `name` and its files."""
        changes: dict[str, bytes | None] = {f"packages/{name}/{file}": data for file, data in files.items()}
        self.publish(changes | {f"simple/{name}/index.json": wheel_page(name, files, **status)})

    def projects(self, *names: str) -> None:
        """Publish the list of projects."""
        listed = {"meta": {"api-version": "1.4"}, "projects": [{"name": name} for name in names]}
        self.publish({"simple/index.json": json.dumps(listed).encode()})

    def packed(self, path: str) -> bytes:
        """The gzip copy of what is at `path`."""
        return gzip.compress(self.store[path], mtime=0)
