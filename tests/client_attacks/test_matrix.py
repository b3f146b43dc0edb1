"""Each attack against each way of installing: one clear message with a code and what to do, and nothing installed.

First each client is shown to be content with the honest mirror; a test that passes because nothing works would say little.
By default a few attacks meet each client; `--slow` has them all meet all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bonded_client import cli
from bonded_client.failures import CATALOGUE, Failure
from bonded_client.proxy_watch import Timing
from tests.client.server import serving
from tests.client_attacks.attacks import ATTACKS, BESIDES, LONG, Attack
from tests.client_attacks.mirror import Mirror
from tests.client_proxy.running import installed, pip, proxying, uv

NO_GRACE = Timing(fresh=0.0, stale=0.0, retry=0.0, patience=60.0, grace=0.0)


@dataclass
class Ended:
    """How an installation ended: its status, all that was said, and what is there now."""

    status: int
    said: str
    left: list[str]


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    """The mirror, still honest, served."""
    made = Mirror()
    with serving(made.store) as served:
        made.served = served
        yield made


def by_download(mirror: Mirror, place: Path, play: Callable[[Mirror], None], timeout: float) -> Ended:
    """`bonded-client download`, which has seen the honest state."""
    assert mirror.served
    root = place / "root.json"
    root.write_bytes(mirror.trusted)
    before = ["--index", mirror.served.url, "--root", root, "--cache", place / "cache", "--timeout"]
    honest = ("download", "helper", "--dest", place / "honest")
    assert cli.main([str(word) for word in (*before, LONG, *honest)]) == 0
    assert installed(place / "honest") == ["helper-1.0-py3-none-any.whl"]
    play(mirror)
    spoiled = ("download", "example", "--dest", place / "target")
    status = cli.main([str(word) for word in (*before, timeout, *spoiled)])
    return Ended(status, "", installed(place / "target"))


def by_proxy(installer: Callable[..., object]) -> Callable[[Mirror, Path, Callable[[Mirror], None], float], Ended]:
    """An unmodified installer behind a proxy that has seen the honest state."""

    def go(mirror: Mirror, place: Path, play: Callable[[Mirror], None], timeout: float) -> Ended:
        assert mirror.served
        cache = place / "cache"
        with proxying(mirror.served.url, mirror.trusted, cache, timing=NO_GRACE, timeout=timeout) as proxy:
            assert proxy.page("helper").status == 200
            play(mirror)
            done = installer(proxy.url, place / "target", "example")
            return Ended(done.returncode, done.stdout + done.stderr, installed(place / "target"))  # type: ignore[attr-defined]

    return go


CLIENTS = {"download": by_download, "pip": by_proxy(pip), "uv": by_proxy(uv)}


def cases() -> Iterator[object]:
    """All pairs; the quick ones without the mark."""
    for client in CLIENTS:
        for attack in (*ATTACKS, *(BESIDES if client != "download" else ())):
            marks = () if (attack.quick and client != "pip") or attack is ATTACKS[0] else (pytest.mark.slow,)
            yield pytest.param(client, attack, id=f"{client}-{attack.id}", marks=marks)


def refused(ended: Ended, attack: Attack) -> None:
    """One clear message, and nothing installed."""
    assert ended.status != 0, ended
    assert ended.left == []
    codes = set(re.findall(r"\[([a-z]+(?:-[a-z]+)*)\]", ended.said))
    assert len(codes) == 1, ended.said
    [code] = codes
    assert code in attack.codes, ended.said
    assert CATALOGUE[code].advice in ended.said
    assert "Traceback" not in ended.said


@pytest.mark.parametrize(("client", "attack"), list(cases()))
def test_attack(
    client: str, attack: Attack, mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack.prepare(mirror)
    ended = CLIENTS[client](mirror, tmp_path, attack.play, attack.timeout)
    if client == "download":
        ended.said = capsys.readouterr().err
    refused(ended, attack)


@pytest.mark.parametrize("client", CLIENTS)
def test_without_an_attack_all_is_well(client: str, mirror: Mirror, tmp_path: Path) -> None:
    ended = CLIENTS[client](mirror, tmp_path, Mirror.fix, LONG)
    assert ended.status == 0, ended
    assert any("2.0" in name for name in ended.left)


NEW = [a for a in ATTACKS if a.name.partition(": ")[2] in {"key", "long expired", "root", "targets", "no timestamp"}]


@pytest.mark.parametrize("attack", NEW, ids=lambda attack: attack.id)
def test_a_proxy_that_never_saw_the_honest_state_does_not_start(attack: Attack, mirror: Mirror, tmp_path: Path) -> None:
    assert mirror.served
    attack.play(mirror)
    with pytest.raises(Failure) as refusal:
        with proxying(mirror.served.url, mirror.trusted, tmp_path / "cache", timeout=attack.timeout):
            pass
    assert refusal.value.code in attack.codes


def test_after_an_attack_the_proxy_serves_again(mirror: Mirror, tmp_path: Path) -> None:
    """A person who changes the network needs to restart nothing."""
    assert mirror.served
    with proxying(mirror.served.url, mirror.trusted, tmp_path / "cache", timing=NO_GRACE) as proxy:
        honest = mirror.store["metadata/timestamp.json"]
        mirror.store["metadata/timestamp.json"] = honest.replace(b"sig", b"sog")
        assert proxy.page("example").status == 409
        mirror.store["metadata/timestamp.json"] = honest
        assert proxy.page("example").status == 200
        assert len(proxy.notes) == 1


def test_the_appendix_is_covered() -> None:
    """Each attack of PEP 458's appendix A, by its name there."""
    assert {attack.name.partition(":")[0] for attack in ATTACKS} == {
        "arbitrary installation",
        "rollback",
        "indefinite freeze",
        "endless data",
        "slow retrieval",
        "extraneous dependencies",
        "mix and match",
        "wrong installation",
        "malicious mirror",
        "key compromise below threshold",
    }
