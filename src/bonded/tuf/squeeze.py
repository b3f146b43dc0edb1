"""Squeeze: a smaller compressed copy of the newest snapshot, made after the flip.

Every client that sees a publication fetches its snapshot, at PyPI's size 0.9 MB. Before the flip it gets a fast copy (in a
millisecond or two); this makes a third smaller one in a fifth of a second, off the publisher's path, and a gzip copy for servers
that hand out no zstd. Copies are derived and replaceable: dying anywhere, or two of these at once, does no harm.
"""

from __future__ import annotations

import gzip

import orjson
import zstandard

from bonded.seams import NotStored, Storage
from bonded.tuf.canonical import open_envelope
from bonded.tuf.packing import WORTH
from bonded.tuf.roles import TIMESTAMP, metadata_name

LEVEL = 19


class Squeezer:
    """Remembers which snapshot it has done; one for each process."""

    def __init__(self, public: Storage) -> None:
        self._public = public
        self._done = ""

    def squeeze(self) -> str | None:
        """Make the copies of the live snapshot unless they were made; the snapshot's name when it did.

        What is live is read and not verified: the copy is of the very bytes that lie beside it. Raises StorageError.
        """
        try:
            pointer = orjson.loads(open_envelope(self._public.get(TIMESTAMP).data)[1])
            name = metadata_name("snapshot", pointer["meta"]["snapshot.json"]["version"])
            if name == self._done:
                return None
            data = self._public.get(name).data
        except NotStored:
            return None  # no index yet, or the sweep was faster: the next look finds the newest
        self._done = name
        if len(data) < WORTH:
            return None
        # With the size in the frame, as every copy has it: servers and clients may rely on that.
        self._public.put(f"{name}.zst", zstandard.ZstdCompressor(level=LEVEL).compress(data))
        self._public.put(f"{name}.gz", gzip.compress(data, 9, mtime=0))
        return name
