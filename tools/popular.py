"""Write marks of popular projects (`src/bonded/checks/popular.json`) from folders of their archives. Nothing of them is run.

    python -m tools.popular FOLDER...

An archive counts when its project is on the list of popular names. Of several archives of one project the last by name counts;
what they do by themselves is put together.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from bonded.checks.popular import addresses, mark, pack, popular, repository
from bonded.facts.archive import is_archive
from bonded.facts.profile import SOON, profile_of
from bonded.facts.read import read
from bonded.facts.sketch import sketch
from bonded.values.names import normalize

TARGET = Path(__file__).parents[1] / "src" / "bonded" / "checks" / "popular.json"


EXAMPLE = "example-of-a-popular-project"
"""A project that does not exist: samples of checks, and whoever wants to see them work, copy its functions."""
_EXAMPLE_CODE = "".join(f"def example_{n}(first, second):\n    return first\n\n\n" for n in range(60)).encode()


def marks_of(path: Path) -> tuple[str, dict[str, Any]]:
    """The project of an archive, and its marks."""
    with path.open("rb") as stream:
        facts = read(stream, path.name)
    naming, metadata = facts.naming, facts.metadata
    repositories = Counter(one[0] for link in naming.links if (one := repository(link)))
    first = min(repositories, key=lambda one: (-repositories[one], one), default="")
    return normalize(metadata.get("name", [""])[0]), {
        "summary": mark(metadata.get("summary", [""])[0]),
        "repository": mark(first),
        "authors": sorted(mark(one) for one in addresses(metadata)),
        "sketch": pack(naming.sketch),
        "flows": [flow for flow in profile_of(facts).flows if flow.split()[0] in SOON],
    }


def main(folders: list[str]) -> None:
    """Read every archive in `folders`, and write the marks."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(path for folder in folders for path in Path(folder).iterdir() if is_archive(path.name)):
        name, marks = marks_of(path)
        if name in popular():
            old = found.get(name, {"sketch": "", "flows": []})
            marks["flows"] = sorted({*marks["flows"], *old["flows"]})
            found[name] = marks | {"sketch": marks["sketch"] or old["sketch"]}
    found[EXAMPLE] = {
        "summary": "", "repository": "", "authors": [], "sketch": pack(sketch([_EXAMPLE_CODE])), "flows": [],
    }  # fmt: skip
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    TARGET.write_text("{\n" + lines + "\n}\n", "utf-8")
    print(f"{len(found)} projects")


if __name__ == "__main__":
    main(sys.argv[1:])
