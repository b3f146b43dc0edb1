"""Real people in a real browser: a maintainer makes a token and sees a held file; an administrator releases it by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bonded.catalog import read
from bonded.values.states import FileState
from tests.web.house import PASSWORD, House
from tests.web.server import PATIENCE, chromium, serving

ARTIFACTS = Path(__file__).parents[2] / "var" / "artifacts" / "web"
WIDTHS = (pytest.param(1280, marks=pytest.mark.slow), 320)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site(house: House) -> Iterator[str]:
    """The address of the index, served for real, with ann's held file and an administrator."""
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address, dev=True)
        house.__post_init__()
        deferred.app = house.wsgi
        ann = house.person("ann")
        house.person("root", admin=True)
        house.project("spam", ann)
        house.file(ann, "spam", "1.0")
        house.case(house.file(ann, "spam", "1.1", state=FileState.HELD))
        yield address


def open_page(browser: Browser, width: int = 1280, *, scripts: bool = False) -> Page:
    """A page of a new visitor; scripts are off unless asked for, as no page needs them."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


def shoot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(ARTIFACTS / f"{name}.png"), full_page=True)


def log_in(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}account/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("p.notice[role=status]")).to_have_text("You are logged in.")


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element matching the selector has the focus."""
    page.wait_for_load_state()  # what is not there yet cannot be reached
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{wanted}:focus").count():
            return
    pytest.fail(f"the keyboard does not reach {wanted}")


def test_a_maintainer_makes_a_token_and_sees_what_waits(browser: Browser, site: str) -> None:
    page = open_page(browser)
    log_in(page, site, "ann")
    expect(page.get_by_text("waiting for review")).to_be_visible()
    page.get_by_role("link", name="API tokens").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Only these:").check()
    page.get_by_label("spam").check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("#token")).to_have_text(re.compile("^bonded-"))
    shoot(page, "story-token")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("row", name=re.compile("laptop"))).to_contain_text("spam")
    page.goto(f"{site}manage/project/spam/")
    expect(page.get_by_role("row", name=re.compile(r"spam-1\.1"))).to_contain_text("waiting for review")
    assert "decoded" not in page.content().lower()


def test_an_administrator_releases_a_file_with_the_keyboard_only(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser)
    page.goto(f"{site}admin/review/")
    tab_to(page, "[name=name]")
    page.keyboard.type("root")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Review queue")).to_be_visible()
    tab_to(page, "main tbody a")
    page.keyboard.press("Enter")
    expect(page.locator(".code li.hit")).to_be_in_viewport()
    shoot(page, "story-case")
    tab_to(page, "a[href='#decide']")
    page.keyboard.press("Enter")
    tab_to(page, "textarea")
    page.keyboard.type("read it; prints a greeting")
    tab_to(page, "button[formaction$='/release/']")
    page.keyboard.press("Enter")
    expect(page.locator("p.notice[role=status]")).to_contain_text("Released.")
    shoot(page, "story-released")
    with house.db.read() as conn:
        project = read.project(conn, "spam")
        assert project
        states = {file.version: file.state for file in read.files(conn, project.id)}
    assert states["1.1"] is FileState.PUBLIC
    visitor = open_page(browser)
    visitor.goto(f"{site}project/spam/")
    expect(visitor.get_by_role("link", name="spam-1.1-py3-none-any.whl", exact=True)).to_be_visible()


def test_the_skip_link_is_first_and_works(browser: Browser, site: str) -> None:
    page = open_page(browser)
    page.goto(site)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


PAGES = {
    None: ("", "search/?q=spam", "project/spam/", "user/ann/", "help/", "help/refusals/", "account/login/", "nothing/"),
    "ann": (
        "account/",
        "account/tokens/",
        "account/sessions/",
        "account/password/",
        "account/profile/",
        "account/confirm/",
        "account/history/",
        "manage/project/spam/",
        "manage/project/spam/people/",
        "manage/project/spam/status/",
        "manage/project/spam/history/",
    ),
    "root": (
        "admin/",
        "admin/review/",
        "admin/review/1/",
        "admin/projects/?name=spam",
        "admin/people/?name=ann",
        "admin/signing/",
        "admin/jobs/",
        "admin/journal/",
    ),
}

PROBLEMS = """() => {
  const found = [];
  const say = (what, element) => found.push(what + ': ' + element.outerHTML.slice(0, 120));
  if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the window: ' + document.documentElement.scrollWidth);
  if (document.querySelectorAll('h1').length < 1) found.push('no heading');
  for (const field of document.querySelectorAll('input:not([type=hidden]):not([aria-hidden]), select, textarea'))
    if (!field.labels.length && !field.getAttribute('aria-label')) say('no label', field);
  for (const control of document.querySelectorAll('a, button:not([hidden]), input:not([type=hidden]):not([aria-hidden]), select, summary')) {
    const box = (control.closest('label') || control).getBoundingClientRect();
    const name = control.textContent.trim() || control.getAttribute('aria-label') || control.labels?.length || control.querySelector('img[alt]');
    if (!name) say('no name', control);
    const inline = getComputedStyle(control).display === 'inline';
    if (box.width && !inline && (box.height < 23.5 || box.width < 20)) say('small target ' + box.height, control);
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach(id => found.push('id twice: ' + id));
  for (const attribute of ['aria-describedby', 'aria-labelledby', 'for'])
    for (const element of document.querySelectorAll(`[${attribute}]`))
      for (const id of element.getAttribute(attribute).trim().split(/\\s+/))
        if (!document.getElementById(id)) say('names an id that is not there', element);
  const lightness = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(color) && color !== 'transparent') return color;
    }
    return 'rgb(255, 255, 255)';
  };
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || box.width < 2) continue;
    const [a, b] = [lightness(getComputedStyle(element).color), lightness(back(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) say('contrast ' + ((a + 0.05) / (b + 0.05)).toFixed(2), element);
  }
  return found;
}"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", list(PAGES), ids=str)
def test_every_page_fits_is_labelled_and_can_be_read(browser: Browser, site: str, name: str | None, width: int) -> None:
    page = open_page(browser, width, scripts=True)
    if name:
        log_in(page, site, name)
    wrong = []
    for path in PAGES[name]:
        page.goto(site + path)
        shoot(page, f"{name or 'public'}-{re.sub(r'[^a-z0-9]+', '-', path).strip('-') or 'home'}-{width}")
        wrong += [f"{path}: {problem}" for problem in page.evaluate(PROBLEMS)]
        page.emulate_media(color_scheme="dark")
        wrong += [f"{path} (dark): {problem}" for problem in page.evaluate(PROBLEMS)]
        page.emulate_media(color_scheme="light")
    assert wrong == []
