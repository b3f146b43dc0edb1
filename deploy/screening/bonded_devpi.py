"""A plug-in of devpi-server that has every upload screened by a Bonded index and writes the verdict into a file.

Install it beside devpi-server under the entry point `devpi_server` (name `bonded`), and set BONDED_URL, BONDED_TOKEN (a token
with the permission `screen`) and BONDED_VERDICTS, a file to which one JSON line is added for each archive. devpi calls the hook
after its transaction and may call it again: the same bytes are the same submission. Needs nothing but Python's own library.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

try:
    from pluggy import HookimplMarker

    hookimpl: Any = HookimplMarker("devpiserver")
except ImportError:  # to try the functions below without devpi

    def hookimpl(call: Any) -> Any:
        """Nothing to mark."""
        return call


WAIT = 300.0
"""Seconds until a verdict is given up."""


@hookimpl
def devpiserver_on_upload(stage: Any, project: str, version: str, link: Any) -> None:
    """Called by devpi-server once an upload is committed."""
    if not link.entry.file_exists():
        return
    told = screened(link.basename, link.entry.file_get_content())
    line = {name: told[name] for name in ("filename", "sha256", "state", "verdict", "location")}
    with Path(os.environ["BONDED_VERDICTS"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"index": stage.name, "project": project, "version": version} | line) + "\n")


def screened(filename: str, data: bytes) -> dict[str, Any]:
    """Submit an archive and wait for its verdict; what the API says of it."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    told = ask(os.environ["BONDED_URL"].rstrip("/") + "/api/screenings/", body, kind)
    end = time.monotonic() + WAIT
    while told["state"] == "queued" and time.monotonic() < end:
        time.sleep(1)
        told = ask(told["location"])
    return told


def ask(url: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
    """GET, or POST where there is a body. Raises urllib.error.HTTPError for refusals: devpi logs it and goes on."""
    headers = {"Authorization": f"Bearer {os.environ['BONDED_TOKEN']}", "Accept": "application/json"}
    request = urllib.request.Request(url, body, headers | ({"Content-Type": kind} if kind else {}))  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
        return dict(json.load(reply))
