"""Spliced pages in whole publications: what clients get is what all rows say, and only what changed is read."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import bonded.tuf.collect
import bonded.tuf.draft
from bonded.catalog.pages import page_state
from bonded.tuf.pages import page_html, page_json
from bonded.tuf.publish import Result
from bonded.tuf.roles import hashed, page_path
from bonded.tuf.tables import page
from bonded.values.states import FileState
from tests.tuf.world import World

KEYS = ("apple", "pear")


def check(world: World, n: int, key: str) -> None:
    """The live page of `key`, made by publication `n`, is the one that all rows give."""
    with world.db.read() as conn:
        state = page_state(conn, key)
    assert state is not None
    for form, render in (("html", page_html), ("json", page_json)):
        assert world.client("returning").get(page_path(key, form)) == render(state, n), (key, form)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Projects that were read and rendered as a whole."""
    found: list[str] = []
    real: Callable[..., bytes] = bonded.tuf.draft.page_json

    def watch(state, serial, base_url):
        found.append(state.key)
        return real(state, serial, base_url)

    monkeypatch.setattr(bonded.tuf.draft, "page_json", watch)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_pages_say_what_all_rows_say(world: World, rendered: list[str], seed: int) -> None:
    rng = random.Random(seed)
    public: dict[str, str] = {}  # file id -> project
    for turn in range(8):
        touched = set()
        for _ in range(rng.randrange(1, 4)):
            key = rng.choice(KEYS)
            act = rng.choice(("upload", "upload", "yank", "delete", "quarantine")) if public else "upload"
            if act == "upload":
                version = f"{rng.randrange(3)}.{rng.randrange(12)}.{turn}"
                for tag in rng.sample(("py3-none-any", "cp39-abi3-any", "cp312-cp312-any"), rng.randrange(1, 3)):
                    public[world.upload(key, f"{key}-{version}-{tag}.whl")] = key
            else:
                one = rng.choice(sorted(public))
                key = public.pop(one)
                if act == "yank":
                    world.yank(one, f"broken in turn {turn} </a>")
                elif act == "delete":
                    world.delete(one)
                else:
                    world.move(one, "review.quarantine", FileState.QUARANTINED)
            touched.add(key)
        outcome = world.publish()
        for key in touched:
            check(world, outcome.n, key)
    assert rendered == [key for key in dict.fromkeys(rendered) for _ in range(rendered.count(key))]
    assert {rendered.count(key) for key in rendered} == {1}, "each was rendered when it was new, and spliced ever after"


def test_other_releases_are_not_read(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = sqlite_world
    for version in ("1.0", "2.0"):
        world.upload("apple", f"apple-{version}.tar.gz")
    world.publish()
    asked: list[str] = []
    real = bonded.tuf.collect.page_states

    def watch(conn, keys, **rest):
        asked.extend(keys)
        return real(conn, keys, **rest)

    monkeypatch.setattr(bonded.tuf.collect, "page_states", watch)
    world.upload("apple", "apple-3.0.tar.gz")
    world.upload("pear", "pear-1.0.tar.gz")
    outcome = world.publish()
    assert asked == ["pear"]
    check(world, outcome.n, "apple")


@pytest.mark.parametrize("how", ["missing", "damaged", "another format"])
def test_a_live_page_that_cannot_be_spliced_is_rendered(
    world: World, rendered: list[str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    world.upload("apple", "apple-1.0.tar.gz")
    world.upload("pear", "pear-1.0.tar.gz")
    world.publish()
    with world.db.read() as conn:
        sha256 = conn.execute(page.select().where(page.c.project_key == "apple")).one().json_sha256
    name = hashed(page_path("apple", "json"), sha256)
    if how == "missing":
        world.public.delete(name)
    elif how == "damaged":
        world.public.put(name, world.public.read(name).replace(b"1.0", b"1.9"))
    else:
        monkeypatch.setattr(bonded.tuf.pages, "FORMAT", 99)
        monkeypatch.setattr(bonded.tuf.page_splice, "FORMAT", 99)
    rendered.clear()
    one = world.upload("apple", "apple-2.0.tar.gz")
    world.upload("pear", "pear-2.0.tar.gz")
    outcome = world.publish()
    assert outcome.result is Result.PUBLISHED
    assert outcome.events == 2
    assert rendered == (["apple", "pear"] if how == "another format" else ["apple"])
    for key in KEYS:
        check(world, outcome.n, key)
    world.yank(one, "")
    check(world, world.publish().n, "apple")
    assert rendered.count("apple") == 1
