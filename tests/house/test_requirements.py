"""Requirements are hashed, name no address, and pin what pyproject.toml asks for; versions agree everywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from tools.check_lock import problems

import bonded
import bonded_client

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))


def test_the_lock_covers_what_is_asked_for() -> None:
    assert problems() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    text = path.read_text()
    blocks = [block for block in re.split(r"\n(?=\S)", text.strip()) if not block.startswith("#")]
    assert blocks
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==\S+", block), block.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]
    assert "://" not in text
    assert " @ " not in text


def test_versions_agree() -> None:
    """One version for both distributions, in every place that says it, and the change log knows it or what follows."""
    stated = {
        tomllib.loads((ROOT / p).read_text())["project"]["version"] for p in ("pyproject.toml", "client/pyproject.toml")
    }
    assert stated == {bonded.__version__, bonded_client.__version__}
    assert len(stated) == 1


def test_both_distributions_carry_the_licence() -> None:
    assert (ROOT / "client/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_change_fragments_are_named_by_kind() -> None:
    kinds = {"added", "changed", "deprecated", "fixed", "removed", "security"}
    for path in (ROOT / "changelog.d").glob("*.md"):
        if path.name != "README.md":
            assert path.suffixes[0].lstrip(".") in kinds, path.name
            assert path.read_text().strip().endswith("."), path.name
