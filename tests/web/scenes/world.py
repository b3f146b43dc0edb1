"""The indexes that scenes are taken of: people in every situation, projects and files in every state, a console with work."""

from __future__ import annotations

import random
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from bonded.accounts import passwords
from bonded.accounts.registration_rules import Mode, RegistrationRules
from bonded.db.engine import Database
from bonded.web.app import make_wsgi
from bonded.web.context import InForce, WebSettings
from tests.publishing.service import Service
from tests.web.house import CHEAP, House

LANGUAGES = ("en", "ar", "en_XA", "ar_XB")
SETTINGS = WebSettings(
    name="Bonded",
    url="http://localhost/",
    contact="mailto:security@example.invalid",
    second_factor=False,
    languages=LANGUAGES,
    registration=RegistrationRules(Mode.OPEN, per_hour=100),
)
IN_FORCE = (
    InForce("", "url", "http://localhost/", "http://localhost:8000/", "file"),
    InForce("mail", "sender", "Bonded <bonded@example.invalid>", "Bonded <bonded@localhost>", "environment"),
    InForce("screening", "mode", "hold", "hold", "default"),
)


@dataclass
class World:
    """An index and its visitors. `links` are the parts of addresses that scenes name, `{file}` and the like."""

    house: House
    language: str
    links: dict[str, str] = field(default_factory=dict)
    visitors: dict[str, TestApp] = field(default_factory=dict)

    def visitor(self, who: str) -> TestApp:
        """The browser of `who`, logged in unless it is "" or begins with "nobody"; it asks for the world's language."""
        if who not in self.visitors:
            browser = self.stranger()
            self.visitors[who] = browser if not who or who.startswith("nobody") else self.house.login(who, browser)
        return self.visitors[who]

    def stranger(self, **environ: str) -> TestApp:
        """A new browser that asks for the world's language."""
        return self.house.browser(HTTP_ACCEPT_LANGUAGE=self.language.replace("_", "-"), **environ)

    def path(self, pattern: str) -> str:
        """`pattern` with its `{names}` filled in."""
        return re.sub(r"\{([\w-]+)\}", lambda one: self.links[one[1]], pattern)

    def get(self, who: str, pattern: str, status: int) -> TestResponse:
        return self.visitor(who).get(self.path(pattern), status=status)

    def post(self, who: str, pattern: str, fields: dict[str, Any], status: int) -> TestResponse:
        """Post with the form secret of the visitor's own pages."""
        browser = self.visitor(who)
        page = browser.get("/account/login/" if not who or who.startswith("nobody") else "/account/")
        found = page.html.find("input", {"name": "csrf"})
        assert found is not None
        filled = {name: self.path(value) if isinstance(value, str) else value for name, value in fields.items()}
        return browser.post(self.path(pattern), {"csrf": found["value"]} | filled, status=status)

    @contextmanager
    def later(self, **time: float) -> Iterator[None]:
        """For a while it is later."""
        before, self.house.now = self.house.now, self.house.now + timedelta(**time)
        yield
        self.house.now = before


@contextmanager
def same_secrets() -> Iterator[None]:
    """Ids and secrets are the same in every run, so that pages are; passwords cost nothing to hash."""
    source = random.Random(20260105)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "default_hasher", lambda: CHEAP)
        patch.setattr(secrets, "randbits", source.getrandbits)
        patch.setattr(secrets, "randbelow", source.randrange)
        patch.setattr(secrets, "choice", source.choice)
        patch.setattr(secrets, "token_bytes", lambda n=32: source.randbytes(n))
        patch.setattr(secrets, "token_hex", lambda n=32: source.randbytes(n).hex())
        patch.setattr(
            secrets, "token_urlsafe", lambda n=32: urlsafe_b64encode(source.randbytes(n)).rstrip(b"=").decode()
        )
        yield


@contextmanager
def built(
    open_copy: Callable[[str], Database], folder: Path, now: datetime, language: str, *, bare: bool = False
) -> Iterator[World]:
    """A world in `language`. `open_copy(name)` opens an empty, migrated database."""
    from tests.web.scenes import filling

    place = folder / ("bare" if bare else "full")
    place.mkdir()
    db = open_copy(place.name)
    with same_secrets():
        house = House(db, place, now, SETTINGS if not bare else replace(SETTINGS, contact="", dev=True))
        house.context = replace(
            house.context, publishing=Service("https://builds.example.invalid").trusted(), in_force=IN_FORCE
        )
        house.wsgi = make_wsgi(house.context)
        world = World(house, language)
        (filling.fill_bare if bare else filling.fill)(world)
        yield world
    db.close()
