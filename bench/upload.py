"""How many uploads are accepted, and what the server costs at rest (figures I5 and I7).

    bench/upload.py [--peer PATH] [--uploads N] [--rounds N] [--quick]

A fresh data directory, the real `bonded serve`, one client on one connection that speaks as twine does; all checks, the
journal, the job row and fsync included, screening not waited for. The floor, measured between the rounds on the same disk:
three hashes, METADATA read, write, fsync, rename, fsync of the folder, one durable SQLite commit, with no server at all.
With --peer, that program's own floor and its own client (`floor`, and `run` with the phase "upload") are used as well.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import http.client
import io
import json
import os
import random
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.server import Server, memory_mb, row, serving, with_person

SIZES = (4, 8, 12, 16, 20, 28, 40, 60, 90, 150, 300, 900)
"""Payloads in KB: about the twelve-quantiles of popular pure wheels."""
BOUNDARY = "bonded-bench-boundary"


@dataclass(frozen=True)
class Wheel:
    """One wheel and what a client says of it."""

    name: str
    version: str
    filename: str
    data: bytes
    metadata: bytes


def wheels(count: int, seed: str) -> list[Wheel]:
    """`count` valid wheels, five releases to a project."""
    rng = random.Random(seed)
    return [_wheel(f"up-{seed}-{n // 5:03d}", f"1.{n % 5}.0", SIZES[n % len(SIZES)] * 1024, rng) for n in range(count)]


def _wheel(name: str, version: str, size: int, rng: random.Random) -> Wheel:
    return wheel_of(
        name, version, {"__init__.py": f"__version__ = {version!r}\n".encode(), "data.bin": rng.randbytes(size)}
    )


def wheel_of(name: str, version: str, files: dict[str, bytes]) -> Wheel:
    """A valid wheel of one package that holds `files`."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: of the benchmark\nRequires-Python: >=3.8\n\n"
    members = {f"{module}/{path}": data for path, data in files.items()} | {
        f"{info}/METADATA": (metadata + "Words. " * 500).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: bench 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    members[f"{info}/RECORD"] = recorded(members, info)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return Wheel(name, version, f"{module}-{version}-py3-none-any.whl", out.getvalue(), members[f"{info}/METADATA"])


def recorded(members: dict[str, bytes], info: str) -> bytes:
    """The RECORD of a wheel with `members`, by path; `info` is its .dist-info folder."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerows((path, f"sha256={_b64(data)}", len(data)) for path, data in members.items())
    rows.writerow((f"{info}/RECORD", "", ""))
    return out.getvalue().encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def form(one: Wheel) -> bytes:
    """The body that twine sends."""
    fields = {
        ":action": "file_upload", "protocol_version": "1", "filetype": "bdist_wheel", "pyversion": "py3",
        "metadata_version": "2.1", "name": one.name, "version": one.version, "summary": "of the benchmark",
        "requires_python": ">=3.8", "description": one.metadata.partition(b"\n\n")[2].decode(),
        "md5_digest": hashlib.md5(one.data).hexdigest(), "sha256_digest": hashlib.sha256(one.data).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(one.data, digest_size=32).hexdigest(),
    }  # fmt: skip
    out = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
    )
    out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="{one.filename}"\r\n\r\n'
    return out.encode() + one.data + f"\r\n--{BOUNDARY}--\r\n".encode()


def headers_of(token: str) -> dict[str, str]:
    """Of an upload with this token."""
    login = base64.b64encode(f"__token__:{token}".encode()).decode()
    return {"Authorization": f"Basic {login}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def upload(port: int, token: str, some: list[Wheel]) -> float:
    """Uploads per second of one client. Exits with the server's words when one is refused."""
    headers = headers_of(token) | {"User-Agent": "twine/6.0.0"}
    bodies = [form(one) for one in some]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.perf_counter()
    for body in bodies:
        connection.request("POST", "/legacy/", body, headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise SystemExit(f"an upload was refused: {reply.status} {reply.reason} {text[:300]!r}")
    taken = time.perf_counter() - began
    connection.close()
    return len(some) / taken


def floor(folder: Path, some: list[Wheel]) -> float:
    """Per second, what any index has to do at least, with no server."""
    folder.mkdir()
    database = sqlite3.connect(folder / "floor.db", isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=FULL")
    database.execute("create table f(filename primary key, sha256, blake2, size, metadata)")
    handle = os.open(folder, os.O_RDONLY)
    began = time.perf_counter()
    for one in some:
        digests = [
            hashlib.md5(one.data).hexdigest(),
            hashlib.sha256(one.data).hexdigest(),
            hashlib.blake2b(one.data, digest_size=32).hexdigest(),
        ]
        with zipfile.ZipFile(io.BytesIO(one.data)) as archive:
            metadata = archive.read(next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA")))
        part = folder / (one.filename + ".part")
        with part.open("wb") as stream:
            stream.write(one.data)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(folder / one.filename)
        os.fsync(handle)
        database.execute("begin immediate")
        database.execute(
            "insert into f values(?,?,?,?,?)", (one.filename, digests[1], digests[2], len(one.data), metadata)
        )
        database.execute("commit")
    taken = time.perf_counter() - began
    os.close(handle)
    database.close()
    return len(some) / taken


def measure(server: Server, token: str, folder: Path, rounds: int, count: int) -> None:
    """Interleaved rounds; prints the row of I5."""
    ours, theirs = [], []
    upload(
        server.port, token, wheels(20, secrets.token_hex(3))
    )  # caches and connections, on both sides of the first round
    for turn in range(rounds):
        some = wheels(count, secrets.token_hex(3))
        for side in (0, 1) if turn % 2 else (1, 0):
            if side:
                theirs.append(floor(folder / f"floor{turn}", some))
            else:
                ours.append(upload(server.port, token, some))
        print(
            f"# round {turn + 1} of {rounds}: {ours[-1]:.0f}/s, floor {theirs[-1]:.0f}/s", file=sys.stderr, flush=True
        )
    params = {"uploads": count, "rounds": rounds, "clients": 1}
    row(
        "upload.accepted",
        params,
        statistics.median(ours),
        "uploads/s",
        "limit",
        statistics.median(theirs),
        "higher",
        memory_mb(server.pid),
    )


def by_peer(peer: str, server: Server, token: str, folder: Path, count: int) -> None:
    """The peer program's client against our server, and its floor."""
    words = [sys.executable, peer, "floor", "--dir", str(folder), "--uploads", str(count)]
    least = json.loads(subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout)["durable_per_s"]
    rate = _by_peers_client(peer, server, token, count)
    params = {"load_by": Path(peer).name, "uploads": count, "clients": 1, "of": "durable floor"}
    row("upload.accepted", params, rate, "uploads/s", "peer", least, "higher", memory_mb(server.pid))


def _by_peers_client(peer: str, server: Server, token: str, count: int) -> float:
    sys.path.insert(0, str(Path(peer).resolve().parent))
    module = __import__(Path(peer).stem)
    client = module.Uploader(f"http://127.0.0.1:{server.port}/legacy/", "__token__", token)
    some = module.fresh_uploads(count)
    began = time.perf_counter()
    for one in some:
        status, text = client.post(*one)
        if status != 200:
            raise SystemExit(f"an upload was refused: {status} {text}")
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default="", help="a program with a floor and a client (shared/bench/index_peer.py)")
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    a = parser.parse_args()
    rounds, count = (2, 60) if a.quick else (a.rounds, a.uploads)
    with tempfile.TemporaryDirectory(prefix="bonded-bench-") as temporary:
        folder = Path(temporary)
        token = with_person(folder / "data")
        with serving(folder / "data") as server:
            time.sleep(1)
            rest = memory_mb(server.pid)
            row("serve.start", {}, server.started, "s", "limit", 3.0, "lower", rest)
            row("serve.idle_memory", {"processes": "all"}, rest, "MB", "limit", 300.0, "lower", rest)
            measure(server, token, folder, rounds, count)
            if a.peer:
                by_peer(a.peer, server, token, folder, count)


if __name__ == "__main__":
    main()
