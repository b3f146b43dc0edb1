"""The attacks of PEP 458, each made by the server or by whoever stands between, each refused with its own code.

Every test first shows that the same client is content without the attack, then that nothing is left behind with it.
"""

from __future__ import annotations

import json
import time
import zlib
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import zstandard
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile

from tests.client.conftest import WHEEL, Ran, Run
from tests.client.later import later
from tests.client.repository import Repository
from tests.client.server import Served, answer

PACKAGE = f"packages/example/{WHEEL}"


def refused(ran: Ran, code: str, status: int, dest: Path) -> None:
    """One sentence with its code, its exit status, and no file."""
    assert (ran.status, ran.err.splitlines()[-1].endswith(f"[{code}]")) == (status, True), ran
    assert ran.out == ""
    assert not dest.exists() or not list(dest.iterdir())


def page_name(repository: Repository) -> str:
    """Where TUF clients find the page of the project."""
    return next(path for path in repository.store if path.startswith("simple/") and path.count(".") == 2)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_flipped_byte_in_the_package(run: Run, repository: Repository, dest: Path) -> None:
    assert run("download", "example", "--dest", dest.parent / "before").status == 0
    repository.store[PACKAGE] = flip(repository.store[PACKAGE], 7)
    refused(run("download", "example", "--dest", dest), "altered", 6, dest)


def test_a_flipped_byte_in_the_page(run: Run, repository: Repository, dest: Path) -> None:
    name = page_name(repository)
    repository.store[name] = repository.store[name].replace(b"example-1.0", b"example-1.1")
    refused(run("download", "example", "--dest", dest), "altered", 6, dest)


@pytest.mark.parametrize("role", ["timestamp", "1.targets", "1.pages"])
def test_a_flipped_byte_in_metadata(run: Run, repository: Repository, dest: Path, role: str) -> None:
    name = f"metadata/{role}.json"
    document = json.loads(repository.store[name])
    document["signed"]["spec_version"] = "1.0.99"
    repository.store[name] = json.dumps(document).encode()
    refused(run("download", "example", "--dest", dest), "bad-signature", 6, dest)


def test_a_flipped_byte_in_the_snapshot(run: Run, repository: Repository, dest: Path) -> None:
    name = f"metadata/{repository.version}.snapshot.json"
    repository.store[name] = flip(repository.store[name], 100)
    refused(run("download", "example", "--dest", dest), "altered", 6, dest)


def test_another_key(run: Run, repository: Repository, dest: Path) -> None:
    repository.online = CryptoSigner.generate_ed25519()
    repository.project("example", {WHEEL: b"malicious"})
    refused(run("download", "example", "--dest", dest), "bad-signature", 6, dest)


def test_a_root_that_the_trusted_one_did_not_sign(run: Run, repository: Repository, dest: Path) -> None:
    stranger = CryptoSigner.generate_ed25519()
    repository.root.add_key(stranger.public_key, "root")
    repository.root.revoke_key(repository.root_signer.public_key.keyid, "root")
    repository.sign_root(stranger)
    refused(run("download", "example", "--dest", dest), "bad-signature", 6, dest)


def test_freeze(run: Run, repository: Repository, dest: Path) -> None:
    repository.lifetime = timedelta(days=-1)
    repository.project("example", {WHEEL: b"held back"})
    refused(run("download", "example", "--dest", dest), "expired", 7, dest)


def test_rollback_by_timestamp_and_snapshot(run: Run, repository: Repository, dest: Path) -> None:
    """A newer, signed timestamp that points to an older snapshot: only a key or its holder can make it."""
    old = repository.version
    repository.project("example", {"example-2.0.tar.gz": b"fixed"})
    assert run("download", "example", "--dest", dest.parent / "before").status == 0
    timestamp = Metadata.from_bytes(repository.store["metadata/timestamp.json"])
    timestamp.signed.version += 1
    timestamp.signed.snapshot_meta = MetaFile(old)
    timestamp.sign(repository.online)
    repository.store["metadata/timestamp.json"] = timestamp.to_bytes()
    refused(run("download", "example", "--dest", dest), "rollback", 6, dest)


def test_an_older_but_valid_timestamp_is_no_news(run: Run, repository: Repository, dest: Path) -> None:
    """Two caches one version apart: the state already trusted is used until it expires."""
    older = repository.store["metadata/timestamp.json"]
    repository.project("example", {"example-2.0.tar.gz": b"newer"})
    assert run("download", "example", "--dest", dest.parent / "before").status == 0
    repository.store["metadata/timestamp.json"] = older
    assert run("download", "example", "--dest", dest).status == 0
    assert [path.name for path in dest.iterdir()] == ["example-2.0.tar.gz"]


def test_an_older_timestamp_is_a_rollback_once_ours_has_expired(
    run: Run, repository: Repository, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = repository.store["metadata/timestamp.json"]
    repository.lifetime = timedelta(hours=1)
    repository.project("example", {"example-2.0.tar.gz": b"newer"})
    assert run("download", "example", "--dest", dest.parent / "before").status == 0
    repository.store["metadata/timestamp.json"] = older
    later(monkeypatch, timedelta(hours=2))
    refused(run("download", "example", "--dest", dest), "rollback", 6, dest)


def test_an_unsigned_older_timestamp_is_not_no_news(run: Run, repository: Repository, dest: Path) -> None:
    assert run("download", "example", "--dest", dest.parent / "before").status == 0
    document = json.loads(repository.store["metadata/timestamp.json"])
    document["signed"]["version"] -= 1
    repository.store["metadata/timestamp.json"] = json.dumps(document).encode()
    refused(run("download", "example", "--dest", dest), "bad-signature", 6, dest)


def test_mix_and_match(run: Run, repository: Repository, dest: Path) -> None:
    """A bin of an older state under the name of the newer one, rightly signed."""
    name = repository._bin_of("simple/example/index.json")
    older = repository.store[f"metadata/{repository.version}.{name}.json"]
    repository.project("example", {"example-2.0.tar.gz": b"fixed"})
    repository.store[f"metadata/{repository.version}.{name}.json"] = older
    refused(run("download", "example", "--dest", dest), "mixed-versions", 6, dest)


def test_pages_and_bins_exchanged(run: Run, repository: Repository, dest: Path) -> None:
    """Both are signed by one key and have one version: a project that is there seems unknown. It is not remembered."""
    one, other = (f"metadata/1.{role}.json" for role in ("pages", "bins"))
    store = repository.store
    store[one], store[other] = store[other], store[one]
    refused(run("download", "example", "--dest", dest), "mixed-versions", 6, dest)
    store[one], store[other] = store[other], store[one]
    assert run("download", "example", "--dest", dest).status == 0


def hide(repository: Repository) -> None:
    """An empty bin in the place of the page's: rightly signed, and of the same version, as after every renewal of bins."""
    repository.publish({})
    role, empty = repository._bin_of("simple/example/index.json"), "page-bin-1-1"
    assert not repository.bins[empty].signed.targets
    version = repository.version
    repository.store[f"metadata/{version}.{role}.json"] = repository.store[f"metadata/{version}.{empty}.json"]


def test_an_empty_bin_does_not_hide_what_the_list_names(run: Run, repository: Repository, dest: Path) -> None:
    repository.projects("another", "example")
    hide(repository)
    refused(run("download", "example", "--dest", dest), "mixed-versions", 6, dest)
    repository.publish({})
    assert run("download", "example", "--dest", dest).status == 0


def test_an_empty_bin_where_there_is_no_list(run: Run, repository: Repository, dest: Path) -> None:
    """An index that has published anything has a list: without one, its bin was exchanged too."""
    repository.content = 1
    hide(repository)
    refused(run("download", "example", "--dest", dest), "project-unknown", 3, dest)
    repository.content = 2
    hide(repository)
    refused(run("download", "example", "--dest", dest), "mixed-versions", 6, dest)


def test_an_empty_bin_of_a_project_that_there_is_not(run: Run, repository: Repository, dest: Path) -> None:
    repository.content = 2
    repository.projects("example")
    assert not repository.bins[repository._bin_of("simple/missing/index.json")].signed.targets
    refused(run("download", "missing", "--dest", dest), "project-unknown", 3, dest)


def test_a_page_that_its_files_own_targets_contradict(run: Run, repository: Repository, dest: Path) -> None:
    repository.publish({PACKAGE: b"another"})
    refused(run("download", "example", "--dest", dest, "--own-targets"), "mixed-versions", 6, dest)


@pytest.mark.parametrize("path", ["metadata/timestamp.json", PACKAGE])
def test_endless_data(run: Run, served: Served, dest: Path, path: str) -> None:
    def endless(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not served.stop.is_set():
            handler.wfile.write(b"x" * 65536)

    served.odd[path] = endless
    refused(run("download", "example", "--dest", dest), "endless-data", 6, dest)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_compressed_bomb(run: Run, served: Served, dest: Path, coding: str) -> None:
    """64 MiB in a few kilobytes: stopped at the length allowed, not when memory is full."""
    zeros = b"\0" * (64 << 20)
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(zeros) + packer.flush() if coding == "gzip" else zstandard.compress(zeros, 3)
    served.odd["metadata/timestamp.json"] = lambda handler, _: answer(handler, packed, Content_Encoding=coding)
    refused(run("download", "example", "--dest", dest), "endless-data", 6, dest)


def test_a_broken_compressed_form(run: Run, served: Served, dest: Path) -> None:
    served.odd["metadata/timestamp.json"] = lambda handler, _: answer(handler, b"\x1f\x8bno", Content_Encoding="gzip")
    refused(run("download", "example", "--dest", dest), "undecodable", 6, dest)


@pytest.mark.parametrize("change", [b"", b"shorter", b"longer" * 1000])
def test_wrong_length(run: Run, repository: Repository, dest: Path, change: bytes) -> None:
    repository.store[PACKAGE] = change
    code = "endless-data" if len(change) > 1000 else "altered"
    refused(run("download", "example", "--dest", dest), code, 6, dest)


def test_a_body_that_ends_early(run: Run, served: Served, dest: Path) -> None:
    def short(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:100])

    served.odd[PACKAGE] = short
    refused(run("download", "example", "--dest", dest), "index-unreachable", 4, dest)


def trickle(served: Served, *, headers: bool) -> None:
    """A byte every 0.1 s, for ever: each receive is in time, the whole is not."""

    def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        if headers:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        else:
            handler.send_response(200)
            handler.end_headers()
        while not served.stop.wait(0.1):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    served.odd["metadata/timestamp.json"] = drip


@pytest.mark.parametrize("headers", [True, False], ids=["in headers", "in the body"])
def test_slow_retrieval(run: Run, served: Served, dest: Path, headers: bool) -> None:
    trickle(served, headers=headers)
    began = time.monotonic()
    refused(run("download", "example", "--dest", dest, timeout=0.5), "slow", 5, dest)
    assert time.monotonic() - began < 30


def test_a_server_that_says_nothing(run: Run, served: Served, dest: Path) -> None:
    served.odd["metadata/timestamp.json"] = lambda *_: served.stop.wait(60) and None
    refused(run("download", "example", "--dest", dest, timeout=0.3), "slow", 5, dest)


def test_a_server_error(run: Run, served: Served, dest: Path) -> None:
    served.odd["metadata/timestamp.json"] = lambda handler, _: answer(handler, b"", 503)
    refused(run("download", "example", "--dest", dest), "index-error", 4, dest)


def test_metadata_that_is_gone(run: Run, repository: Repository, dest: Path) -> None:
    del repository.store[f"metadata/{repository.version}.snapshot.json"]
    refused(run("download", "example", "--dest", dest), "metadata-missing", 4, dest)


def test_nobody_is_there(run: Run, dest: Path, repository: Repository) -> None:
    ran = run("--index", "http://127.0.0.1:9/", "download", "example", "--dest", dest)
    refused(ran, "index-unreachable", 4, dest)
    assert "Connection refused" in ran.err


@pytest.mark.parametrize("content", [None, b"{}", b"not json", "timestamp"])
def test_a_root_of_ones_own_that_is_none(
    run: Run, repository: Repository, dest: Path, tmp_path: Path, content: bytes | str | None
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_bytes(repository.store["metadata/timestamp.json"] if isinstance(content, str) else content)
    refused(run("download", "example", root=path), "root-unreadable" if content is None else "root-invalid", 8, dest)


@pytest.mark.parametrize(
    "change",
    [
        {"filename": "../../etc/passwd"},
        {"filename": ".bashrc"},
        {"filename": "other-1.0.tar.gz"},
        {"url": "file:///etc/passwd"},
        {"size": None},
        {"hashes": {"md5": "00"}},
        {"hashes": {"sha256": "../x"}},
    ],
)
def test_a_signed_page_that_says_what_no_page_may(
    run: Run, repository: Repository, dest: Path, change: dict[str, object]
) -> None:
    """The index itself is wrong or was broken into: a name that is a path must still not be written."""
    page = json.loads(repository.targets["simple/example/index.json"])
    page["files"][0] |= change
    repository.publish({"simple/example/index.json": json.dumps(page).encode()})
    refused(run("download", "example", "--dest", dest), "malformed", 6, dest)
