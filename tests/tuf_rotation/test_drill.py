"""The drill: all keys and the number of bins change while uploads arrive and clients of all kinds read without pause."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.story.clients import run
from tests.story.running import bonded
from tests.tuf_rotation.index_under_load import PROJECTS, Load, running
from tests.tufjs.client import tufjs

WAIT = "8"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nobody_notices(tmp_path: Path) -> None:
    with running(tmp_path, bins=64) as index, tufjs() as js:
        load = Load(index, tmp_path)
        one = load.uploads()
        for _ in PROJECTS:
            one()
        for project, path in load.uploaded:
            index.index.wait_listed(project, path.name)
        began = time.monotonic()
        with load.go(
            uploads=one,
            returning=load.python_tuf(fresh=False),
            fresh=load.python_tuf(fresh=True),
            tuf_js=load.tuf_js(js),
            pip=load.pip(run),
        ):
            where, keys = ("--dir", index.index.directory, "--wait", WAIT), index.index.directory / "keys"
            bonded("tuf", "rotate", "online-key", *where)
            index.hold("file:keys/online.pem", "file:keys/online-2.pem")
            index.wait_done()
            index.hold("file:keys/online-2.pem")
            bonded("tuf", "rotate", "root-keys", "--keys", "3", "--threshold", "2", *where)
            index.wait_done()
            (keys / "dev/targets.pem").unlink()
            bonded("tuf", "rotate", "offline-keys", "--keys", "2", "--threshold", "2", *where)
            index.wait_done()
            bonded("tuf", "resize", "--page-bins", "256", "--bins", "256", *where)
            index.wait_done()
            time.sleep(5)
        took = time.monotonic() - began
        print(f"{took:.0f} s, {len(load.uploaded) / took:.1f} uploads/s, {load.reads}")
        assert load.errors == []
        assert all(load.reads.get(name, 0) > 5 for name in ("returning", "fresh", "tuf_js", "pip", "uploads")), (
            load.reads
        )
        for project in PROJECTS:
            names = {path.name for of, path in load.uploaded if of == project}
            index.index.wait_listed(project, *names, seconds=300)
            assert load.look(tmp_path / "python-tuf-False-0", project) == names
            assert load.look(tmp_path / "python-tuf-last", project) == names
        public = index.index.directory / "public/metadata"
        assert {path.name for path in public.glob("*.root.json")} == {f"{n}.root.json" for n in range(1, 6)}
        assert len(list(public.glob("*.page-bin-2-*.json"))) >= 256
