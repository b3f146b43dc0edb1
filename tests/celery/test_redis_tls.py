"""A Redis behind TLS: as with RabbitMQ, only a certificate that can be verified is spoken to."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import kombu.pools
import pytest

from bonded.adapters.queue_celery import CeleryBroker
from bonded.seams import BrokerAway
from tests.story.tls import certificate
from tests.support.ports import is_open, reserved
from tests.support.redis import LONG


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """(port, certificate)"""
    cert, key = certificate(tmp_path)
    with reserved() as port:
        words = f"--port 0 --tls-port {port} --bind 127.0.0.1 --tls-auth-clients no"
        files = ["--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(cert)]
        command = ["redis-server", *words.split(), *files, "--save", ""]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path)
        try:
            end = time.monotonic() + LONG
            while not is_open(port):
                assert time.monotonic() < end
                time.sleep(0.02)
            yield port, cert
        finally:
            server.kill()
            server.wait()
            kombu.pools.reset()


@pytest.mark.usefixtures("patient")
def test_tls_takes_only_a_certificate_that_it_can_verify(served: tuple[int, Path]) -> None:
    port, cert = served
    trusted = CeleryBroker(f"rediss://127.0.0.1:{port}/0", str(cert))
    trusted.send({"screen": [1]})
    assert trusted.lengths(["screen"]) == {"screen": 1}
    for host, ca in (("127.0.0.1", ""), ("localhost", str(cert))):
        kombu.pools.reset()  # which do not ask how connections of the same address are verified
        with pytest.raises(BrokerAway, match="the certificate of the broker cannot be verified"):
            CeleryBroker(f"rediss://{host}:{port}/0", ca).lengths(["screen"])
