"""The requirement files are hashed, hold no URL, and cover what the two pyproject.toml files ask for."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)(.*)$")


def pins(path: Path) -> dict[str, set[Version]]:
    """Pinned versions by normalized name (several where markers differ)."""
    found: dict[str, set[Version]] = {}
    for line in path.read_text().splitlines():
        if match := PINNED.match(line):
            found.setdefault(canonicalize_name(match[1]), set()).add(Version(match[2]))
    return found


SIGNER = {"hsm", "vault", "kms", "signer"}
"""Extras of the signer process, which are installed nowhere else."""


def wanted(extras: str, groups: bool) -> list[Requirement]:
    """What the projects ask for. `extras`: none, "production" or "signer"."""
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())
    texts: list[str] = list(ours["project"]["dependencies"])
    chosen = {"": set(), "signer": SIGNER}.get(extras, set(ours["project"]["optional-dependencies"]) - SIGNER)
    texts += [t for extra in chosen for t in ours["project"]["optional-dependencies"][extra]]
    if extras == "production":
        texts += tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]["dependencies"]
    if groups:
        texts += [t for group in ours["dependency-groups"].values() for t in group if isinstance(t, str)]
    return [r for r in map(Requirement, texts) if canonicalize_name(r.name) != "bonded"]


def problems() -> list[str]:
    """One sentence for each thing that is wrong."""
    found = []
    files = ("core", "", False), ("production", "production", False), ("signer", "signer", False)
    for name, extras, groups in (*files, ("dev", "production", True)):
        path = ROOT / "requirements" / f"{name}.txt"
        have = pins(path)
        for want in wanted(extras, groups):
            versions = have.get(canonicalize_name(want.name), set())
            if not any(want.specifier.contains(v, prereleases=True) for v in versions):
                found.append(f"{path.name} has no pin for {want}: run ./dev lock")
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        blocks = re.split(r"\n(?=\S)", path.read_text().strip())
        found += [f"{path.name}: {b.splitlines()[0]} has no hash" for b in blocks if "--hash=sha256:" not in b]
        if re.search(r"://|^-{1,2}(index|extra|find)", path.read_text(), re.MULTILINE):
            found.append(f"{path.name} holds a URL or an index option")
    return found


if __name__ == "__main__":
    wrong = problems()
    print("\n".join(wrong) or "requirements are hashed, free of URLs, and cover pyproject.toml")
    sys.exit(bool(wrong))
