"""Small wheels that real installers accept, made here so that nothing is built or fetched."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass

STAMP = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Wheel:
    """A wheel and the METADATA in it."""

    filename: str
    data: bytes
    metadata: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def wheel(name: str, version: str = "1.0", *, requires: tuple[str, ...] = (), filler: bytes = b"") -> Wheel:
    """A wheel of one module. `filler` is stored in it as it is, to make it large."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *[f"Requires-Dist: {r}" for r in requires],
    ]
    metadata = ("\n".join(lines) + "\n").encode()
    members = {
        f"{module}/__init__.py": f'__version__ = "{version}"\n'.encode(),
        **({f"{module}/filler.bin": filler} if filler else {}),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, STAMP), data)
    return Wheel(f"{module}-{version}-py3-none-any.whl", out.getvalue(), metadata)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
