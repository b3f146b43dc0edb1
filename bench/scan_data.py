"""The archives of bench/scan.py: folders and lists that are named, or wheels made once of the packages installed here."""

from __future__ import annotations

import json
import math
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

ENDS = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2")
PACKAGES = (
    "sqlalchemy",
    "jinja2",
    "packaging",
    "click",
    "aiohttp",
    "cryptography",
    "pygments",
    "docutils",
    "alembic",
    "pydantic",
)
STAMP = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Archive:
    """One archive; `cluster` is the campaign it belongs to (its own name where that is not known)."""

    path: Path
    cluster: str


def archives(where: Path) -> list[Archive]:
    """Archives of a folder (clusters are its folders), or of a list: JSON {"archives": [{"file", "cluster"}]}, or lines."""
    if where.is_dir():
        found = sorted(path for path in where.rglob("*") if path.name.endswith(ENDS))
        return [Archive(path, path.parent.name if path.parent != where else path.name) for path in found]
    text = where.read_text("utf-8")
    if where.suffix == ".json":
        rows = json.loads(text)["archives"]
        return [Archive(where.parent / row["file"], str(row.get("cluster", row["file"]))) for row in rows]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [Archive(where.parent / line, line) for line in lines]


def installed(var: Path) -> list[Archive]:
    """Wheels of packages that are installed beside us, made once: an ordinary set where none was named."""
    folder = var / "bench-scan-wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        target = folder / f"{name}-1.0-py3-none-any.whl"
        source = next((Path(entry) / name for entry in sys.path if (Path(entry) / name).is_dir()), None)
        if source is not None and not target.exists():
            part = target.with_suffix(".part")
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in sorted(source.rglob("*")):
                    if file.is_file() and "__pycache__" not in file.parts:
                        member = zipfile.ZipInfo(f"{name}/{file.relative_to(source)}", STAMP)
                        archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
            part.rename(target)
    return archives(folder)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)
