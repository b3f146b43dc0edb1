"""Freshness, and what an outage means: with a clock of the test's own, then with a real index that goes away."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bonded_client import proxy
from bonded_client.failures import Failure
from bonded_client.proxy_signed import Signed
from bonded_client.proxy_watch import Timing, Watch, spell
from tests.client.later import later
from tests.client.server import Served, serving
from tests.client_proxy.index import Index
from tests.client_proxy.running import proxying
from tests.client_proxy.wheels import wheel
from tests.support.ports import reserved

TIMING = Timing(fresh=10, stale=60, retry=2, patience=0.2, grace=100)
AWAY = Failure("index-unreachable", "It is out of reach.")


class Fake:
    """What is watched: `answer` is raised by polls, unless None."""

    def __init__(self) -> None:
        self.answer: Failure | None = None
        self.polls = self.recalls = 0
        self.ended = 0
        self.expires = 0.0
        self.answers = threading.Event()
        self.answers.set()

    def poll(self, *, again: bool) -> None:
        self.polls += 1
        assert self.answers.wait(30)
        self.ended += 1
        if self.answer:
            raise self.answer
        self.expires = 1e12

    def recall(self) -> None:
        self.recalls += 1
        self.expires = 1e12

    def until(self) -> float:
        return self.expires


class Setting:
    """A watch over a fake, at a time that the test sets."""

    def __init__(self, place: Path) -> None:
        self.now = 1_000_000.0
        self.fake, self.notes = Fake(), list[str]()
        self.place, self.timing = place, TIMING
        self.watch = self.again()

    def again(self) -> Watch:
        """The same after a restart."""
        return Watch(self.fake, self.place / "reached", self.timing, self.notes.append, lambda: self.now)

    def settle(self) -> None:
        """Wait for the poll that runs beside, if any."""
        assert self.watch._ended.wait(60)


@pytest.fixture
def it(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_a_fresh_state_is_used_without_a_poll(it: Setting) -> None:
    for _ in range(5):
        it.watch.check()
        it.now += 1.9
    assert it.fake.polls == 1


def test_an_older_one_is_used_while_a_poll_runs_beside(it: Setting) -> None:
    it.timing = replace(TIMING, patience=60)  # who waits for the poll waits until it fails
    it.watch = it.again()
    it.watch.check()
    it.now += 11
    it.fake.answers.clear()
    for _ in range(5):
        it.watch.check()
    assert it.fake.ended == 1
    it.fake.answers.set()
    it.settle()
    assert it.fake.polls == 2


def test_a_stale_one_is_polled_first_and_a_slow_poll_is_not_waited_for_for_ever(it: Setting) -> None:
    it.watch.check()
    it.now += 61
    it.watch.check()
    assert it.fake.polls == 2
    it.now += 61
    it.fake.answers.clear()
    began = time.monotonic()
    it.watch.check()
    assert time.monotonic() - began > 0.1
    assert it.fake.ended == 2
    it.fake.answers.set()
    it.settle()


def test_within_the_grace_the_last_state_goes_on_and_the_person_is_told_once(it: Setting) -> None:
    it.watch.check()
    it.fake.answer = AWAY
    for _ in range(4):
        it.now += 20
        it.watch.check()
        it.settle()
    assert it.watch.away
    assert len(it.notes) == 1
    assert "OFFLINE" in it.notes[0]
    assert "80 s more" in it.notes[0]
    it.fake.answer = None
    it.now += 11
    it.watch.check()
    it.settle()
    assert not it.watch.away
    assert "within reach again" in it.notes[1]


def test_after_the_grace_there_is_a_failure_that_says_so(it: Setting) -> None:
    it.watch.check()
    it.fake.answer = AWAY
    it.now += 101
    with pytest.raises(Failure, match="last reached 101 s ago, and the offline grace is 100 s") as failure:
        it.watch.check()
    assert failure.value.code == "index-unreachable"


def test_a_restart_does_not_begin_the_grace_anew(it: Setting) -> None:
    it.watch.check()
    it.fake.answer, it.fake.expires = AWAY, 0.0
    it.now += 90
    it.watch = it.again()
    it.watch.check()
    assert it.fake.recalls == 1
    it.now += 20
    it.watch = it.again()
    with pytest.raises(Failure):
        it.watch.check()


def test_without_any_contact_there_is_no_grace(it: Setting) -> None:
    it.fake.answer = AWAY
    with pytest.raises(Failure):
        it.watch.check()


@pytest.mark.parametrize(
    "code", ["bad-signature", "rollback", "expired", "endless-data", "metadata-missing", "malformed"]
)
def test_what_is_wrong_is_never_excused(it: Setting, code: str) -> None:
    it.watch.check()
    it.fake.answer = Failure(code, "It is wrong.")
    it.now += 61
    with pytest.raises(Failure):
        it.watch.check()
    polls = it.fake.polls
    it.now += 1
    with pytest.raises(Failure):  # at once: not every request asks again
        it.watch.check()
    assert it.fake.polls == polls
    it.now += 2
    it.fake.answer = None
    it.watch.check()


def test_a_fault_of_ours_is_a_failure_too(it: Setting) -> None:
    it.watch.check()
    it.fake.until = None  # type: ignore[assignment,method-assign]
    it.fake.poll = None  # type: ignore[assignment,method-assign]
    it.now += 5
    it.fake.expires = 0.0
    it.watch._attempt(again=False)
    with pytest.raises(Failure, match="internal"):
        it.watch.check()


def test_a_clock_that_is_set_back_means_a_poll(it: Setting) -> None:
    it.watch.check()
    it.now -= 1000
    it.watch.check()
    assert it.fake.polls == 2


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h")])
def test_durations_as_people_say_them(seconds: float, text: str) -> None:
    assert spell(seconds) == text


NOW_AND_THEN = Timing(fresh=0.0, stale=0.0, retry=0.0, patience=60.0, grace=600.0)


def test_an_index_that_goes_away(index: Index, tmp_path: Path) -> None:
    """What was seen goes on to be installed, what was not is out of reach; after a restart too."""
    cache = tmp_path / "cache"
    with serving(index.store) as served:
        url = served.url
        with proxying(url, index.first_root, cache, timing=NOW_AND_THEN) as proxy:
            assert proxy.get("packages/helper/helper-1.0-py3-none-any.whl").status == 200
    with reserved(urlsplit(url).port or 0):  # so that no other test's server answers there
        for _ in range(2):
            with proxying(url, index.first_root, cache, timing=NOW_AND_THEN) as proxy:
                assert proxy.page("helper").status == 200
                assert proxy.get("packages/helper/helper-1.0-py3-none-any.whl").status == 200
                assert "OFFLINE" in proxy.notes[0]
                reply = proxy.get("packages/helper/helper-1.0-py3-none-any.whl.metadata")
                assert (reply.status, "[index-unreachable]" in reply.reason) == (504, True)
        with pytest.raises(Failure, match="index-unreachable"):
            with proxying(url, index.first_root, cache, timing=Timing(grace=0.0)):
                pass


def test_offline_no_longer_than_the_metadata_lasts(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours, timing = [0], replace(NOW_AND_THEN, grace=86_400.0)
    monkeypatch.setattr(proxy, "Signed", partial(Signed, clock=lambda: time.time() + hours[0] * 3600))
    index.lifetime = timedelta(hours=1)
    index.release("helper", wheel("helper"))
    with serving(index.store) as served:
        with proxying(served.url, index.first_root, tmp_path / "cache", timing=timing) as running:
            assert running.page("helper").status == 200
            served.odd["metadata/timestamp.json"] = lambda handler, _: handler.connection.close()
            assert running.page("helper").status == 200
            hours[0] = 2
            later(monkeypatch, timedelta(hours=hours[0]))
            reply = running.page("helper")
            assert (reply.status, "[expired]" in reply.reason) == (409, True)


def test_an_unchanged_timestamp_renews_nothing(index: Index, served: Served, tmp_path: Path) -> None:
    with proxying(served.url, index.first_root, tmp_path / "cache", timing=NOW_AND_THEN) as proxy:
        assert proxy.page("helper").status == 200
        served.asked.clear()
        for _ in range(3):
            assert proxy.page("helper").status == 200
    assert [path for path, _ in served.asked] == ["metadata/timestamp.json"] * 3


def test_a_snapshot_is_not_held_for_ever(index: Index, served: Served, tmp_path: Path) -> None:
    timing = Timing(fresh=0.0, stale=0.0, retry=0.0, hold=0.0)
    with proxying(served.url, index.first_root, tmp_path / "cache", timing=timing) as proxy:
        served.asked.clear()
        assert proxy.page("helper").status == 200
    assert "metadata/2.root.json" in [path for path, _ in served.asked]


def test_caches_one_version_apart(index: Index, served: Served, tmp_path: Path) -> None:
    """An older but valid timestamp is no news."""
    older = index.store["metadata/timestamp.json"]
    index.release("helper", wheel("helper", "2.0"))
    with proxying(served.url, index.first_root, tmp_path / "cache") as proxy:
        index.store["metadata/timestamp.json"] = older
        assert b"helper-2.0" in proxy.page("helper").data


def test_what_the_snapshot_names_is_swept_meanwhile(index: Index, served: Served, tmp_path: Path) -> None:
    """A client of an older snapshot gets 404 and begins again from the timestamp."""
    with proxying(served.url, index.first_root, tmp_path / "cache", timing=Timing()) as proxy:
        gone = index.signed_page("helper")
        index.release("helper", wheel("helper", "2.0"))
        del index.store[gone]
        assert b"helper-2.0" in proxy.page("helper").data
