"""Making distributions and upload forms for tests, right ones and ones with a single thing wrong."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import tarfile
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Received, Receiver

MOMENT = (2026, 1, 5, 12, 0, 0)


def metadata(name: str, version: str, *lines: str, age: str = "2.4", description: str = "Made for a test.\n") -> bytes:
    """METADATA or PKG-INFO with further header lines."""
    head = [f"Metadata-Version: {age}", f"Name: {name}", f"Version: {version}", "Summary: a test", *lines]
    return ("\n".join(head) + "\n\n" + description).encode()


def digest(data: bytes, algorithm: str = "sha256") -> str:
    """A digest as RECORD has it."""
    raw = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def record(files: Iterable[tuple[str, bytes]], own: str, algorithm: str = "sha256") -> bytes:
    """The RECORD of `files`, its own line included."""
    lines = [f"{path},{digest(data, algorithm)},{len(data)}" for path, data in files if not path.endswith("/")]
    return ("\n".join([*lines, f"{own},,"]) + "\n").encode()


def wheel_files(
    name: str = "sample",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    files: dict[str, bytes] | None = None,
    meta: bytes | None = None,
    wheel: bytes | None = None,
    replace: dict[str, bytes | None] | None = None,
) -> list[tuple[str, bytes]]:
    """The members of a right wheel; `replace` exchanges members, or drops them with None, after RECORD was made."""
    module = re.sub(r"[-.]+", "_", name).lower()
    info = f"{module}-{version}.dist-info"
    first, second, third = tag.split("-")
    tags = [f"{a}-{b}-{c}" for a in first.split(".") for b in second.split(".") for c in third.split(".")]
    if wheel is None:
        wheel = "".join(["Wheel-Version: 1.0\nRoot-Is-Purelib: true\n", *(f"Tag: {t}\n" for t in tags)]).encode()
    members = [
        *(files if files is not None else {f"{module}/__init__.py": b"x = 1\n"}).items(),
        (f"{info}/METADATA", meta if meta is not None else metadata(name, version)),
        (f"{info}/WHEEL", wheel),
    ]
    members.append((f"{info}/RECORD", record(members, f"{info}/RECORD")))
    changed = dict(members) | (replace or {})
    return [(path, data) for path, data in changed.items() if data is not None]


def zipped(
    files: Iterable[tuple[str, bytes]], *, method: int = zipfile.ZIP_DEFLATED, force_zip64: bool = False
) -> bytes:
    """A zip archive as build tools write it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path, data in files:
            info = zipfile.ZipInfo(path, MOMENT)
            info.compress_type = method
            info.external_attr = (0o40755 << 16 | 0x10) if path.endswith("/") else 0o100644 << 16
            with archive.open(info, "w", force_zip64=force_zip64) as member:
                member.write(data)
    return buffer.getvalue()


def make_wheel(name: str = "sample", version: str = "1.0", **more: Any) -> tuple[str, bytes]:
    """(file name, bytes) of a right wheel; `more` as for `wheel_files`."""
    module = re.sub(r"[-.]+", "_", name).lower()
    filename = f"{module}-{version}-{more.get('tag', 'py3-none-any')}.whl"
    return filename, zipped(wheel_files(name, version, **more))


def tarred(members: Iterable[tuple[str, bytes] | tarfile.TarInfo], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A gzip-compressed tar archive; give TarInfo for links and other odd members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            path, data = member
            info = tarfile.TarInfo(path.rstrip("/"))
            info.mode = 0o644
            if path.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), 6, mtime=0)


def sdist_files(name: str = "sample", version: str = "1.0", *, meta: bytes | None = None) -> list[tuple[str, bytes]]:
    """The members of a right source distribution."""
    top = f"{re.sub(r'[-.]+', '_', name).lower()}-{version}"
    return [
        (f"{top}/", b""),
        (f"{top}/PKG-INFO", meta if meta is not None else metadata(name, version)),
        (f"{top}/pyproject.toml", b'[build-system]\nrequires = ["hatchling"]\n'),
        (f"{top}/sample.py", b"x = 1\n"),
    ]


def make_sdist(name: str = "sample", version: str = "1.0", **more: Any) -> tuple[str, bytes]:
    """(file name, bytes) of a right source distribution."""
    top = f"{re.sub(r'[-.]+', '_', name).lower()}-{version}"
    return f"{top}.tar.gz", tarred(sdist_files(name, version, **more))


def form_fields(filename: str, data: bytes, name: str, version: str) -> list[tuple[str, str]]:
    """The fields that twine sends."""
    wheel = filename.endswith(".whl")
    return [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("name", name),
        ("version", version),
        ("filetype", "bdist_wheel" if wheel else "sdist"),
        ("pyversion", "py3" if wheel else "source"),
        ("metadata_version", "2.4"),
        ("md5_digest", hashlib.md5(data).hexdigest()),
        ("sha256_digest", hashlib.sha256(data).hexdigest()),
        ("blake2_256_digest", hashlib.blake2b(data, digest_size=32).hexdigest()),
    ]


def body(fields: Iterable[tuple[str, str]], filename: str, data: bytes, *, part: str = "content") -> tuple[str, bytes]:
    """(content type, body) of the form."""
    boundary = uuid.uuid4().hex
    out = io.BytesIO()
    for key, value in fields:
        out.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode())
    out.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="{filename}"\r\n'.encode())
    out.write(b"Content-Type: application/octet-stream\r\n\r\n" + data + f"\r\n--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", out.getvalue()


def receive(
    spool: Path,
    filename: str,
    data: bytes,
    *,
    name: str = "sample",
    version: str = "1.0",
    change: dict[str, str | None] | None = None,
    more: Iterable[tuple[str, str]] = (),
    limits: UploadLimits | None = None,
    chunk: int = 65536,
) -> Received:
    """Send the upload through a Receiver in pieces; `change` replaces fields, or drops them with None."""
    fields = dict(form_fields(filename, data, name, version)) | (change or {})
    sent = [(key, value) for key, value in fields.items() if value is not None]
    content_type, raw = body([*sent, *more], filename, data)
    receiver = Receiver(limits or UploadLimits(), spool, content_type)
    for at in range(0, len(raw), chunk):
        receiver.feed(raw[at : at + chunk])
    return receiver.finish()
