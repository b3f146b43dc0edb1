"""The signer process: who may speak with it, what a broken message does, what it says when a key cannot be used."""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bonded.adapters.signer_frames import MARK, PREFIX, BadFrame, receive, send, split
from bonded.adapters.signer_process import ProcessSigner
from bonded.seams import SignerRefused, SignerUnusable
from tests.seams.keys import hosts
from tests.seams.keys.payloads import bin_of


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> hosts.Host:
    return hosts.file_host(tmp_path_factory.mktemp("host") / "d")


@pytest.fixture(scope="module")
def signer(host: hosts.Host) -> Iterator[ProcessSigner]:
    with host.running() as running:
        yield running


def test_the_socket_is_for_its_owner_only(host: hosts.Host, signer: ProcessSigner) -> None:
    assert host.socket.stat().st_mode & 0o777 == 0o600
    assert len(signer.keys()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused_even_when_the_mode_allows_it() -> None:
    with tempfile.TemporaryDirectory() as where:
        host = hosts.file_host(Path(where) / "d")
        with host.running():
            for folder in (Path(where), host.folder, host.socket.parent):
                folder.chmod(0o755)
            host.socket.chmod(0o666)
            code = (
                "import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
                "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('connected', flush=True);"
                "s.sendall(b'x' * 12); print(s.recv(1))"
            )
            command = [sys.executable, "-c", code, str(host.socket)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.startswith("connected"), done.stderr
        assert "b'B'" not in done.stdout
        assert "a connection was refused" in host.log.read_text()


def test_what_the_policy_refuses_is_refused_through_the_socket(signer: ProcessSigner) -> None:
    n = signer.highest()[0] + 1
    signer.reserve(n, "a")
    with pytest.raises(SignerRefused, match="not an online role"):
        signer.sign(n, "a", "root", bin_of(n))
    with pytest.raises(SignerRefused, match="version"):
        signer.sign(n, "a", "bin-1-0a", bin_of(n + 1))
    assert len(signer.sign(n, "a", "bin-1-0a", bin_of(n))) == 1, "a refusal does not end the connection"


def test_the_last_reservation_counts_for_everybody(host: hosts.Host, signer: ProcessSigner) -> None:
    n = signer.highest()[0] + 1
    rival = ProcessSigner(host.socket)
    signer.reserve(n, "publisher")
    rival.reserve(n + 1, "refresher")
    with pytest.raises(SignerRefused):
        signer.sign(n, "publisher", "bin-1-0a", bin_of(n))
    assert rival.sign(n + 1, "refresher", "bin-1-0a", bin_of(n + 1))


BROKEN = {
    "noise": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "too long": PREFIX.pack(MARK, 2**31, 0),
    "no JSON": PREFIX.pack(MARK, 1, 0) + b"{",
    "no object": PREFIX.pack(MARK, 2, 0) + b"[]",
    "no such thing": PREFIX.pack(MARK, 13, 0) + b'{"do":"steal"}'[:13],
    "nothing to do": PREFIX.pack(MARK, 2, 0) + b"{}",
    "lengths that lie": PREFIX.pack(MARK, 90, 0)
    + b'{"do":"sign","number":1,"attempt":"a","roles":["bin-1-0a"],"lengths":[5],"keyids":null}   ',
}


@pytest.mark.parametrize("message", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_ends_its_connection_only(host: hosts.Host, signer: ProcessSigner, message: bytes) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(60)
        sock.connect(str(host.socket))
        sock.sendall(message)
        with suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert len(signer.keys()) == 1


def test_a_message_is_read_however_it_arrives() -> None:
    one, other = socket.socketpair()
    thread = threading.Thread(target=send, args=(one, {"do": "x"}, [b"a" * 300_000, b"", b"bc"]))
    thread.start()
    got = receive(other)
    thread.join()
    assert got is not None
    assert got[0] == {"do": "x"}
    assert split(got[1], [300_000, 0, 2]) == [b"a" * 300_000, b"", b"bc"]
    for lengths in ([300_000], [-1, 300_003], [True] * 300_002, [3.0]):
        with pytest.raises(BadFrame):
            split(got[1], lengths)  # type: ignore[arg-type]
    one.sendall(struct.pack("!4sII", MARK, 5, 0) + b"{")
    one.close()
    with pytest.raises(ConnectionResetError):
        receive(other)
    assert receive(_ended()) is None


def _ended() -> socket.socket:
    one, other = socket.socketpair()
    one.close()
    return other


def test_a_second_signer_does_not_start(host: hosts.Host, signer: ProcessSigner) -> None:
    assert "another signer process listens" in host.refuses()
    assert len(signer.keys()) == 1


def test_no_other_process_reads_its_memory(host: hosts.Host, signer: ProcessSigner) -> None:
    """The kernel gives the files of such a process to root: others of the same user cannot trace it or read its memory."""
    (pid,) = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if _words(path)[-2:] == [b"signer", os.fsencode(host.folder)]
    ]
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert Path(f"/proc/{pid}/mem").stat().st_uid == 0


def _words(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def test_a_signer_that_was_started_again_is_found(tmp_path: Path) -> None:
    host = hosts.file_host(tmp_path / "d")
    asking = ProcessSigner(host.socket, timeout=60)
    with pytest.raises(SignerUnusable, match=r"no signer process answers .* `bonded signer`"):
        asking.keys()
    with host.running():
        asking.reserve(5, "a")
        assert asking.sign(5, "a", "bin-1-0a", bin_of(5))
    with pytest.raises(SignerUnusable):
        asking.highest()
    with host.running():
        with pytest.raises(SignerRefused, match="not reserved"):  # it must be reserved anew: the publisher begins again
            asking.sign(5, "a", "bin-1-0a", bin_of(5))
        assert asking.highest() == (5, "a")
        with pytest.raises(SignerRefused):
            asking.reserve(4, "b")
        asking.reserve(6, "b")
        assert asking.sign(6, "b", "bin-1-0a", bin_of(6))


def test_a_killed_signer_is_replaced(tmp_path: Path) -> None:
    host = hosts.file_host(tmp_path / "d")
    process = host.start()
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    asking = ProcessSigner(host.socket, timeout=60)
    asking.reserve(3, "a")
    process.kill()
    process.communicate()
    assert host.socket.exists()
    with host.running() as again:
        assert again.highest() == (3, "a")


def test_a_signer_that_hangs_is_said_so(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        begin = time.monotonic()
        with pytest.raises(SignerUnusable, match=r"did not answer within 0\.3 seconds"):
            ProcessSigner(tmp_path / "s", timeout=0.3).keys()
        assert time.monotonic() - begin < 60


def test_a_signer_that_cannot_start_says_why(tmp_path: Path) -> None:
    host = hosts.file_host(tmp_path / "d")
    (host.folder / "keys/passphrase").write_text("another\n")
    assert "wrong passphrase?" in host.refuses()
    host.keys = ["nope:x"]
    assert "setting `signer.keys` is wrong: 'nope:x' names no kind of key that is known" in host.refuses()
