"""The table of pages and states knows every route that answers a page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from webtest import TestApp

from bonded.web.routes import ROUTES
from tests.web.house import House
from tests.web.scenes.shots import Shot
from tests.web.scenes.table import NO_PAGE, SCENES

Shots = Callable[[str], tuple[Shot, ...]]


def test_every_route_that_answers_get_is_there_or_is_named_with_a_reason() -> None:
    routes = {route.name for route in ROUTES if "GET" in route.methods}
    assert {scene.route for scene in SCENES} | set(NO_PAGE) == routes
    assert {scene.route for scene in SCENES} & set(NO_PAGE) == set()


def test_scenes_have_names_of_their_own_and_are_many() -> None:
    assert [name for name, count in Counter(scene.name for scene in SCENES).items() if count > 1] == []
    assert len(SCENES) >= 200


def test_what_is_no_page_is_none(house: House) -> None:
    house.project("spam", house.person("ann"))
    house.person("root", admin=True)
    visitors = {name: house.login(name) if name else house.browser() for name in ("", "ann", "root")}
    for route, (_, address) in NO_PAGE.items():
        who = "root" if address.startswith("/admin/") else "ann" if address.startswith(("/account", "/manage")) else ""
        path = address.replace("{hax}", "1").replace("{style}", style(visitors[""]))
        answer = visitors[who].get(path, expect_errors=True)
        page = answer.content_type == "text/html" and answer.status_int < 300
        assert not page, route


def style(browser: TestApp) -> str:
    return str(browser.get("/").html.find("link", rel="stylesheet")["href"])


def test_each_scene_is_a_page_of_its_own_in_its_language(shots: Shots) -> None:
    seen = {}
    for shot in shots("en"):
        page = BeautifulSoup(shot.html, "html.parser")
        assert page.html, shot.name
        assert page.html["lang"] == "en"
        assert page.main, shot.name
        assert page.main.text.strip(), shot.name
        seen[shot.name] = (shot.path, shot.status, page.main.text)
    assert len(seen) == len(SCENES)
    same = [name for name, count in Counter(seen.values()).items() if count > 1]
    assert same == [], "two scenes that show the same"


def test_no_two_states_of_a_page_are_the_same_but_for_their_address(shots: Shots) -> None:
    """A state that was not reached shows the page of another."""
    texts: dict[tuple[str, str], list[str]] = {}
    for shot in shots("en"):
        main = BeautifulSoup(shot.html, "html.parser").main
        assert main
        filled = [field.get("value") for field in main.find_all("input") if field.get("type") != "hidden"]
        said = f"{' '.join(main.get_text().split())} {filled}"
        texts.setdefault((shot.route, said), []).append(shot.name)
    assert [names for names in texts.values() if len(names) > 1] == []


def test_no_scene_is_a_fault(shots: Shots) -> None:
    assert [shot.name for shot in shots("en") if shot.status.startswith("5")] == []


@pytest.mark.parametrize("state", ["refused", "empty", "step-up", "missing", "unknown", "wrong"])
def test_states_of_every_kind_are_among_them(state: str) -> None:
    assert [scene for scene in SCENES if scene.state == state]


SECRET = re.compile(
    r"^/account/(?:set-password|email|undo-email|verify|login/confirm|invitations/link|recovery/\w+)/([^/]{20,})/"
)


def test_a_page_whose_address_is_a_secret_does_not_put_it_into_another_address(shots: Shots) -> None:
    seen = 0
    for shot in shots("en"):
        found = SECRET.match(shot.path)
        if not found:
            continue
        seen += 1
        page = BeautifulSoup(shot.html, "html.parser")
        links = [str(link["href"]) for link in page.find_all(href=True)]
        leaking = [link for link in links if found[1] in link and not link.startswith(found[0])]
        assert leaking == [], shot.name
        assert "/language/?next=/" in links, shot.name
    assert seen >= 10


def test_other_pages_are_come_back_to_after_choosing_a_language(shots: Shots) -> None:
    (shot,) = [one for one in shots("en") if one.name == "tokens-some"]
    assert 'href="/language/?next=/account/tokens/"' in shot.html
