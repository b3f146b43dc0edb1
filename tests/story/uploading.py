"""An upload as twine sends it, byte by byte under the test's control: for what no real client can be made to do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import urllib.parse
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.story.running import RunningIndex

BOUNDARY = "bonded-test-boundary"


@dataclass(frozen=True)
class Answer:
    """What the index answered; status 0 when the connection was cut by us."""

    status: int
    reason: str
    body: str
    headers: dict[str, str]


def form(path: Path) -> bytes:
    """The body of an upload of the wheel at `path`."""
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        text = archive.read(next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))).decode()
    metadata = dict(line.split(": ", 1) for line in text.split("\n\n")[0].splitlines())
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "metadata_version": metadata["Metadata-Version"],
        "name": metadata["Name"],
        "version": metadata["Version"],
        "summary": metadata["Summary"],
        "sha256_digest": hashlib.sha256(data).hexdigest(),
    }
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="{path.name}"\r\n\r\n'.encode()
    return b"".join([*parts, head, data, f"\r\n--{BOUNDARY}--\r\n".encode()])


def upload(index: RunningIndex, token: str, path: Path, *, cut_after: int | None = None) -> Answer:
    """Upload; with `cut_after`, send only that many bytes of the body and close the connection."""
    where = urllib.parse.urlsplit(index.url)
    body = form(path)
    secret = base64.b64encode(f"__token__:{token}".encode()).decode()
    headers = {
        "Authorization": f"Basic {secret}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(body)),
        "Accept": "application/json",
    }
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/legacy/", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body if cut_after is None else body[:cut_after])
        if cut_after is not None:
            return Answer(0, "", "", {})
        reply = connection.getresponse()
        return Answer(reply.status, reply.reason, reply.read().decode(), {k.lower(): v for k, v in reply.getheaders()})
