"""An index that is served for real, and people before it: each in a browser, at a place, logged in or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from playwright.sync_api import Browser, Error, Page, Response, expect
from webtest import TestApp

from bonded.accounts import people, totp
from bonded.accounts.people import User
from bonded.web.app import make_wsgi
from tests.web.house import PASSWORD, House
from tests.web.post import Post
from tests.web.server import PATIENCE, Deferred, serving
from tests.web.test_browser import shoot
from tests.web.test_second_factors import SECRET, add_app

HOME, ELSEWHERE = "198.51.100.7", "203.0.113.50"
FROM = "X-Test-From"
WIDTHS = (1280, 320)
SECOND = "/account/login/second/"


@dataclass
class Browsers:
    """Windows of one running browser. Opening one costs a second of work, so those without script are used again, emptied."""

    browser: Browser
    idle: list[Page] = field(default_factory=list)

    def open(self, *, ip: str, scripts: bool, **more: Any) -> Page:
        """A window without cookies, history that matters, or pages."""
        if self.idle and not scripts and not more:
            page = self.idle.pop()
            page.context.set_extra_http_headers({FROM: ip})
            return page
        context = self.browser.new_context(
            java_script_enabled=scripts, reduced_motion="reduce", extra_http_headers={FROM: ip}, **more
        )
        context.set_default_timeout(PATIENCE)
        return context.new_page()

    def empty(self, page: Page) -> None:
        """Nobody's again."""
        page.goto("about:blank")  # before the cookies go: what is still being loaded could bring some
        page.context.clear_cookies()
        self.idle.append(page)


@dataclass
class Site:
    """The index of one test at `address` (with a slash at its end). Whatever a page fails at, or the index, fails the test."""

    house: House
    address: str
    browsers: Browsers
    deferred: Deferred
    wrong: list[str] = field(default_factory=list)
    visitors: list[Page] = field(default_factory=list)
    plain: list[Page] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.set(url=self.address)
        self.post = Post(self.house, self.address)

    def set(self, **settings: Any) -> None:
        """The same index with other settings."""
        self.house.settings = replace(self.house.settings, **settings)
        self.house.__post_init__()
        self.deferred.app = self._placed

    def use(self, **context: Any) -> None:
        """The same index with other things around it."""
        self.house.context = replace(self.house.context, **context)
        self.house.wsgi = make_wsgi(self.house.context)

    def _placed(self, environ: dict[str, Any], start: Any) -> Any:
        """The application, seeing each request come from the place that its browser says."""
        environ["REMOTE_ADDR"] = environ.pop("HTTP_X_TEST_FROM", HOME)
        return self.house.wsgi(environ, start)

    def visitor(self, *, ip: str = HOME, scripts: bool = False, **more: Any) -> Page:
        """Somebody with a new browser. Scripts are off unless asked for: no page here needs them but for devices."""
        page = self.browsers.open(ip=ip, scripts=scripts, **more)
        page.on("pageerror", self._failed)
        page.on("response", self._answered)
        self.visitors.append(page)
        if not scripts and not more:
            self.plain.append(page)
        return page

    def _failed(self, error: Error) -> None:
        self.wrong.append(str(error))

    def _answered(self, got: Response) -> None:
        if got.status >= 500:
            self.wrong.append(f"{got.status} at {got.url}")

    def close(self) -> None:
        """The visitors go."""
        for page in self.visitors:
            page.remove_listener("pageerror", self._failed)
            page.remove_listener("response", self._answered)
            if page in self.plain:
                self.browsers.empty(page)
            else:
                page.context.close()

    def open(self, path: str, page: Page | None = None, *, status: int = 200, **visitor: Any) -> Page:
        """A page, for a new visitor where none is given, and what status it has."""
        page = page or self.visitor(**visitor)
        answer = page.goto(self.address + path.lstrip("/"))
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"
        return page

    def logged_in(self, name: str, path: str = "/account/", *, browser: TestApp | None = None, **visitor: Any) -> Page:
        """A page before somebody who has logged in, in that browser where one is given."""
        page = self.visitor(**visitor)
        cookies = (browser or self.house.login(name)).cookies
        page.context.add_cookies([{"name": one, "value": text, "url": self.address} for one, text in cookies.items()])
        return self.open(path, page)

    def log_in(self, page: Page, name: str = "ann", password: str = PASSWORD, target: str = "") -> None:
        """By the form."""
        page.goto(f"{self.address}account/login/{target and '?next=' + target}")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(password)
        press(page, "Log in")

    def person(self, name: str) -> User:
        """Somebody who is there, as they stand now."""
        with self.house.db.read() as conn:
            return people.need(conn, name)

    def mails(self) -> dict[str, str]:
        """What is mailed now: address -> text."""
        return self.post.deliver()

    def later(self, **time: float) -> None:
        self.house.now += timedelta(**time)

    def app_of(self, name: str, label: str = "phone", secret: bytes = SECRET) -> bytes:
        """Give somebody an authentication app whose last code is long over; returns its secret."""
        add_app(self.house, self.person(name), label, secret)
        self.later(minutes=2)
        return secret

    def code(self, secret: bytes = SECRET, ahead: int = 0) -> str:
        """What an app shows now; `ahead` half minutes from now."""
        return totp.code_at(secret, int(self.house.now.timestamp()) // totp.STEP + ahead)

    def shoot(self, name: str) -> None:
        """Pictures of what each visitor has before them, wide and narrow; nobody has to scroll sideways."""
        for number, page in enumerate(self.visitors, 1):
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                shoot(page, f"flow-{name}-{number}-{width}")
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    self.wrong.append(f"{page.url} is wider than {width} pixels")
            page.set_viewport_size({"width": 1280, "height": 720})


@contextmanager
def sites(house: House, browsers: Browsers, picture: str) -> Iterator[Site]:
    """A site on a free port of `localhost`, which security devices work with; pictures at the end, unless named ""."""
    with serving() as (address, deferred):
        site = Site(house, address.replace("127.0.0.1", "localhost"), browsers, deferred)
        try:
            yield site
            if picture:
                site.shoot(picture)
        finally:
            site.close()
    assert site.wrong == []


def said(page: Page, words: str) -> None:
    """What the index says after an act that was done."""
    expect(page.locator("[role=status]").filter(has_text=words).first).to_be_visible()


def wrong(page: Page, words: str, field: str = "") -> None:
    """What the form says is wrong: in its box, and beside the field of that name, which says it to those who listen, too."""
    expect(page.get_by_role("alert").filter(has_text=words).first).to_be_visible()
    if field:
        beside = page.locator(f"#f-{field}-wrong")
        expect(beside).to_contain_text(words)
        box = page.locator(f"#f-{field}")
        expect(box).to_have_attribute("aria-invalid", "true")
        assert f"f-{field}-wrong" in (box.get_attribute("aria-describedby") or "")


def refused(page: Page, code: str, words: str = "") -> None:
    """A page that says why nothing was done: the sentence, and the code that leads to its explanation."""
    expect(page.locator("main code").first).to_have_text(code)
    expect(page.locator("main p.lead")).to_be_visible()
    expect(page.locator(f"a[href='/help/refusals/{code}/']")).to_have_count(1)
    if words:
        expect(page.locator("main")).to_contain_text(words)


def press(page: Page, name: str, *, within: Any = None, exact: bool = True) -> None:
    """Press the button of that name in the page's own part. The page that answers is wholly there then: a click waits only for
    its first bytes."""
    (within or page.locator("main")).get_by_role("button", name=name, exact=exact).first.click()
    page.wait_for_load_state()


def confirm(page: Page, password: str = PASSWORD) -> None:
    """Answer the question who one is."""
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password").fill(password)
    press(page, "Confirm")


def row(page: Page, words: str) -> Any:
    """The row of a table that has these words."""
    return page.get_by_role("row").filter(has_text=words).first


def logged_out(page: Page, site: Site) -> None:
    """Its next step leads to the login."""
    page.goto(f"{site.address}account/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
