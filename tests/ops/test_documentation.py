"""The page on fsck tells what every code means and what to do, in the words of the catalogue."""

from pathlib import Path

import bonded.ops.fsck  # noqa: F401 - every look defines its codes
from bonded.ops.disagreements import CODES

PAGE = Path(__file__).parents[2] / "docs/administrator/fsck.md"


def test_every_code_is_documented_as_the_catalogue_says() -> None:
    page = PAGE.read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    wanted = [f"| `{code}` | {meaning} | {cure} |" for code, (meaning, cure) in sorted(CODES.items())]
    assert rows == wanted
