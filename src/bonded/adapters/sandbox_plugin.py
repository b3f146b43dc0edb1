"""Sandboxes for outside packages: the same isolation, in the interpreter that the package is installed in.

The interpreter need not have Bonded: our own pure code is lent to it, one folder, read-only. It sees its own libraries and
the folders it is told of, and nothing else where bubblewrap works. Nothing is imported in the server: each call imports what
it needs in its own child, so that a package which breaks on import breaks nobody else.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bonded
from bonded.adapters.sandbox_bubblewrap import BubblewrapSandbox
from bonded.adapters.sandbox_rlimits import RlimitsSandbox
from bonded.seams import Sandbox

PRELOAD = ("bonded.checks.plugin_host",)
OLDEST = (3, 11)
_ASK = (
    "import sys, json, sysconfig as s; print(json.dumps([sys.version_info[:2], sys.base_prefix, s.get_path('stdlib')]))"
)


class BadInterpreter(ValueError):
    """It cannot run plug-ins; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python executable, and the folders that it and its libraries are in."""

    python: Path
    folders: tuple[Path, ...]


def look(python: Path) -> Interpreter:
    """The interpreter `python`: an executable, or the folder of a virtual environment. Raises BadInterpreter."""
    program = python / "bin" / "python" if python.is_dir() else python
    try:
        # -S: no .pth file of the environment is run here, outside the sandbox
        words = [str(program), "-I", "-S", "-c", _ASK]
        done = subprocess.run(words, capture_output=True, timeout=20, check=True, env={"PATH": os.defpath})
        version, base, library = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise BadInterpreter(f"{python} is no Python that works: {_sentence(error)}") from None
    if tuple(version) < OLDEST:
        found, wanted = (".".join(map(str, one)) for one in (version, OLDEST))
        raise BadInterpreter(f"{python} is Python {found}; plug-ins need {wanted} or later")
    own = Path(os.path.abspath(program)).parent.parent  # noqa: PTH100 - resolve() would leave the virtual environment
    return Interpreter(program, (own, Path(base), Path(library), program.resolve().parent.parent))


def _sentence(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        return (lines[-1] if lines else f"exit status {error.returncode}")[:300]
    return str(error)[:300]


def _command(interpreter: Interpreter, control: int, means: str, folders: Sequence[Path]) -> list[str]:
    """The fork server in that interpreter, with our package and nothing beside it put where it can be imported. Where Landlock
    says what may be read, that is what can be imported, so the `folders` of checks stand there too."""
    ours = str(Path(bonded.__path__[0]))
    program = (
        f"import sys, importlib.util as u; sys.path += {[str(one) for one in folders]!r}; "
        f"s = u.spec_from_file_location('bonded', {ours + '/__init__.py'!r}, submodule_search_locations=[{ours!r}]); "
        "m = sys.modules['bonded'] = u.module_from_spec(s); s.loader.exec_module(m); "
        f"from bonded.adapters import sandbox_landlock; sandbox_landlock.SYSTEM += ({ours!r},); "
        "from bonded.adapters.sandbox_server import main; main(sys.argv[1:])"
    )
    return [str(interpreter.python), "-I", "-B", "-c", program, str(control), means, *PRELOAD]


class PluginBubblewrap(BubblewrapSandbox):
    """Namespaces in which only the interpreter, its libraries, our code and `folders` are."""

    def __init__(self, interpreter: Interpreter, folders: Sequence[Path]) -> None:
        super().__init__(preload=PRELOAD)
        self._interpreter, self._seen = interpreter, tuple(folders)

    def python(self, control: int) -> list[str]:
        return _command(self._interpreter, control, self.means(), ())

    def _folders(self) -> list[str]:
        every = dict.fromkeys(map(str, (Path(bonded.__path__[0]), *self._interpreter.folders, *self._seen)))
        return [path for path in every if Path(path).is_dir() and path != "/" and not f"{path}/".startswith("/usr/")]


class PluginRlimits(RlimitsSandbox):
    """Limits, Landlock and the filter of system calls, as far as the kernel has them, where namespaces do not work."""

    def __init__(self, interpreter: Interpreter, folders: Sequence[Path]) -> None:
        super().__init__(preload=PRELOAD)
        self._interpreter, self._seen = interpreter, tuple(folders)

    def python(self, control: int) -> list[str]:
        return _command(self._interpreter, control, self.means(), self._seen)


def plugin_sandbox(like: Sandbox, python: Path, folders: Sequence[Path] = ()) -> Sandbox:
    """A sandbox of the same level as `like`, in the interpreter `python`. Raises BadInterpreter."""
    interpreter = look(python)
    if isinstance(like, BubblewrapSandbox):
        return PluginBubblewrap(interpreter, folders)
    return PluginRlimits(interpreter, folders)
