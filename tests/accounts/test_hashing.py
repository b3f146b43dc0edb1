"""Hashing: real argon2id, the bound on hashes at once, the same work for nobody."""

from __future__ import annotations

import threading
import time

import pytest

from bonded.accounts import hashing
from bonded.accounts.hashing import Cost, Hasher, Verified
from bonded.values.refusals import Refusal

REAL = Hasher(Cost())
CHEAP = Cost(memory_kib=64, passes=1)


def test_the_default_cost_is_argon2id_as_recommended() -> None:
    """OWASP: at least 46 MiB with one pass, or the equivalent; each hash with its own salt."""
    one, two = REAL.hash("correct horse"), REAL.hash("correct horse")
    assert one.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    assert one != two
    assert REAL.verify(one, "correct horse") == Verified(True, False)
    assert REAL.verify(one, "correct horsf") == Verified(False, False)


def test_nobody_costs_as_much_as_somebody() -> None:
    """The same argon2 work is done; the factor of two is room for a busy machine, the difference without it is 50-fold."""
    stored = REAL.hash("correct horse")

    def cost(who: str | None) -> float:
        times = []
        for _ in range(7):
            begun = time.thread_time()
            REAL.verify(who, "wrong horse")
            times.append(time.thread_time() - begun)
        return min(times)

    somebody, nobody = cost(stored), cost(None)
    assert nobody > somebody / 2
    assert nobody < somebody * 2
    assert REAL.verify(None, "the password of nobody").ok is False


def test_an_older_cost_is_outdated_and_still_good() -> None:
    stored = Hasher(CHEAP).hash("correct horse")
    assert REAL.verify(stored, "correct horse") == Verified(True, True)
    assert REAL.verify(stored, "wrong") == Verified(False, False)


@pytest.mark.parametrize("stored", ["", "!", "$argon2id$", "$2b$12$abc", "x" * 500, "\x00"])
def test_a_damaged_hash_is_nobodys_password(stored: str) -> None:
    assert Hasher(CHEAP).verify(stored, "anything") == Verified(False, False)


@pytest.mark.parametrize("password", ["", "päßwörd", "\ud800", "a\x00b", "x" * 5000])
def test_any_text_can_be_hashed(password: str) -> None:
    cheap = Hasher(CHEAP)
    assert cheap.verify(cheap.hash(password), password).ok
    assert not cheap.verify(cheap.hash(password), password + "x").ok


def test_hashes_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher(Cost(memory_kib=64, passes=1, at_once=2, wait=10))
    running, most = 0, 0
    guard = threading.Lock()
    plain = hasher._argon.hash

    class Watched:
        def hash(self, password: bytes) -> str:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with guard:
                running -= 1
            return plain(password)

    monkeypatch.setattr(hasher, "_argon", Watched())
    threads = [threading.Thread(target=hasher.hash, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_who_gets_no_turn_is_told_to_come_back() -> None:
    hasher = Hasher(Cost(memory_kib=64, passes=1, at_once=1, wait=0.01))
    with hasher._turn(), pytest.raises(Refusal) as caught:
        hasher.hash("x")
    assert (caught.value.code, caught.value.status, caught.value.retry_after) == ("login-busy", 503, 5)
    assert hasher.hash("x"), "the turn was given back"


def test_the_turn_is_given_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher(Cost(memory_kib=64, passes=1, at_once=1, wait=0.01))

    class Broken:
        def hash(self, password: bytes) -> str:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(hasher, "_argon", Broken())
        with pytest.raises(MemoryError):
            hasher.hash("x")
    assert hasher.hash("x")


def test_one_hasher_per_process() -> None:
    hashing.default_hasher()
    assert hashing.default_hasher() is hashing.default_hasher()
