"""Signatures per second by each place of the online key, and what asking a process of its own costs.

`./dev bench sign [--bins N]`. A publication signs one bin for each group of changed projects: 10 KB at a small index, 150 KB at
PyPI's size. Vault is a stand-in of ours without its cryptography barrier, SoftHSM2 software in the same process, so both say
what Bonded's side costs, not what a real token or cluster does; the clouds are left out for the same reason.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.seams.keys import hosts
from tests.seams.keys.payloads import bin_of

from bonded.adapters.signer_file import FileSigner, load_key
from bonded.seams import Signer

SIZES = {"10 KB": 70, "150 KB": 1080}
"""Targets in a bin of that size."""


@contextmanager
def here(folder: Path) -> Iterator[Signer]:
    """The keys in the publisher's own memory."""
    hosts.file_host(folder)
    yield FileSigner([load_key(folder / "keys/online-0.pem", b"a long one")], folder / "state.json")


@contextmanager
def there(host: hosts.Host) -> Iterator[Signer]:
    with host.running() as signer:
        yield signer


@contextmanager
def vault(folder: Path) -> Iterator[Signer]:
    with hosts.vault_host(folder) as host, host.running() as signer:
        yield signer


def rates(signer: Signer, bins: int) -> Iterator[tuple[str, float, float]]:
    """(size, signatures a second one at a time, the same in batches); the better of three rounds each."""
    for size, count in SIZES.items():
        n = signer.highest()[0] + 1
        signer.reserve(n, "bench")
        items = [(f"bin-1-{i:04x}", bin_of(n, count)) for i in range(bins)]
        single = batch = float("inf")
        for _ in range(3):
            begin = time.perf_counter()
            for role, payload in items:
                signer.sign(n, "bench", role, payload)
            middle = time.perf_counter()
            signer.sign_many(n, "bench", items)
            single, batch = min(single, middle - begin), min(batch, time.perf_counter() - middle)
        yield size, bins / single, bins / batch


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Signatures per second by each place of the online key.")
    parser.add_argument("--bins", type=int, default=300)
    bins = parser.parse_args().bins
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        places = {
            "file, in the publisher": lambda: here(folder / "here"),
            "file, signer process": lambda: there(hosts.file_host(folder / "there")),
            "SoftHSM2 P-256, signer process": lambda: there(hosts.hsm_host(folder / "hsm")),
            "SoftHSM2 Ed25519, signer process": lambda: there(hosts.hsm_host(folder / "hsm-ed", "EC:edwards25519")),
            "Vault stand-in, signer process": lambda: vault(folder / "vault"),
        }
        print(f"{'key':<34}{'bin':<8}{'one at a time':>16}{'in batches':>14}  signatures/s")
        for name, place in places.items():
            with place() as signer:
                for size, single, batch in rates(signer, bins):
                    print(f"{name:<34}{size:<8}{single:>16,.0f}{batch:>14,.0f}")


if __name__ == "__main__":
    main()
