"""One origin and one of each cache for all tests here; every test gets them empty, over an index of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bonded.adapters.purger_varnish import VarnishPurger
from bonded.db.engine import Database
from tests.caches.running import HOST, Origin, Varnish, get, nginx_cache, varnish
from tests.serve.running import clock, until
from tests.support.ports import reserved
from tests.tuf_ops.index import Index


@pytest.fixture(scope="session")
def running_origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    with reserved() as port:
        one = Origin(tmp_path_factory.mktemp("origin"), port)
        yield one
        one.stop()


@pytest.fixture
def origin(running_origin: Origin) -> Iterator[Origin]:
    """The origin, up, asked nothing so far."""
    running_origin.stop()
    running_origin.asked.clear()
    running_origin.start()
    yield running_origin
    running_origin.stop()


@pytest.fixture(scope="session", params=["xkey", "ban"])
def running_varnish(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, running_origin: Origin
) -> Iterator[Varnish]:
    kind = str(request.param)
    with varnish(tmp_path_factory.mktemp(f"varnish-{kind}"), kind, running_origin.port) as one:
        yield one


@pytest.fixture
def cache(running_varnish: Varnish, origin: Origin) -> Varnish:
    """Varnish, empty; once with each of the shipped configurations. It has noticed that the origin is another process."""
    running_varnish.forget()
    until(lambda: get(running_varnish.url, "/account/").status_code == 200, 60)
    origin.asked.clear()
    return running_varnish


@pytest.fixture
def purger(cache: Varnish) -> VarnishPurger:
    return VarnishPurger([cache.url], host=HOST, ban=cache.kind == "ban", timeout=60)


@pytest.fixture
def nginx_front(origin: Origin, tmp_path: Path) -> Iterator[str]:
    """nginx as a cache, empty; its address."""
    origin.stop()
    origin.start({"purged": False, "package_bound": 1.0, "page_ttl": 1.0})
    with nginx_cache(tmp_path / "nginx", origin.port) as address:
        yield address


@pytest.fixture
def index(tmp_path: Path, sqlite_db: Database, origin: Origin) -> Index:
    """An index in real time, whose public store the origin serves."""
    one = Index(tmp_path / "index", sqlite_db, clock())
    origin.show(tmp_path / "index/public")
    return one


@pytest.fixture
def purged_index(index: Index, purger: VarnishPurger) -> Index:
    """The same, with a purger for Varnish."""
    index.publisher = replace(index.publisher, purger=purger)
    return index
