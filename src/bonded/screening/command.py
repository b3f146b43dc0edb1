"""`bonded scan` without the printing: find archives, screen them in order on several sandboxed children, judge each."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from bonded.checks.kit import Check
from bonded.checks.registry import rules_hash
from bonded.facts.archive import is_archive
from bonded.facts.metadata import project_of_filename
from bonded.screening.policy import Policy, decide
from bonded.screening.report import Scanned
from bonded.screening.run import FAILED, FAILED_VERSION, Scanner, ScanResult, scan
from bonded.values.finding import Finding, Severity


def archives(paths: Iterable[Path]) -> list[Path]:
    """The archives that are named, and those in folders, walked in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            found += [Path(folder, name) for name in sorted(names) if is_archive(name)]
    return found


def scan_all(
    paths: list[Path], checks: tuple[Check, ...], scanner: Scanner, policy: Policy, *, jobs: int, now: datetime
) -> Iterator[Scanned]:
    """Screen `paths`, `jobs` at once, and yield results in the order of `paths`. Each is judged by itself."""
    rules = rules_hash(checks, policy.fingerprint())
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[Future[Scanned]] = deque()
        for path in paths:
            waiting.append(pool.submit(_one, path, checks, scanner, policy, rules, now))
            if len(waiting) >= jobs * 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _one(path: Path, checks: tuple[Check, ...], scanner: Scanner, policy: Policy, rules: str, now: datetime) -> Scanned:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe gives nothing for ever, and a device does not end
            raise OSError(errno.EINVAL, "it is no ordinary file")
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        result = scan(path, path.name, None, checks, scanner)
    except OSError as error:
        sha256 = ""
        words = f"the file cannot be read: {error.strerror}"
        failure = Finding(FAILED, FAILED_VERSION, Severity.MEDIUM, 1.0, words)
        result = ScanResult(None, (), (failure,), tuple(one.name for one in checks), 0.0)
    decision = decide(result.findings, policy.at(project_of_filename(path.name), now))
    return Scanned(str(path), sha256, decision, result, rules)


def got_verdict(one: Scanned) -> bool:
    """Whether the archive was read and judged; a file that could not be opened was not."""
    return bool(one.sha256)
