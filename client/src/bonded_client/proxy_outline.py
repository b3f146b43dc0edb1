"""Which metadata file is needed next to know of a target, so that many can be fetched at once before python-tuf asks for them.

Only ever a hint: what is fetched early is handed to python-tuf as if it had fetched it then, and verified by it. A wrong
hint costs a request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Delegations, Metadata, Targets  # type: ignore[attr-defined]

_DEEP = 8
MOST = 5_000_000
"""Bytes of one file of metadata, as python-tuf has it by default."""


@dataclass(slots=True)
class Outline:
    """What the metadata in `folder` (python-tuf's, of one index) said when this was made.

    `until`: when the first of timestamp, snapshot and top-level targets expires, in seconds since 1970.
    """

    folder: Path
    timestamp: bytes
    until: float
    versions: dict[str, int]
    _delegations: dict[str, Delegations] = field(default_factory=dict)
    _present: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, folder: Path) -> Outline:
        """Read what was verified last. Raises OSError, ValueError or KeyError for what is not there."""
        data = {role: (folder / f"{role}.json").read_bytes() for role in ("timestamp", "snapshot", "targets")}
        signed = {role: json.loads(text)["signed"] for role, text in data.items()}
        until = min(datetime.fromisoformat(one["expires"]).timestamp() for one in signed.values())
        versions = {name.removesuffix(".json"): int(m["version"]) for name, m in signed["snapshot"]["meta"].items()}
        return cls(folder, data["timestamp"], until, versions)

    def missing(self, path: str, deep: int = _DEEP) -> tuple[str, int] | None:
        """The first role, and its version, on the way to the target `path` that is not in the folder; None for none.

        To whom a role delegates is not known before it is here. `deep`: how many roles below the top are looked at.
        """
        role = "targets"
        for _ in range(deep):
            delegations = self._of(role)
            child = next(iter(delegations.get_roles_for_target(path)), None) if delegations else None
            if child is None or child[0] not in self.versions:
                break
            role = child[0]
            if not self._here(role):
                return role, self.versions[role]
        return None

    def _of(self, role: str) -> Delegations | None:
        if role not in self._delegations and self._here(role):
            try:
                signed = Metadata[Targets].from_file(str(self.folder / f"{role}.json")).signed
            except (RepositoryError, OSError):
                return None
            if signed.delegations:
                self._delegations[role] = signed.delegations
        return self._delegations.get(role)

    def _here(self, role: str) -> bool:
        """Whether the folder has this role in the version that the snapshot names."""
        if role in self._present:
            return True
        try:
            data = (self.folder / f"{role}.json").read_bytes()
            here = int(json.loads(data)["signed"]["version"]) == self.versions[role]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if here:
            self._present.add(role)
        return here
