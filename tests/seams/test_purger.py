"""The contract of Purger, against the adapters without a cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.adapters.purger_none import NoPurger
from bonded.adapters.purger_recording import RecordingPurger
from bonded.seams import PurgeFailed


def test_nothing_to_purge_is_always_confirmed() -> None:
    NoPurger().purge(["project/apple"])


def test_what_is_purged_is_recorded_in_order(tmp_path: Path) -> None:
    purger = RecordingPurger(tmp_path / "purged")
    assert purger.keys() == []
    purger.purge(["project/apple", "timestamp"])
    purger.purge(iter(["file/packages/x"]))
    assert purger.keys() == ["project/apple", "timestamp", "file/packages/x"]


def test_a_purge_that_cannot_be_done_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PurgeFailed):
        RecordingPurger(tmp_path / "no such folder" / "purged").purge(["timestamp"])
