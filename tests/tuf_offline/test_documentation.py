"""What the page about ceremonies shows is what the commands print, word for word, digits and dates aside.

python -m tests.tuf_offline.test_documentation     writes today's output into the page
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.scratch import Scratch

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/administrator/ceremony.md"
DIGITS = re.compile(r"\b(?:[0-9a-f]{4} ){15}[0-9a-f]{4}\b")
DATES = re.compile(r"\d{4}-\d{2}-\d{2}(?: +\d{2}:\d{2}:\d{2})?")
SHOWN = re.compile(r"```console\n(?P<commands>(?:\$ [^\n]*\n)+)```\n\n```text\n(?P<said>.*?)```\n", re.DOTALL)


def replayed(page: str) -> str:
    """The page with what its commands print now."""
    with Scratch(ROOT) as scratch:

        def run(found: re.Match[str]) -> str:
            said = ""
            for command in found["commands"].splitlines():
                _, said = scratch.run(command.removeprefix("$ "))
            said = said.replace(str(scratch._cwd / "srv-bonded"), "/srv/bonded")
            return f"```console\n{found['commands']}```\n\n```text\n{said.rstrip()}\n```\n"

        return SHOWN.sub(run, page)


def plain(page: str) -> str:
    return DATES.sub("DATE", DIGITS.sub("DIGITS", page))


@pytest.mark.slow
def test_the_page_shows_what_each_signer_sees() -> None:
    page = PAGE.read_text("utf-8")
    assert len(SHOWN.findall(page)) >= 8
    assert plain(replayed(page)) == plain(page)


if __name__ == "__main__":
    PAGE.write_text(replayed(PAGE.read_text("utf-8")), "utf-8")
