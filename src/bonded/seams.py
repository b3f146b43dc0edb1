"""The seams: every place where Bonded meets a service it does not own, as protocols on one page.

Implementations live in `adapters/`; only `wiring` picks one. Each protocol has one contract suite in `tests/seams`,
run against every adapter. Names inside a Storage are relative POSIX paths without `..` or a leading slash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO, Protocol


class Away(Exception):
    """A service does not answer, or will not now; nothing is wrong with what it was asked. A job is tried again for days."""


class StorageError(Exception):
    """The store failed or is out of reach; whether the write happened is unknown. The caller begins again."""


class NotStored(StorageError):
    """No object of that name."""


class OtherBytes(StorageError):
    """`create` found other bytes under the name. Nothing was changed."""


class Changed(StorageError):
    """`replace` found that the object is no longer the one named by the tag. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as read: its bytes and the tag that `replace` compares (strong, changes with every write)."""

    data: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One object in a listing."""

    name: str
    size: int
    modified: datetime


class Storage(Protocol):
    """Objects by name. The vault and the public store are two instances.

    Durability: after `barrier()` returns, every earlier write of this process survives power loss; `create` and `put`
    need not be durable before it, `replace` is durable (and ordered after all earlier writes) when it returns. An error
    of the barrier is fatal to the process: what was written is unknown.
    """

    conditional: bool
    """`replace` compares atomically; probed, never assumed (`probe`)."""
    at_once: int
    """How many calls side by side are worth while: 1 where a call is work of this machine, more where it waits for another."""

    def probe(self) -> None:
        """Raise StorageError unless `create` refuses other bytes and `replace` refuses a wrong tag."""

    def get(self, name: str) -> Stored: ...
    def read(self, name: str) -> bytes:
        """The object's bytes, without the tag, which costs reading them twice. Raises NotStored."""

    def open(self, name: str) -> BinaryIO:
        """The object as a seekable stream. Raises NotStored."""

    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def create(self, name: str, data: bytes | Path | BinaryIO) -> bool:
        """Write if absent. True when written, False when equal bytes were there. Raises OtherBytes."""

    def put(self, name: str, data: bytes) -> None:
        """Write or overwrite, atomically: readers see old or new bytes. For derived, unsigned copies only."""

    def replace(self, name: str, data: bytes, tag: str | None) -> str:
        """Write only if the object still has `tag` (None: is absent); returns the new tag. Raises Changed."""

    def copy(self, source: str, name: str) -> None:
        """`name` becomes another name for the bytes of `source` (hard link or server-side copy), create-only."""

    def put_copy(self, source: str, name: str) -> None:
        """`name` shows the bytes of `source` from now on (hard link or server-side copy); written or overwritten, atomically.

        Raises NotStored.
        """

    def delete(self, name: str) -> None:
        """Absent afterwards; no error when it was."""

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Objects whose name begins with `prefix`, in any order."""

    def shared(self) -> None:
        """Processes forked from this one will write, too, and the next `barrier()` is for what they wrote before it as well.
        Called before they write. Only where a store survives a fork."""

    def barrier(self) -> None: ...


class SignerRefused(Exception):
    """The signer would not sign: a lower number, or the same number for another attempt."""


class SignerUnusable(Exception):
    """The key cannot be used now: missing, damaged, locked, out of reach, or its service said no. The message says which,
    in one sentence. Nothing was signed; asking again is right."""


class Signer(Protocol):
    """Online keys. Offline keys never come through here."""

    def keys(self) -> dict[str, dict[str, Any]]:
        """Key id -> public key in the TUF metadata form, for every key it holds."""

    def highest(self) -> tuple[int, str]:
        """The highest publication number that it signed for, and the attempt; (0, "") at first. Survives a crash."""

    def reserve(self, number: int, attempt: str) -> None:
        """Allow signatures for publication `number`. Fsynced. Raises SignerRefused for a lower number than `highest`,
        or the same with another attempt."""

    def sign(
        self, number: int, attempt: str, role: str, payload: bytes, keyids: Collection[str] | None = None
    ) -> list[dict[str, str]]:
        """Signatures for `role` over canonical `payload`, one for each key it holds whose id is in `keyids` (None: all):
        [{"keyid", "sig"}]. Needs `reserve` first. Raises SignerRefused, SignerUnusable."""

    def sign_many(
        self, number: int, attempt: str, items: Sequence[tuple[str, bytes]], keyids: Collection[str] | None = None
    ) -> list[list[dict[str, str]]]:
        """The same for many (role, payload), in order, in as few round trips as the key's place allows."""


class Queue(Protocol):
    """Wakes workers. The job row is the queue; this only shortens the wait."""

    def wake(self, queues: Iterable[str]) -> None:
        """Best effort, 200 ms at most, never raises."""

    def wait(self, queues: Iterable[str], timeout: timedelta) -> bool:
        """Sleep until a wake for one of `queues` or the timeout; True when woken."""


class BrokerAway(Exception):
    """The broker does not answer; the message says why, without its password. Jobs wait in the database."""


class Broker(Protocol):
    """Carries the numbers of jobs to workers on other machines. It may lose, repeat and delay them: the row decides."""

    def send(self, jobs: Mapping[str, Sequence[int]]) -> None:
        """Queue -> numbers of its jobs that are due. Best effort, 200 ms at most, never raises."""

    def lengths(self, queues: Iterable[str]) -> dict[str, int]:
        """How many messages wait in each of `queues`, those that a worker holds not counted. Raises BrokerAway."""

    def serve(self, queues: Sequence[str], threads: int, run: Callable[[int], None], stop: Event) -> None:
        """Call `run(number)` for each message of `queues`, `threads` at once, each acknowledged when `run` has returned.

        Returns when `stop` is set and what runs has ended. While the broker is away it is asked again and again.
        """


@dataclass(frozen=True, slots=True)
class Shown:
    """What one cache answered to a GET or HEAD of `path`. `sha256` is of the whole body, unpacked, `body` its first
    64 KiB; both of nothing for HEAD."""

    cache: str
    path: str
    status: int
    body: bytes = b""
    sha256: str = ""


class Purger(Protocol):
    """Removes objects from caches in front of the public store, and says what those caches show."""

    active: bool
    """It removes objects. False: caches live by their times to live, and nothing needs to be queued for it."""
    caches: tuple[str, ...]
    """Addresses of the caches whose answers can be looked at; empty: none."""
    lasting: timedelta
    """How long a cache may keep a withdrawn file after `purge` has returned."""

    def purge(self, keys: Iterable[str]) -> None:
        """`keys` are surrogate keys: `project/<key>`, `file/<object name>`, `timestamp`, `root`, `store` (everything). When it returns, every
        cache has confirmed. Raises PurgeFailed when one has not; those that could be reached were purged all the same."""

    def show(self, paths: Iterable[str], *, whole: bool) -> list[Shown]:
        """What every cache shows at each path (percent-encoded): its body too when `whole`, else by HEAD. Project pages
        are asked for as JSON. Raises PurgeFailed when a cache does not answer."""


class PurgeFailed(Exception):
    """A cache did not confirm or does not answer; the message names it. The job tries again."""


class Mailer(Protocol):
    """Sends mail. Called from a job only. Raises Away, or what says that this mail is refused for good."""

    def send(self, message: EmailMessage) -> None: ...


class SandboxResult(Protocol):
    """What a sandboxed call ended with. `outcome` is "ok", "crash", "timeout", "memory" or "killed"; `value` what it gave
    before that, all of it only when the outcome is "ok". `peak_bytes` is what it had resident at most, the imports that all
    calls share included. `away`: nothing was begun, for the sandbox does not answer; the outcome is "crash" then, too."""

    outcome: str
    value: bytes
    detail: str
    cpu_seconds: float
    peak_bytes: int
    away: bool


class Sandbox(Protocol):
    """Runs Bonded's own screening code over hostile bytes with no network, no writes and hard limits."""

    level: str
    """"bubblewrap", "landlock", "seccomp" or "rlimits": what is in force, reported with every verdict."""

    def run(
        self,
        call: Callable[[bytes, BinaryIO | None], bytes | Iterator[bytes]],
        argument: bytes,
        *,
        cpu_seconds: float,
        memory_bytes: int,
        attachment: BinaryIO | None = None,
    ) -> SandboxResult:
        """`call(argument, attachment)` in a child of its own. `call` is a function at the top of a module of ours, which
        returns bytes, or yields them part by part; `attachment` a file to read from its start, which need not fit into
        memory. Never raises for what `call` does."""

    def close(self) -> None:
        """End the processes that serve this sandbox. It starts again when it is used again."""


class Counter(Protocol):
    """Counts events for rate limits, over all processes."""

    def hit(self, key: str, limit: int, window: timedelta, now: datetime) -> int:
        """Count one event under `key`. 0 when within `limit` per sliding `window`, else seconds to wait."""


class PasswordRanges(Protocol):
    """Passwords that are known from leaks, asked for by k-anonymity: only the beginning of a hash leaves the caller."""

    def range(self, prefix: str) -> Iterable[str]:
        """For 5 upper-case hex digits: the rest of every known SHA-1 that begins so, in upper case. [] when unknown or
        when the list cannot be read: a lost list locks nobody out."""


class MailDomain(StrEnum):
    """What the DNS says about a domain of mail."""

    TAKES_MAIL = "takes mail"
    GONE = "gone"
    """There is no such domain (NXDOMAIN), or it says that it takes no mail (a null MX, RFC 7505)."""
    UNKNOWN = "unknown"
    """No answer, or one that says nothing: asked again later."""


class MailDomains(Protocol):
    """Asks the DNS whether mail can reach a domain. Called from house-keeping only."""

    def look(self, domain: str) -> MailDomain:
        """`domain` in ASCII. A few seconds at most; never raises."""


@dataclass(frozen=True, slots=True)
class Build:
    """A build that publishes, as trusted publishing proved it: who issued its identity, and what the publisher's form says."""

    issuer: str
    fields: Mapping[str, str]


class NotAttested(Exception):
    """An attestation does not hold. The message continues a sentence that begins with "attestation 1"."""


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation that holds: the type of its predicate, the publisher as its certificate spells it, and the attestation
    object without what PEP 740 does not know."""

    kind: str
    publisher: Mapping[str, Any]
    attestation: Mapping[str, Any]


class Attester(Protocol):
    """Checks what builds attest about files (PEP 740), without the network."""

    def publisher(self, build: Build) -> dict[str, Any] | None:
        """PEP 740's publisher object of a build; None: attestations of this build service cannot be checked here."""

    def verify(self, attestation: Any, publisher: Mapping[str, Any], filename: str, sha256: str) -> Attested:
        """An attestation object, as parsed from JSON, is about exactly this file and was signed by this publisher.
        Raises NotAttested."""


class Lock(Protocol):
    """The publisher's lock. It saves work; safety is in the conditional flip."""

    def held(self) -> AbstractContextManager[bool]:
        """True inside when this process has it. Does not wait."""
