"""The page about rotation, worked through literally: its commands are pasted into a shell, its settings into bonded.toml, one after
the other, on an index that began by the page about ceremonies; a real publisher releases the steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docs.check_docs import Block, blocks, commands
from docs.scratch import BIN, Scratch

from bonded.wiring import open_house
from tests.tuf.world import Client

ROOT = Path(__file__).parents[2]
CEREMONY, PAGE = (ROOT / "docs/administrator" / name for name in ("ceremony.md", "rotation.md"))
PARTS = (
    "A new online key",
    "Other people, another threshold",
    "Another year, the key of targets destroyed",
    "From 64 bins to 256",
)
REST = "2"
"""`tuf.sweep_grace` in seconds: how long each step waits."""


def part(title: str) -> list[Block]:
    """The blocks of one part of the page."""
    lines = PAGE.read_text("utf-8").splitlines()
    first = lines.index(f"### {title}")
    last = next(at for at in range(first + 1, len(lines)) if lines[at].startswith("##"))
    return [block for block in blocks(PAGE) if first < block.line <= last]


@contextmanager
def publisher(data: Path) -> Iterator[None]:
    env = os.environ | {"BONDED_TUF__SWEEP_GRACE": REST}
    with (data.parent / "publisher.log").open("a") as log:
        process = subprocess.Popen(
            [BIN / "bonded", "publisher", data], env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class Reader:
    """Who pastes: a shell, the index, and two clients who look after each change."""

    def __init__(self, scratch: Scratch, data: Path) -> None:
        self.scratch, self.data = scratch, data
        self.plain = ""

    def paste(self, block: Block) -> str:
        """Run the block's commands; what the last one printed."""
        said = ""
        for command in commands(block):
            status, said = self.scratch.run(command)
            assert status == 0, f"{block.where}: {command}\n{said}"
        return said

    def settings(self, text: str) -> None:
        path = self.data / "bonded.toml"
        self.plain = self.plain or path.read_text()
        path.write_text(f"{self.plain}\n{text}\n")

    def status(self) -> tuple[str, dict[str, object]]:
        done = {}
        for words in (["--json"], []):
            command = [BIN / "bonded", "tuf", "status", "--dir", self.data, *words]
            done[bool(words)] = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
        return done[False], json.loads(done[True])

    def wait_done(self) -> str:
        """Until the change is over; what status says then."""
        end = time.monotonic() + 180
        with publisher(self.data):
            while True:
                text, value = self.status()
                change = value["change"]
                assert isinstance(change, dict)
                if change["state"] == "done":
                    return text
                assert time.monotonic() < end, text
                time.sleep(1)

    def look(self, name: str) -> tuple[int, int]:
        """A python-tuf client that begins from the root of the first ceremony, or remembers."""
        house = open_house(self.data)
        root = (self.data / "keys/root.json").read_bytes()
        return Client(house.public, self.data.parent / "clients" / name, root, house.clock()).versions


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_change_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONDED_TUF__SWEEP_GRACE", REST)
    with Scratch(ROOT) as scratch:
        scratch._env["BONDED_TUF__SWEEP_GRACE"] = REST
        for block in blocks(CEREMONY):
            if block.mark != "fails" and not any("--request" in c or "carol.json" in c for c in commands(block)):
                for command in commands(block):
                    status, said = scratch.run(command)
                    assert status == 0, f"{block.where}: {command}\n{said}"
        reader = Reader(scratch, Path(scratch._instead["/srv/bonded"]))
        seen = reader.look("returning")
        for title in PARTS:
            said = shown = ""
            for block in part(title):
                if block.kind == "toml":
                    reader.settings(block.text)
                elif block.kind == "console":
                    said = reader.paste(block)
                elif said:
                    assert said.splitlines()[-1] == block.text, block.where
                    shown, said = reader.wait_done(), ""
                else:
                    assert block.text in shown, (block.where, shown)
            if "keys/online.pem" not in (reader.data / "bonded.toml").read_text():
                (reader.data / "keys/online.pem").unlink(missing_ok=True)
            assert reader.look("returning") > seen
            seen = reader.look("returning")
            assert reader.look(f"new at {title}") == seen
        with publisher(reader.data):
            pass
        assert {path.name for path in (reader.data / "public/metadata").glob("*.root.json")} == {
            f"{n}.root.json" for n in range(1, 9)
        }
