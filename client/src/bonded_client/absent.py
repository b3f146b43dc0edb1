"""Absence: the bin that does not list a target must be that target's own bin.

Nothing in a bin says which one it is, and the snapshot names versions only. So whoever stands between could hand out another
bin of the same version, rightly signed by the same key, and a project would seem unknown. What such a file lists gives it away:
every target has one bin. An empty one gives nothing away; then the signed list of projects is asked, which names all that have a
page.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from packaging.utils import canonicalize_name
from tuf.api.metadata import Delegations, Metadata, Targets  # type: ignore[attr-defined]

from bonded_client.failures import Failure


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


def bare(metadata: Path, path: str) -> tuple[str, ...]:
    """The roles in the folder that lead to the bin of the target `path`, where it is there and lists nothing; () else."""
    for role in _roles(_delegations(metadata, "targets"), path):
        for name in _roles(_delegations(metadata, role), path):
            listed = _read(metadata, name)
            if listed is not None and not listed.targets:
                return role, name
    return ()


def project_of(path: str) -> str:
    """The project whose page is the target `path`; "" for other targets."""
    match path.split("/"):
        case ["simple", project, "index.json" | "index.html"]:
            return project
    return ""


def named(data: bytes) -> frozenset[str]:
    """The projects (normalized) that a signed list names. Raises Failure (malformed)."""
    try:
        return frozenset(canonicalize_name(entry["name"]) for entry in json.loads(data)["projects"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("malformed", f"The list of projects is signed, but not as PEP 691 says ({error!r}).") from error


def has_content(snapshot: bytes) -> bool:
    """Whether a snapshot says that something was published since the index was made: then there is a list of projects."""
    extra = json.loads(snapshot)["signed"].get("x-bonded")
    content = extra.get("content") if isinstance(extra, dict) else None
    return isinstance(content, int) and content > 1


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
