"""The design in a real browser: axe, weight, no script, no room, colours of every kind, and what scripts add."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from tools import build_assets

from bonded.web.headers import POLICY
from bonded.web.render import Pages, Unindented
from tests.web.axe import violations
from tests.web.house import House
from tests.web.scenes.opened import words_stay
from tests.web.server import PATIENCE, chromium, serving
from tests.web.shelf import filled
from tests.web.test_browser import PROBLEMS, shoot

PAGES = {
    "home": "",
    "search": "search/?q=spam",
    "search-none": "search/?q=qqqq",
    "project": "project/spam/",
    "release-yanked": "project/spam/1.1/",
    "deprecated": "project/oldthing/",
    "quarantined": "project/badthing/",
    "file": "project/spam/1.2/spam-1.2-py3-none-any.whl/",
    "file-unpublished": "project/spam/1.3/spam-1.3-py3-none-any.whl/",
    "history": "project/spam/history/",
    "recent": "recent/",
    "statistics": "statistics/",
    "status": "status/",
    "user": "user/ann/",
    "near": "project/spamm/",
    "help": "help/",
    "refusals": "help/refusals/",
    "refusal": "help/refusals/not-found/",
    "report": "report/",
    "preferences": "preferences/",
    "login": "account/login/",
    "style": "style/",
}
MOST = 100_000
"""Bytes of a page with everything that it loads, before any compression."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site(house: House) -> Iterator[str]:
    """The address of a published index, in English and a language from right to left."""
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address, languages=("en", "ar"))
        house.__post_init__()
        filled(house)
        deferred.app = house.wsgi
        yield address


def visit(browser: Browser, width: int = 1280, *, scripts: bool = True, **more: object) -> Page:
    """A page of a new visitor that fails the test on any complaint of the browser but for answers that are no 200."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=scripts, **{"reduced_motion": "reduce", **more}
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: said.type == "error" and "status of" not in said.text and pytest.fail(said.text))
    return page


def test_committed_styles_and_script_are_what_their_sources_make() -> None:
    assert build_assets.main(["--check"]) == 0


@pytest.mark.parametrize("name", ["bonded.css", "style.css"])
def test_styles_name_no_side_of_the_window_and_load_nothing(name: str) -> None:
    sheet = (build_assets.STATIC / name).read_text()
    assert re.findall(r"[;{](?:margin|padding|border|inset)-(?:left|right)|[;{](?:left|right):", sheet) == []
    assert "url(" not in sheet
    assert "@import" not in sheet


@pytest.mark.parametrize(
    ("scheme", "locale"),
    [
        ("light", "en"),
        ("dark", "ar"),
        pytest.param("light", "ar", marks=pytest.mark.slow),
        pytest.param("dark", "en", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_on_public_pages(browser: Browser, site: str, scheme: str, locale: str) -> None:
    wrong = []
    # Every page is looked at in English light; of the other three kinds, every third page each, and all of them in slow runs.
    page = visit(browser, 1280 if locale == "en" else 320, color_scheme=scheme, locale=locale)
    for at, (name, path) in enumerate(PAGES.items()):
        if (scheme, locale) != ("light", "en") and at % 3 != len(scheme + locale) % 3 and name != "style":
            continue
        page.goto(site + path)
        assert page.locator("html").get_attribute("dir") == ("rtl" if locale == "ar" else "ltr")
        wrong += [f"{name}: {one}" for one in violations(page)]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("contrast", ["no-preference", "more"])
def test_axe_finds_nothing_in_any_mode(
    browser: Browser, site: str, contrast: str, scheme: str, locale: str, width: int
) -> None:
    page = visit(browser, width, color_scheme=scheme, locale=locale, contrast=contrast)
    wrong = []
    for name, path in PAGES.items():
        page.goto(site + path)
        shoot(page, f"design-{name}-{width}-{scheme}-{locale}-{contrast}")
        wrong += [f"{name}: {one}" for one in violations(page)]
        wrong += [f"{name}: {one}" for one in page.evaluate(PROBLEMS)]
    assert wrong == []


def test_pages_fit_into_320_pixels_with_wide_text_and_in_forced_colours(browser: Browser, site: str) -> None:
    page = visit(browser, 320, forced_colors="active")
    spacing = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }"
    wrong = []
    for name, path in PAGES.items():
        page.goto(site + path)
        # As a reader's own style sheet would: past the page's policy, by the browser's tools.
        page.evaluate(
            "css => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = [sheet]; }",
            spacing,
        )
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wrong += [f"{name}: {over} pixels too wide"] if over > 0 else []
    assert wrong == []


def test_a_page_with_all_that_it_loads_is_light_and_from_here(browser: Browser, site: str) -> None:
    page = visit(browser)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    for name, path in PAGES.items():
        answers.clear()
        page.goto(site + path, wait_until="networkidle")
        loaded = {answer.url: len(answer.body()) for answer in answers}  # before the next page: then they are forgotten
        assert all(url.startswith(site) for url in loaded), loaded
        most = MOST if name not in ("refusals", "style") else MOST * 2  # all refusals, all components
        assert sum(loaded.values()) <= most, (name, loaded)


def test_templates_without_their_indentation_are_the_same_pages() -> None:
    environment = Pages()._make("en")
    without = partial(Unindented(environment).preprocess, name=None)
    sources = [path.read_text() for path in Path(str(files("bonded.web") / "templates")).rglob("*.html")]
    kept = re.compile(r"<(pre|textarea)\b[^>]*>(.*?)</\1>", re.DOTALL)
    found = [match for source in sources for match in kept.finditer(source)]
    assert len(found) > 3
    assert [match.group() for match in found if re.search(r"\n[ \t]", match.group(2))] == []

    def words(source: str) -> list[tuple[str, str]]:
        return [(one.type, re.sub(r"\s+", " ", str(one.value))) for one in environment.lexer.tokenize(source)]

    assert [source for source in sources if words(without(source)) != words(source)] == []
    assert sum(len(without(source)) for source in sources) < 0.9 * sum(map(len, sources))


def test_pages_say_the_same_without_script(browser: Browser, site: str) -> None:
    plain, scripted = visit(browser, scripts=False), visit(browser)
    # One says the number of the request; the other that security devices need script.
    for path in [path for name, path in PAGES.items() if name not in ("near", "login")]:
        plain.goto(site + path)
        scripted.goto(site + path)
        words = [page.locator("main").inner_text().split() for page in (plain, scripted)]
        added = {"Copy"}
        now = {"second", "seconds", "ago", *map(str, range(60))}
        assert [w for w in words[1] if w not in added | now] == [w for w in words[0] if w not in now]


def test_the_policy_is_strict_and_nothing_breaks_it(browser: Browser, site: str) -> None:
    assert "unsafe" not in POLICY
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in POLICY
    page = visit(browser)
    for path in PAGES.values():
        answer = page.goto(site + path)
        assert answer is not None
        assert answer.header_value("content-security-policy") == POLICY
        assert page.locator("style, [style], script:not([src]), [onclick]").count() == 0


def test_colours_are_chosen_without_script(browser: Browser, site: str) -> None:
    page = visit(browser, scripts=False, color_scheme="light")
    page.goto(site)
    light = background(page)
    page.get_by_role("link", name="Appearance").click()
    page.get_by_label("Dark").check()
    page.get_by_label("More").check()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).to_have_text("Your choice is kept.")
    page.goto(site)
    assert background(page) != light
    assert page.locator("html").get_attribute("data-contrast") == "more"
    page.goto(site + "preferences/")
    expect(page.get_by_label("Dark")).to_be_checked()
    page.get_by_label("As my system says").first.check()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).to_have_text("Your choice is kept.")
    page.goto(site)
    assert background(page) == light


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_colours_change_at_once_with_script_and_stay(browser: Browser, site: str) -> None:
    page = visit(browser, color_scheme="light")
    page.goto(site + "preferences/")
    light = background(page)
    page.get_by_label("Dark").check()
    assert background(page) != light
    dark = background(page)
    page.goto(site)
    assert background(page) == dark


def test_a_command_is_copied_and_that_is_said(browser: Browser, site: str) -> None:
    page = visit(browser)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(site + "project/spam/")
    words_stay(page)
    page.get_by_role("button", name="Copy: Command to install").first.click()
    expect(page.locator("#toasts")).to_have_text("Copied")
    assert "pip install --index-url" in page.get_by_role("region", name="Command to install").first.inner_text()


def test_projects_are_suggested_and_chosen_by_keyboard(browser: Browser, site: str) -> None:
    page = visit(browser)
    page.goto(site)
    box = page.get_by_role("combobox", name="Find a project")
    # What was typed so far may be asked for on the way; its answer must not be taken for the last one.
    with page.expect_response(lambda answer: answer.url.endswith("?q=gren-midget")) as last:
        box.press_sequentially("gren-midget")
    last.value.finished()
    options = page.get_by_role("option")
    expect(options).to_have_count(1)
    expect(options.first).to_contain_text("A café in Bromley")
    expect(page.locator("[aria-live]").filter(has_text="One project found")).to_have_count(1)
    assert violations(page) == []
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    box.press("Escape")
    expect(options).to_have_count(0)
    box.press("Backspace")
    expect(options).to_have_count(1)
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Green_Midget")


def test_what_was_chosen_among_suggestions_stays_when_an_answer_is_late(browser: Browser, site: str) -> None:
    page = visit(browser)
    page.goto(site)
    box, options = page.get_by_role("combobox", name="Find a project"), page.get_by_role("option")
    box.press_sequentially("gren-midge")
    expect(options).to_have_count(1)
    page.route("**/suggest/**", lambda route: None)  # asked, and not answered
    with page.expect_request("**/suggest/**"):
        box.press_sequentially("t")
    with page.expect_event("requestfailed"):
        box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    with page.expect_request("**/suggest/**"):
        box.press("Backspace")
    with page.expect_event("requestfailed"):
        box.press("Escape")
    expect(options).to_have_count(0)


def test_menus_and_dialogs_open_and_close_by_keyboard(browser: Browser, site: str) -> None:
    page = visit(browser)
    page.goto(site + "style/")
    menu = page.get_by_text("Menu", exact=True)
    menu.focus()
    menu.press("Enter")
    expect(page.locator("details.menu")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(page.locator("details.menu")).not_to_have_attribute("open", "")
    expect(menu).to_be_focused()
    ask = page.get_by_role("link", name="Ask me")
    ask.press("Enter")
    expect(page.get_by_role("dialog", name="Are you sure?")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(ask).to_be_focused()


def test_nothing_moves_for_those_who_asked_for_it(browser: Browser, site: str) -> None:
    page = visit(browser)
    page.goto(site + "style/")
    moving = (
        "[...document.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    )
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0


def test_errors_of_a_form_get_the_focus_and_lead_to_their_fields(browser: Browser, site: str) -> None:
    page = visit(browser)
    page.goto(site + "report/")
    page.locator("#words").fill("It sends passwords away, see setup.py")
    page.get_by_label("Project", exact=True).fill("nothing-of-this-name")
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_role("alert")).to_be_focused()
    assert violations(page) == []
