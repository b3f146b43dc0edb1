"""What the demonstration asks of python-tuf's own client, unmodified."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.ngclient import Updater


def updater(url: str, root: Path, place: Path) -> Updater:
    """A fresh client of the index at `url` that trusts `root` and keeps its state under `place`."""
    (place / "metadata").mkdir(parents=True, exist_ok=True)
    (place / "targets").mkdir(parents=True, exist_ok=True)
    return Updater(
        str(place / "metadata"), url + "metadata/", target_dir=str(place / "targets"), target_base_url=url, bootstrap=root.read_bytes()
    )  # fmt: skip


def targets_of(url: str, root: Path, place: Path, paths: list[str]) -> list[str]:
    """Those of `paths` that signed metadata names; each is downloaded and verified."""
    client = updater(url, root, place)
    client.refresh()
    found = []
    for path in paths:
        info = client.get_targetinfo(path)
        if info is not None:
            client.download_target(info)
            found.append(path)
    return found


def flipped_byte_is_refused(url: str, root: Path, place: Path, path: str) -> str:
    """Download `path` through a proxy that changes one byte of packages. What the client says; "" if it took the bytes."""

    class Flip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                with urllib.request.urlopen(url.rstrip("/") + self.path) as reply:
                    body = bytearray(reply.read())
            except urllib.error.HTTPError as error:
                self.send_error(error.code)
                return
            if self.path.startswith("/packages/"):
                body[len(body) // 2] ^= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Flip)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        client = updater(f"http://127.0.0.1:{proxy.server_port}/", root, place)
        client.refresh()
        info = client.get_targetinfo(path)
        assert info is not None, "the file must be found for its bytes to be refused"
        client.download_target(info)
    except RepositoryError as error:
        return f"{type(error).__name__}: {str(error)[:60]}"
    finally:
        proxy.shutdown()
    return ""
