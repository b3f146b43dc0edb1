"""The Python that packages are for: its markers (PEP 508), its wheel tags, and the folders of its packages."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import packaging
from packaging.tags import Tag, parse_tag

from bonded_client.failures import Failure

_SECONDS = 60.0
_PROGRAM = Path(__file__).with_name("asked_python.py")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`environment`: values of markers, by name. `tags`: best first. `paths`: folders in which it looks for packages."""

    environment: dict[str, str]
    tags: tuple[Tag, ...]
    paths: tuple[str, ...]

    @property
    def version(self) -> str:
        """As `python_full_version` has it: 3.11.7."""
        return self.environment["python_full_version"]


def ask(python: Path) -> Interpreter:
    """What the interpreter at `python` (a program, or the folder of a virtual environment) says of itself.

    Nothing of its packages is run, but what its own start runs. Raises Failure (python-unusable).
    """
    program = python / "bin/python" if python.is_dir() else python
    folder = Path(packaging.__file__).parents[1]
    try:
        done = subprocess.run(
            [str(program), "-c", _PROGRAM.read_text("utf-8"), str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else f"it did not answer within {_SECONDS:.0f} s"
        raise Failure("python-unusable", f"The Python {python} cannot be asked what it is: {why}.") from error
    try:
        said = json.loads(done.stdout.strip().rpartition(b"\n")[2])  # a start of its own may say something before
        tags = tuple(tag for text in said["tags"] for tag in parse_tag(text))
        return Interpreter(dict(said["environment"]), tags, tuple(said["paths"]))
    except (ValueError, KeyError, TypeError) as error:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or f"it ended with {done.returncode}"
        raise Failure("python-unusable", f"The Python {python} cannot be asked what it is: {last}.") from error
