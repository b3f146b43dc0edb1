"""Ceremonies to take part in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tuf_offline.machines import Meeting


@pytest.fixture
def meeting(tmp_path: Path) -> Meeting:
    """People with keys, before their first ceremony."""
    return Meeting(tmp_path / "meeting")


@pytest.fixture
def prepared(meeting: Meeting) -> Meeting:
    """Metadata wait for signatures."""
    meeting.begin()
    return meeting


@pytest.fixture
def finished(prepared: Meeting) -> Meeting:
    """Alice and bob have signed."""
    prepared.alice.signs(prepared.folder)
    prepared.bob.signs(prepared.folder)
    return prepared


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A place for a copy of a folder, as on another memory stick."""
    return tmp_path / "copy"


def copied(folder: Path, to: Path) -> Path:
    """A copy of `folder`."""
    return Path(shutil.copytree(folder, to))
