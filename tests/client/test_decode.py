"""Content codings: the same bytes whatever the chunks, bounded pieces whatever the ratio."""

from __future__ import annotations

import gzip
import itertools
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bonded_client.decode import PIECE, pieces
from bonded_client.failures import UndecodableError

PACK = {"identity": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


@given(st.binary(max_size=5000), st.sampled_from(sorted(PACK)), st.integers(1, 700))
def test_round_trip_in_any_chunks(data: bytes, coding: str, size: int) -> None:
    packed = PACK[coding](data)
    chunks = (packed[start : start + size] for start in range(0, len(packed), size))
    assert b"".join(pieces(chunks, coding)) == data


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_pieces_are_bounded_and_lazy(coding: str) -> None:
    packed = PACK[coding](b"\0" * (32 << 20))
    first = list(itertools.islice(pieces(iter([packed]), coding), 3))
    assert [len(piece) for piece in first] == [PIECE] * 3


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["gzip", "zstd", "br"]))
def test_rubbish_is_refused_or_harmless(data: bytes, coding: str) -> None:
    with suppress(UndecodableError):
        assert sum(map(len, pieces(iter([data]), coding))) < 1 << 30


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"x" * 99, mtime=0)[:-9], gzip.compress(b"x", mtime=0) + b"more"],
    ids=["short", "followed"],
)
def test_gzip_cut_short_or_followed(packed: bytes) -> None:
    with pytest.raises(UndecodableError):
        list(pieces(iter([packed]), "gzip"))


def test_a_window_larger_than_we_keep_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=0)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = packed.compress(b"x" * 100) + packed.flush()
    with pytest.raises(UndecodableError):
        list(pieces(iter([data]), "zstd"))
