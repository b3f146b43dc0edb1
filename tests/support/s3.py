"""A real S3 server (moto), and buckets in it."""

from __future__ import annotations

import secrets
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from bonded.adapters.storage_s3 import S3Storage
from tests.story import clients
from tests.support.ports import reserved

KEYS = {"access_key": "test", "secret_key": "test"}


@contextmanager
def running_s3() -> Iterator[str]:
    """The address of moto, in an environment of its own: what it needs slows every import of TUF's signers."""
    with reserved() as port:
        command = [clients.environment("moto") / "bin/moto_server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url)
            yield url
        finally:
            server.kill()
            server.wait()


def _wait_for(url: str) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < end, "moto did not start"
            time.sleep(0.1)


def bucket(endpoint: str, prefix: str = "some/prefix") -> S3Storage:
    """A new, empty one."""
    name = f"b{secrets.token_hex(8)}"
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")).close()
    return S3Storage(name, prefix, endpoint=endpoint, allow_http=True, **KEYS)
