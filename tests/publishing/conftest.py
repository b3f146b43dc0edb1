"""A build service on loopback, and an index that trusts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bonded.accounts import passwords
from bonded.db.engine import Database
from bonded.web.app import make_wsgi
from bonded.web.context import WebSettings
from tests.publishing.service import Service, serving
from tests.web.house import CHEAP, House

SETTINGS = WebSettings(name="Bonded", url="http://localhost/", second_factor=False)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "default_hasher", lambda: CHEAP)


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


def trusting(db: Database, folder: Path, now: datetime, service: Service) -> House:
    house = House(db, folder, now, SETTINGS)
    house.context = replace(house.context, publishing=service.trusted())
    house.wsgi = make_wsgi(house.context)
    return house


@pytest.fixture
def house(sqlite_db: Database, tmp_path: Path, now: datetime, service: Service) -> House:
    return trusting(sqlite_db, tmp_path, now, service)


@pytest.fixture
def both(db: Database, tmp_path: Path, now: datetime, service: Service) -> House:
    """The same; the test runs once on each database."""
    return trusting(db, tmp_path, now, service)
