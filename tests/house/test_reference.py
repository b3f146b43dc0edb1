"""The reference pages say what the code says."""

from __future__ import annotations

import pytest
from tools.reference import PAGES, WRITERS


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_page_is_what_the_code_says(name: str) -> None:
    assert (PAGES / f"{name}.md").read_text("utf-8") == WRITERS[name]().rstrip() + "\n", (
        "run: python -m tools.reference"
    )
