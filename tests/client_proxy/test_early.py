"""Fetching before being asked: saves round trips when it is right, and changes nothing when it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bonded_client.proxy_early import requirements
from bonded_client.proxy_watch import Timing
from tests.client.server import Served, answer
from tests.client_proxy.index import Index
from tests.client_proxy.running import Running, proxying
from tests.client_proxy.wheels import wheel
from tests.serve.running import until

PLAIN = "simple/example/"
SIGNED = "simple/example/index.json"


def asked(served: Served) -> list[str]:
    return [path for path, _ in served.asked]


def test_the_plain_copy_is_taken_when_it_is_what_was_signed(
    running: Running, index: Index, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonded_client.proxy_early._PATIENCE", 60.0)  # a busy machine may be slow with the plain copy
    served.asked.clear()
    assert running.page("example").data == index.targets[SIGNED]
    if any("page-bin" in path for path in asked(served)):  # else both are in one bin, and there was nothing to wait for
        assert PLAIN in asked(served)
        assert index.signed_page("example") not in asked(served)


def test_what_delegates_to_bins_is_there_before_the_first_request(running: Running, served: Served) -> None:
    """Otherwise each of the many that an installer sends at once would fetch it, and then wait for its bin in a row."""
    assert len([path for path in asked(served) if path.endswith(".pages.json")]) == 1
    assert running.page("example").status == 200
    assert len([path for path in asked(served) if path.endswith(".pages.json")]) == 1


Spoil = Callable[[Index, Served], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda index, served: index.store.update({PLAIN: b'{"name": "example", "files": []}'}),
        lambda index, served: index.store.pop(PLAIN),
        lambda index, served: served.odd.update({PLAIN: lambda handler, _: answer(handler, b"no", 503)}),
        lambda index, served: served.odd.update({PLAIN: lambda handler, _: handler.connection.close()}),
        lambda index, served: served.odd.update({PLAIN: lambda handler, _: served.stop.wait(120) and None}),
    ],
    ids=["altered", "missing", "error", "cut", "silent"],
)
def test_a_plain_copy_that_is_not_right_does_not_matter(
    index: Index, served: Served, tmp_path: Path, spoil: Spoil
) -> None:
    """An older plain copy is nothing unusual: it follows the signed one by a moment."""
    spoil(index, served)
    with proxying(served.url, index.first_root, tmp_path / "cache", timeout=60.0) as running:
        for project in ("helper", "example"):
            began = time.monotonic()
            assert running.page(project).data == index.targets[f"simple/{project}/index.json"]
            assert time.monotonic() - began < 30
        assert running.notes == []
    if not served.odd:  # one that is silent still waits
        until(lambda: not list((tmp_path / "cache/files").glob(".part-*")), 60)


def test_the_pages_of_requirements_come_before_they_are_asked_for(index: Index, served: Served, tmp_path: Path) -> None:
    with proxying(served.url, index.first_root, tmp_path / "cache", timing=Timing()) as running:
        assert (
            running.get("packages/example/example-1.0-py3-none-any.whl.metadata", User_Agent="pip/26.3").status == 200
        )
        page = index.signed_page("helper")
        until(lambda: bool({page, "simple/helper/"} & set(asked(served))), 60)


def test_a_page_that_did_not_change_is_not_fetched_again(index: Index, served: Served, tmp_path: Path) -> None:
    """Its bin did, because of another project in it."""
    with proxying(served.url, index.first_root, tmp_path / "cache") as running:
        assert running.page("example").status == 200
        until(lambda: PLAIN in asked(served), 60)  # asked for beside, by a thread that may be late
        for number in range(8):  # some of these fall into its bin
            index.release(f"other-{number}", wheel(f"other-{number}"))
        served.asked.clear()
        assert running.page("example").status == 200
    assert not [path for path in asked(served) if "example" in path]


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("Requires-Dist: Some.Thing>=1", ["some-thing"]),
        ("Requires-Dist: a; python_version < '3'\nRequires-Dist: b; python_version > '3'", ["b"]),
        ("Requires-Dist: a; extra == 'test'\nrequires-dist: b[x]", ["b"]),
        ("Requires-Dist: a @ https://elsewhere.example/a.whl", []),
        ("Requires-Dist: ;;;\nRequires-Dist: a\nRequires-Dist: A", ["a"]),
        ("Name: x\n\nRequires-Dist: in-the-description", []),
        ("\n".join(f"Requires-Dist: p{n}" for n in range(100)), [f"p{n}" for n in range(64)]),
        ("Requires-Dist: \udcff".encode("utf-8", "surrogateescape").decode("latin-1"), []),
    ],
    ids=["name", "markers", "extras", "address", "nonsense", "description", "many", "bytes"],
)
def test_what_a_file_needs(lines: str, names: list[str]) -> None:
    assert requirements(lines.encode()) == names
