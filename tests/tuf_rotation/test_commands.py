"""`bonded tuf rotate`, `resize` and `status` as an operator types them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bonded.cli import bonded
from bonded.tuf.publish import publish
from bonded.wiring import open_house

Run = Callable[..., Result]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    where = tmp_path / "index"
    made = CliRunner().invoke(bonded, ["init", str(where), "--dev-keys", "--page-bins", "2", "--bins", "2"])
    assert made.exit_code == 0, made.output
    return where


def run(index: Path, *words: str) -> Result:
    return CliRunner().invoke(bonded, ["tuf", *words, "--dir", str(index)])


def publish_once(index: Path, later: timedelta = timedelta(0)) -> None:
    house = open_house(index)
    publish(replace(house.publisher), house.clock() + later)
    house.lock.release()  # type: ignore[attr-defined]
    house.closed()


def change(index: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(run(index, "status", "--json").stdout)["change"]
    return found


def test_a_resize_from_begin_to_end(index: Path) -> None:
    assert change(index) is None
    assert "begun: resize in 1 steps" in run(index, "resize", "--bins", "8", "--wait", "0").stdout
    assert (change(index)["state"], change(index)["says"]) == ("running", "the publisher has not begun yet")
    for _ in range(3):
        publish_once(index)
    assert change(index)["steps"] == [{"name": "resize", "released": True}]
    told = run(index, "status").stdout
    assert "change of keys or bins: resize, done: resize (released)" in told


def test_a_new_online_key_is_asked_of_the_signer(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = run(index, "rotate", "online-key", "--wait", "0")
    assert '["file:keys/online.pem", "file:keys/online-2.pem"]' in begun.stdout
    publish_once(index)
    assert "does not hold the key" in run(index, "status").stdout
    monkeypatch.setenv("BONDED_SIGNER__KEYS", '["file:keys/online.pem", "file:keys/online-2.pem"]')
    for _ in range(8):
        publish_once(index)
    assert change(index)["state"] == "done"
    monkeypatch.setenv("BONDED_SIGNER__KEYS", '["file:keys/online-2.pem"]')
    publish_once(index, timedelta(hours=13))
    assert run(index, "compare").exit_code == 0


def test_a_key_that_exists_already_is_named_by_its_uri(index: Path) -> None:
    shutil.copy(index / "keys/dev/root.pem", index / "keys/plain.pem")
    wrong = run(index, "rotate", "online-key", "--key", "file:keys/none.pem")
    assert wrong.exit_code == 1
    assert "there is no signing key" in wrong.stderr
    assert change(index) is None


def test_one_change_at_a_time_and_giving_up(index: Path) -> None:
    nothing = run(index, "rotate", "--cancel")
    assert (nothing.exit_code, nothing.stderr.splitlines()[0]) == (1, "Error: no change of keys or bins is under way")
    run(index, "resize", "--bins", "8")
    keys = sorted(path.name for path in (index / "keys").rglob("*.pem"))
    for words in (("resize", "--bins", "16"), ("rotate", "online-key"), ("rotate", "root-keys")):
        second = run(index, *words)
        assert second.exit_code == 1
        assert "a change (resize) is under way" in second.stderr
    assert sorted(path.name for path in (index / "keys").rglob("*.pem")) == keys, "no keys were made for nothing"
    assert "given up: resize, 0 of 1 steps" in run(index, "rotate", "--cancel").stdout
    assert change(index)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("rotate",), 2, "say what to change"),
        (("rotate", "root-keys", "--cancel"), 2, "say what to change"),
        (("rotate", "root-keys", "--threshold", "2"), 1, "cannot be reached"),
        (("resize", "--bins", "65"), 1, "power of two"),
        (("resize",), 1, "nothing to do"),
    ],
)
def test_what_cannot_be_is_one_sentence(index: Path, words: tuple[str, ...], status: int, says: str) -> None:
    done = run(index, *words)
    assert done.exit_code == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert change(index) is None


def test_without_development_keys_it_says_how_to_hold_a_ceremony(index: Path) -> None:
    shutil.rmtree(index / "keys/dev")
    for words in (("rotate", "online-key"), ("rotate", "offline-keys"), ("resize", "--bins", "8")):
        done = run(index, *words)
        assert done.exit_code == 1
        assert "bonded tuf ceremony" in done.stderr
    assert change(index) is None
