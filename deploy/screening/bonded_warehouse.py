"""A receiver of Bonded's webhooks that hands verdicts of `reject` to the observation API of a Warehouse.

Whatever follows Warehouse's list of changes submits new archives to Bonded by their address; Bonded tells this program of each
verdict, and it makes an observation of the kind `is_malware`, which a person at the other index then judges. It refuses what is
not signed, too old, or was here before. Settings by environment: BONDED_WEBHOOK_SECRET, WAREHOUSE_URL, WAREHOUSE_TOKEN, and
INSPECTOR_URL, the address of Warehouse's viewer of sources, which its API asks for. Run: `python bonded_warehouse.py PORT`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OLDEST = 300
"""Seconds that a delivery may be old; Bonded signs each attempt anew."""
REMEMBERED = 100_000
MEDIA = "application/vnd.pypi.api-v0-danger+json"

seen: OrderedDict[str, None] = OrderedDict()
"""Ids of deliveries that were taken; several processes keep them in a database instead."""


def genuine(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    """Whether Bonded sent this lately. Compares in constant time, and accepts either secret of a rotation."""
    stamp, number = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > OLDEST:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{number}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(signed).decode()
    return any(hmac.compare_digest(one, wanted) for one in headers.get("webhook-signature", "").split(" "))


def observation(data: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
    """(project, body of the observation) for a verdict of reject; None for what needs none."""
    if data.get("verdict") != "reject":
        return None
    name, version = named(str(data["filename"]))
    first = data["result"]["findings"][0] if data["result"]["findings"] else {"message": "", "path": "", "line": 0}
    where = f"{os.environ['INSPECTOR_URL'].rstrip('/')}/project/{name}/{version}/"
    summary = f"{data['filename']} (sha256 {data['sha256']}): {first['message']}, {first['path']} line {first['line']}"
    return name, {"kind": "is_malware", "summary": summary, "inspector_url": where}


def named(filename: str) -> tuple[str, str]:
    """Project and version of a wheel or source distribution."""
    stem = re.sub(r"\.(whl|tar\.gz|zip)$", "", filename)
    parts = stem.split("-")[:2] if filename.endswith(".whl") else stem.rsplit("-", 1)
    return re.sub(r"[-_.]+", "-", parts[0]).lower(), parts[1] if len(parts) > 1 else ""


def observe(project: str, body: Mapping[str, str]) -> None:
    """Make the observation. Raises urllib.error.HTTPError: then Bonded tries the delivery again."""
    url = f"{os.environ['WAREHOUSE_URL'].rstrip('/')}/danger-api/projects/{project}/observations"
    headers = {"Authorization": f"Bearer {os.environ['WAREHOUSE_TOKEN']}", "Content-Type": MEDIA, "Accept": MEDIA}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
    urllib.request.urlopen(request, timeout=8).close()  # noqa: S310


class Receiver(BaseHTTPRequestHandler):
    """Takes deliveries: 204 when done, 401 for what is not Bonded's, 502 where Warehouse did not take it."""

    def do_POST(self) -> None:
        """One delivery."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 5_000_000))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(taken(headers, body, time.time()))
        self.send_header("Content-Length", "0")
        self.end_headers()


def taken(headers: Mapping[str, str], body: bytes, now: float) -> int:
    """The status to answer with."""
    if not genuine(headers, body, os.environ["BONDED_WEBHOOK_SECRET"], now):
        return 401
    if headers["webhook-id"] in seen:
        return 204
    told = json.loads(body)
    wanted = observation(told["data"]) if told["type"] == "submission.judged" else None
    try:
        if wanted is not None:
            observe(*wanted)
    except OSError:  # HTTPError is one
        return 502
    seen[headers["webhook-id"]] = None
    while len(seen) > REMEMBERED:
        seen.popitem(last=False)
    return 204


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
