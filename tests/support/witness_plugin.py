"""`-p tests.support.witness_plugin`: the witness for tests of pages in other folders than tests/web, which has it anyway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _seen_by_the_witness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if "/tests/web/" in request.node.path.as_posix():
        yield
        return
    from tests.support.witness import watching

    with watching(monkeypatch) as wrong:
        yield
    assert wrong == []
