"""One browser for all files here, one index for each test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.web.flows.site import Browsers, Site, sites
from tests.web.house import House
from tests.web.server import chromium

NAME = re.compile(r"\W+|_")


@pytest.fixture(scope="package")
def browsers() -> Iterator[Browsers]:
    with chromium() as started:
        yield Browsers(started)


@pytest.fixture
def site(house: House, browsers: Browsers, request: pytest.FixtureRequest) -> Iterator[Site]:
    """An index with Ann, who owns `spam`, which has one file. With the long suites, each test leaves pictures of its end."""
    long = "slow or" in request.config.option.markexpr
    ann = house.person("ann")
    house.project("spam", ann)
    house.file(ann, "spam", "1.0")
    with sites(house, browsers, NAME.sub("-", request.node.name) if long else "") as made:
        made.mails()
        yield made
