"""What opens over a page: menus, dialogs, lists of suggestions, words at the edge. Each is opened as people open it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

from tests.web.scenes.shots import Shot


@dataclass(frozen=True, slots=True)
class Opened:
    """`kind` is what `openings` calls it, `scene` a page that has it, `open` the way there; `seen` is what is there then."""

    kind: str
    scene: str
    open: Callable[[Page], None]
    seen: str

    def show(self, page: Page) -> None:
        self.open(page)
        expect(page.locator(self.seen).first).to_be_visible()


def keys(page: Page) -> None:
    page.locator("[data-action$='#explain']").first.click()


def menu(page: Page) -> None:
    """There are modes in which all that opens in place is open."""
    if page.locator("details.menu[open]").count() == 0:
        page.locator("details.menu > summary").click()


def sections(page: Page) -> None:
    """A wide window shows them anyway."""
    button = page.locator(".sections > button")
    if button.is_visible():
        button.click()


def suggestions(page: Page) -> None:
    """The stage has no search: the answer is what the service gives."""
    answer = [
        {"name": "spam", "summary": "Breakfast as code", "url": "/project/spam/"},
        {"name": "spam-and-eggs", "summary": "All about " + "eggs and bacon " * 12, "url": "/project/spam-and-eggs/"},
    ]
    page.route("**/search/suggest/*", lambda route: route.fulfill(json=answer))
    page.locator("main [data-suggest-target='input']").fill("spam")
    page.locator(".suggest [role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")


def words_stay(page: Page) -> None:
    """Words at the edge stay until they were looked at, however long that takes."""
    page.evaluate(
        "{ const real = setTimeout; window.setTimeout = (does, after) => after < 4000 ? real(does, after) : 0; }"
    )


def toast(page: Page) -> None:
    """Where there is no clipboard the words say so, which is as good here."""
    words_stay(page)
    page.locator("[data-copy-target='button']:visible").first.click()


ALL: tuple[Opened, ...] = (
    Opened("dialog keys of queue", "admin.queue-full", keys, "dialog[open] dt"),
    Opened("dialog keys of case", "admin.case-open", keys, "dialog[open] dt"),
    Opened("dialog ask", "style-parts", lambda page: page.locator("[data-action='dialog#open']").click(), "dialog[open] h2"),
    Opened("menu", "style-parts", menu, "details.menu[open] li"),
    Opened("sections account", "factors.app-picture", sections, ".sections a[aria-current=true]"),
    Opened("sections administration", "admin.case-open", sections, ".sections a[aria-current=true]"),
    Opened("suggestions", "home-full", suggestions, "[role=option][aria-selected=true]"),
    Opened("toast", "project-full", toast, ".toast"),
)  # fmt: skip


def openings(shot: Shot) -> set[str]:
    """The kinds of what can be opened on a page."""
    page = BeautifulSoup(shot.html, "html.parser")
    found = {_dialog(str(one["aria-labelledby"]), one.attrs) for one in page.find_all("dialog")}
    found |= {"menu"} if page.select("details.menu") else set()
    found |= {f"sections {one['popovertarget'].removesuffix('-sections')}" for one in page.select("[popovertarget]")}
    found |= {"suggestions"} if page.select("[data-controller~=suggest]") else set()
    return found | ({"toast"} if page.select("[data-controller~=copy]") else set())


def _dialog(title: str, attributes: dict[str, object]) -> str:
    of = [name.removeprefix("data-").removesuffix("-target") for name in attributes if name.endswith("-target")]
    return f"dialog {title} of {of[0]}" if title == "keys" else f"dialog {title.removesuffix('-title')}"
