"""Settings, commands and alarms of purging, and the table of headers wherever it is written down."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bonded.adapters.purger_fastly import FastlyPurger
from bonded.adapters.purger_nginx import NginxPurger
from bonded.adapters.purger_none import NoPurger
from bonded.adapters.purger_varnish import VarnishPurger
from bonded.cli import bonded
from bonded.serve.caching import Times, table
from bonded.serve.caching_nginx import maps
from bonded.settings import SettingsError, load
from bonded.tuf.status import status
from bonded.values.states import FileState
from bonded.wiring import House
from tests.caches.running import DEPLOY, HOST, Varnish, get, kept
from tests.serve.running import clock
from tests.tuf_ops.index import Index

WHL = "/packages/alpha/alpha-1.0-py3-none-any.whl"


def directory(path: Path, purge: str) -> Path:
    """A data directory as far as settings go."""
    (path / "keys").mkdir(parents=True)
    (path / "keys/fastly").write_text("secret-token\n")
    (path / "bonded.toml").write_text(f'url = "http://{HOST}/"\n[purge]\n{purge}\n')
    return path


@pytest.mark.parametrize(
    ("purge", "kind"),
    [
        ("", NoPurger),
        ('engine = "none"', NoPurger),
        ('engine = "varnish-xkey"\naddresses = ["http://127.0.0.1:6081"]', VarnishPurger),
        ('engine = "varnish-ban"\naddresses = ["http://127.0.0.1:6081", "http://127.0.0.2:6081"]', VarnishPurger),
        ('engine = "nginx"', NginxPurger),
        ('engine = "fastly"\nservice = "x"\ntoken_file = "keys/fastly"', FastlyPurger),
    ],
)
def test_settings_alone_choose_the_purger(tmp_path: Path, purge: str, kind: type) -> None:
    where = directory(tmp_path, purge)
    house = House(where, load(where))
    assert type(house.purger) is kind
    assert house.serve_settings.purged is house.purger.active


@pytest.mark.parametrize(
    ("purge", "key"),
    [
        ('engine = "squid"', "purge.engine"),
        ('engine = "varnish-xkey"', "purge.addresses"),
        ('engine = "varnish-xkey"\naddresses = ["127.0.0.1:6081"]', "purge.addresses"),
        ('engine = "fastly"\ntoken_file = "keys/fastly"', "purge.service"),
        ('engine = "fastly"\nservice = "x"', "purge.token_file"),
        ('engine = "fastly"\nservice = "x"\ntoken_file = "keys/absent"', "purge.token_file"),
        ('engine = "fastly"\nservice = "x"\ntoken_file = "bonded.toml"', "purge.token_file"),
        ('engine = "fastly"\nservice = "x"\ntoken_file = "keys/fastly"\napi = "ftp://x"', "purge.api"),
        ('engine = "varnish-ban"\naddresses = ["http://127.0.0.1:6081"]\nsoft = true', "purge.soft"),
        ("bound = -1", "purge.bound"),
        ("timeout = 0", "purge.timeout"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, purge: str, key: str) -> None:
    where = directory(tmp_path, purge)
    with pytest.raises(SettingsError) as refused:
        _ = House(where, load(where)).purger
    assert key in str(refused.value)
    assert "secret-token" not in str(refused.value)


def test_the_shipped_part_of_nginx_is_what_the_table_says() -> None:
    assert (DEPLOY / "nginx" / "bonded-caching.inc").read_text() == maps(Times()), "run: bonded cache nginx"


def test_the_page_for_operators_says_what_the_table_says() -> None:
    page = (DEPLOY.parent / "docs/operator/caching.md").read_text()
    for row in table(Times()):
        line = f"| {row.where} | {row.status} | `{row.cache_control}` | {f'`{row.keys}`' if row.keys else ''} |"
        shown = line.replace("$uri", "/PATH").replace("$bonded_project", "PROJECT").replace("$bonded_name", "PATH")
        assert shown in page, shown


def test_the_command_prints_the_table_with_the_settings_of_the_directory(tmp_path: Path) -> None:
    where = directory(tmp_path, 'engine = "varnish-xkey"\naddresses = ["http://127.0.0.1:6081"]\nbound = 7')
    told = CliRunner().invoke(bonded, ["cache", "headers", "--dir", str(where)])
    assert told.exit_code == 0, told.output
    assert "Surrogate-Control: max-age=31536000" in told.output
    assert "s-maxage=7" in told.output
    printed = CliRunner().invoke(bonded, ["cache", "nginx", "--dir", str(where)])
    assert printed.output == maps(Times(package_bound=7, purged=True))


@pytest.mark.parametrize(
    ("purge", "key", "words"),
    [
        ("", "timestamp", "nothing can be purged"),
        ('engine = "varnish-xkey"\naddresses = ["http://127.0.0.1:1"]', "root", "http://127.0.0.1:1 does not answer"),
        ('engine = "varnish-xkey"\naddresses = ["http://127.0.0.1:1"]', "alpha", "not a surrogate key"),
    ],
)
def test_the_command_says_why_it_cannot_purge(tmp_path: Path, purge: str, key: str, words: str) -> None:
    where = directory(tmp_path, purge)
    told = CliRunner().invoke(bonded, ["cache", "purge", key, "--dir", str(where)])
    assert told.exit_code == 1
    assert words in told.output


def test_the_command_purges_and_looks(cache: Varnish, index: Index, tmp_path: Path) -> None:
    engine = f'engine = "varnish-{cache.kind}"\naddresses = ["{cache.url}"]'
    where = directory(tmp_path / "d", engine)
    (where / "public").symlink_to(index.folder / "public")
    index.upload("alpha")
    index.now = clock()
    index.settle_everything()
    get(cache.url, WHL)
    keys = [f"file{WHL}", "timestamp", "project/alpha", "project/"]
    told = CliRunner().invoke(bonded, ["cache", "purge", *keys, "--dir", str(where)])
    assert told.exit_code == 0, told.output
    assert not kept(get(cache.url, WHL))


def test_a_cache_that_stays_away_raises_an_alarm(index: Index) -> None:
    purger = VarnishPurger(["http://127.0.0.1:1"], host=HOST, timeout=1)
    index.publisher = replace(index.publisher, purger=purger)
    index.upload("alpha")
    index.now = clock()
    for _ in range(6):
        index.settle_everything()
        index.wait(seconds=30)
    told = [alarm for alarm in status(index.db, index.public, index.now).alarms if "purge" in str(alarm)]
    assert told


def test_nothing_waits_for_a_cache_that_does_not_answer(index: Index) -> None:
    """A host that swallows everything: publication, plain copies and take-down go on without it."""
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        purger = VarnishPurger([address], host=HOST, timeout=200)
        index.publisher = replace(index.publisher, purger=purger)
        file_id = index.upload("alpha")
        index.now = clock()
        index.publish()
        began = time.monotonic()
        index.work("plain", "documents")
        assert index.path("simple/alpha/index.html").exists()
        index.move("review.quarantine", file_id, FileState.QUARANTINED)
        index.work("takedown")
        assert not index.path(WHL[1:]).exists()
        assert time.monotonic() - began < 60


def test_a_purge_ends_in_time_although_a_cache_is_silent(index: Index) -> None:
    import socket

    from bonded.seams import PurgeFailed

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        purger = VarnishPurger([f"http://127.0.0.1:{silent.getsockname()[1]}"] * 3, host=HOST, timeout=0.5)
        began = time.monotonic()
        with pytest.raises(PurgeFailed, match="does not answer"):
            purger.purge(["timestamp"])
        assert time.monotonic() - began < 10
    assert purger.lasting == timedelta(0)
