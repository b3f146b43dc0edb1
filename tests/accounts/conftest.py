"""Cheap hashes for tests of what surrounds them; `test_hashing` tries the real cost."""

from __future__ import annotations

import pytest

from bonded.accounts import hashing, passwords
from bonded.accounts.hashing import Cost, Hasher

CHEAP = Hasher(Cost(memory_kib=64, passes=1))


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (hashing, passwords):
        monkeypatch.setattr(module, "default_hasher", lambda: CHEAP)
