"""Absence: the bin that does not list a target must be that target's own bin.

Nothing in a bin says which one it is, and the snapshot names versions only. So whoever stands between could hand out another
bin of the same version, rightly signed by the same key, and a project would seem unknown. What such a file lists gives it away:
every target has one bin. (An empty one cannot be told; there is nothing in it that could be installed.)
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tuf.api.metadata import Delegations, Metadata, Targets  # type: ignore[attr-defined]


def exchanged(metadata: Path, path: str) -> tuple[str, ...]:
    """The roles in the folder of verified `metadata` that lead to a bin which cannot be that of the target `path`; () for none."""
    top = _delegations(metadata, "targets")
    for role in _roles(top, path):
        below = _delegations(metadata, role)
        for name in _roles(below, path):
            listed = _read(metadata, name)
            if listed is not None and not all(
                role in _roles(top, p) and name in _roles(below, p) for p in listed.targets
            ):
                return role, name
    return ()


def forget(metadata: Path, roles: tuple[str, ...]) -> None:
    """Remove them from the folder, where python-tuf would go on to believe them for as long as their version is live."""
    for role in roles:
        _place(metadata, role).unlink(missing_ok=True)


def _roles(delegations: Delegations | None, path: str) -> list[str]:
    return [name for name, _ in delegations.get_roles_for_target(path)] if delegations is not None else []


def _delegations(metadata: Path, role: str) -> Delegations | None:
    signed = _read(metadata, role)
    return None if signed is None else signed.delegations


def _read(metadata: Path, role: str) -> Targets | None:
    try:
        return Metadata[Targets].from_bytes(_place(metadata, role).read_bytes()).signed
    except FileNotFoundError:
        return None


def _place(metadata: Path, role: str) -> Path:
    return metadata / f"{quote(role, '')}.json"
