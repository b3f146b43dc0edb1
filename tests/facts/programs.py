"""Reading one program, as the tests of the interpreter need it."""

from __future__ import annotations

import io
import tarfile
import zipfile

from bonded.facts.model import Call, Facts
from bonded.facts.read import read


def wheel(**members: str | bytes) -> Facts:
    """Facts of a wheel; keys are paths with `__` for "/" and the end `.py` left out unless there is a "."."""
    return wheel_of({_path(key): value for key, value in members.items()})


def wheel_of(members: dict[str, str | bytes], name: str = "sample-1.0-py3-none-any.whl") -> Facts:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    buffer.seek(0)
    return read(buffer, name)


def sdist_of(members: dict[str, str | bytes]) -> Facts:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, data in members.items():
            raw = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(f"sample-1.0/{path}")
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    buffer.seek(0)
    return read(buffer, "sample-1.0.tar.gz")


def _path(key: str) -> str:
    path = key.replace("__", "/")
    return path if "." in path else f"{path}.py"


def calls(source: str, name: str | None = None) -> list[Call]:
    """Calls in a package whose `__init__.py` is `source`, or those of one name."""
    facts = wheel_of({"sample/__init__.py": source})
    found = [call for module in facts.modules for call in module.calls]
    return [call for call in found if name is None or call.name == name]


def run_of(source: str) -> Call:
    """The one call of `exec`."""
    found = calls(source, "builtins.exec")
    assert len(found) == 1, found
    return found[0]


def text(source: str) -> str | None:
    """What the one `exec` is given, folded."""
    return run_of(source).arguments[0].text


def labels(source: str) -> set[str]:
    """Labels of what the one `exec` is given."""
    return set(run_of(source).arguments[0].labels)
