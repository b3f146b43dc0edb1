"""How long from an upload's answer until python-tuf verifies the file (figure F4).

    bench/visible.py [--seconds N] [--rate N] [--quick]

A fresh data directory, the real `bonded serve` on embedded defaults, one uploader at a steady rate, screening included. A
returning python-tuf client asks in a loop of its own: refresh, then look the new files up. What it needs for one round is
part of the figure, as it is for any client.
"""

from __future__ import annotations

import argparse
import http.client
import queue
import secrets
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tuf.ngclient.updater import Updater

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import Server, memory_mb, row, serving, with_person
from bench.upload import Wheel, form, headers_of, wheels

VAR = Path(__file__).resolve().parent.parent / "var"
PAUSE = 0.02
AIMS = {"p50": 0.7, "p99": 2.0}

Answered = queue.Queue[tuple[str, float] | None]
"""(target path, when its upload was answered), then None."""


def send(server: Server, token: str, some: list[Wheel], rate: float, answered: Answered) -> None:
    """Upload `some` at `rate` per second; a late one does not delay the next."""
    headers = headers_of(token)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    began = time.perf_counter()
    for turn, one in enumerate(some):
        time.sleep(max(0.0, began + turn / rate - time.perf_counter()))
        connection.request("POST", "/legacy/", form(one), headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise SystemExit(f"an upload was refused: {reply.status} {text[:300]!r}")
        answered.put((f"packages/{one.name}/{one.filename}", time.perf_counter()))
    answered.put(None)
    connection.close()


def look(server: Server, root: bytes, folder: Path, answered: Answered) -> list[float]:
    """Seconds from each answer until python-tuf had verified metadata that name the file."""
    for name in ("metadata", "targets"):
        (folder / name).mkdir(parents=True)
    waiting: dict[str, float] = {}
    found: list[float] = []
    more = True
    while more or waiting:
        while not answered.empty():
            item = answered.get()
            more = item is not None
            waiting.update([item] if item else [])
        base = f"http://127.0.0.1:{server.port}/"
        client = Updater(str(folder / "metadata"), f"{base}metadata/", str(folder / "targets"), base, bootstrap=root)
        client.refresh()
        for path in list(waiting):
            if client.get_targetinfo(path) is None:
                break  # later uploads are not there before earlier ones: ask again
            found.append(time.perf_counter() - waiting.pop(path))
        time.sleep(PAUSE)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--quick", action="store_true", help="20 seconds")
    args = parser.parse_args()
    seconds = 20 if args.quick else args.seconds
    VAR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=VAR) as where:
        folder = Path(where)
        token = with_person(folder / "data")
        some = wheels(int(seconds * args.rate), secrets.token_hex(3))
        with serving(folder / "data") as server:
            answered: Answered = queue.Queue()
            sender = threading.Thread(target=send, args=(server, token, some, args.rate, answered), daemon=True)
            sender.start()
            root = (folder / "data/keys/root.json").read_bytes()
            found = sorted(look(server, root, folder / "client", answered))
            rss = memory_mb(server.pid)
    params = {"uploads": len(found), "rate": args.rate, "client": "python-tuf, returning"}
    at = {"p50": statistics.median(found), "p99": found[min(len(found) - 1, int(len(found) * 0.99))]}
    for name, aim in AIMS.items():
        row(f"visible.{name}", params, at[name], "s", "limit", aim, "lower", rss)


if __name__ == "__main__":
    main()
