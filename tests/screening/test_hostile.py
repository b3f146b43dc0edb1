"""Hostile archives and programs: always a verdict, within 5 processor seconds and 256 MB."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from bonded.checks.registry import discover
from bonded.screening.policy import Policy, decide
from bonded.screening.run import FAILED, Scanner, ScanSettings, scan
from bonded.seams import Sandbox
from bonded.values.states import Verdict

MIB = 1024 * 1024
WHEEL, SDIST = "sample-1.0-py3-none-any.whl", "sample-1.0.tar.gz"


def zipped(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def program(source: str | bytes) -> tuple[bytes, str]:
    return zipped([("sample/__init__.py", source if isinstance(source, bytes) else source.encode())]), WHEEL


def bomb() -> tuple[bytes, str]:
    return zipped([(f"sample/{n}.bin", b"\0" * (40 * MIB)) for n in range(8)]), WHEEL


def bomb_of_code() -> tuple[bytes, str]:
    return zipped([(f"sample/{n}.py", b"import base64;exec(x)\n" * 350_000) for n in range(12)]), WHEEL


def many_members() -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(99_000):
            archive.writestr(zipfile.ZipInfo(f"sample/{number}.py"), b"")
    return buffer.getvalue(), WHEEL


def many_members_in_tar() -> tuple[bytes, str]:
    blocks = b"".join(tarfile.TarInfo(f"sample-1.0/{n}.py").tobuf() for n in range(99_000)) + b"\0" * 1024
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(blocks) + packer.flush(), SDIST


def nested() -> tuple[bytes, str]:
    data = b"x"
    for _ in range(30):
        data = zipped([("inner.zip", data)])
    return zipped([("sample/inner.zip", data)]), WHEEL


def lying() -> tuple[bytes, str]:
    data = bytearray(zipped([("sample/__init__.py", b"x = 1\n" * 1000)]))
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<I", 5)
    return bytes(data), WHEEL


def links() -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(2000):
            info = tarfile.TarInfo(f"sample-1.0/{number}")
            info.type, info.linkname = tarfile.SYMTYPE, f"../../{number}"
            archive.addfile(info)
    return buffer.getvalue(), SDIST


def truncated() -> tuple[bytes, str]:
    data = zipped([("sample/__init__.py", b"x = 1\n" * 100_000)])
    return data[: len(data) // 2], WHEEL


def described(text: str) -> tuple[bytes, str]:
    head = "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n"
    return zipped(
        [("sample/__init__.py", b"x = 1\n"), ("sample-1.0.dist-info/METADATA", (head + text).encode())]
    ), WHEEL


def scripts(text: str, ending: str = "sh") -> tuple[bytes, str]:
    return zipped([(f"sample/{n}.{ending}", text.encode()) for n in range(40)]), WHEEL


def project(data: bytes) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("sample-1.0/pyproject.toml")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue(), SDIST


def long_names() -> tuple[bytes, str]:
    long = tarfile.TarInfo("x")
    long.type, long.size = b"L", 100_000
    blocks = b"".join(
        long.tobuf() + (b"a" * 100_000).ljust(100_352, b"\0") + tarfile.TarInfo(f"sample-1.0/{n}").tobuf()
        for n in range(300)
    )
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(blocks + b"\0" * 1024) + packer.flush(), SDIST


ORDINARY: dict[str, Callable[[], tuple[bytes, str]]] = {
    "huge description": lambda: described("\n" + "pip install a " * 500_000),
    "huge header": lambda: described("Project-URL: a, https://example.invalid/\n" * 150_000),
    "huge pyproject": lambda: project(b"[build-system]\n" + b"".join(b"a%d=1\n" % n for n in range(600_000))),
    "dotted pyproject": lambda: project(b"a" + b".a" * 2_000_000 + b"=1"),
    "commands that save": lambda: scripts("curl -o aa " * 800),
    "commands of one tool": lambda: scripts("powershell " * 720, "ps1"),
    "huge start-up file": lambda: (zipped([("a.pth", b"import os;exec(x)\n" * 80_000)]), WHEEL),
    "a library of 100 MB": lambda: (zipped([("sample/a.so", b"\x7fELF" + bytes(range(256)) * 390_625)]), WHEEL),
}
"""Large or tiresome, but not wrong in themselves: any verdict will do."""

ARCHIVES: dict[str, Callable[[], tuple[bytes, str]]] = {
    "bomb": bomb,
    "bomb of code": bomb_of_code,
    "99,000 members": many_members,
    "99,000 members in tar": many_members_in_tar,
    "nested": nested,
    "lying header": lying,
    "links": links,
    "long names": long_names,
    "truncated": truncated,
    "no archive": lambda: (b"\0" * 1000, WHEEL),
    "empty": lambda: (b"", SDIST),
}
LONG = frozenset(
    {"99,000 members in tar", "bomb", "loops in loops", "many names", "a million statements", "family of classes"}
)
"""They take seconds each; one of each kind stays among the quick tests."""
EXEC = "import base64, os\n"
PROGRAMS: dict[str, str | bytes] = {
    "brackets": EXEC + "exec(" + "(" * 5000 + "1" + ")" * 5000 + ")",
    "chain of attributes": EXEC + "exec(a" + ".b" * 100_000 + ")",
    "chain of sums": EXEC + "exec(" + "+".join(["'a'"] * 100_000) + ")",
    "chain of powers": EXEC + "exec(" + "**".join(["9"] * 3000) + ")",
    "unary": EXEC + "exec(" + "-" * 50_000 + "1)",
    "lambdas": EXEC + "exec(" + "lambda: " * 3000 + "1)",
    "calls of calls": EXEC + "exec(" + "f(" * 150 + ")" * 150 + ")",
    "indents": EXEC + "".join(" " * n + "if x:\n" for n in range(95)) + " " * 95 + "exec(x)",
    "functions that call each other": EXEC
    + "".join(f"def f{n}(x):\n    f{(n + 1) % 60}(x + 'a'); f{(n + 7) % 60}(x + 'b'); exec(x)\n" for n in range(60))
    + "f0('')",
    "doubling strings": EXEC + "a = 'x'\n" + "a = a + a\n" * 60 + "exec(a)",
    "loops in loops": EXEC
    + "s = ''\n"
    + "".join(" " * n + f"for a{n} in range(1000):\n" for n in range(12))
    + " " * 12
    + "s += chr(1)\nexec(s)",
    "comprehensions in comprehensions": EXEC
    + "exec([a for a in range(999) for b in range(999) for c in range(999) for d in range(999)])",
    "layers": EXEC + "exec('exec(\\'x=1\\')' * 3000)",
    "quine of exec": EXEC + "s = 'exec(s)'\nexec(s)",
    "many names": EXEC + "".join(f"a{n} = a{n - 1} if x else b{n}\n" for n in range(1, 30_000)) + "exec(a1)",
    "many branches": EXEC + "if x:\n    y = 1\n" * 8000 + "exec(y)",
    "nul": b"import base64\nexec(x)\0" + b"\0" * 100_000,
    "not utf-8": b"import base64\nexec(x)\n# \xff\xfe" + b"\xff" * 10_000,
    "odd encoding": b"# coding: utf-16\nimport base64\nexec(x)",
    "one long line": EXEC + "x = '" + "a" * 3_000_000 + "'\nexec(x)",
    "diamonds of classes": EXEC
    + "class A0: pass\n"
    + "".join(f"class A{n}(A{n - 1}, A{n - 1}): pass\n" for n in range(1, 60))
    + "A59().run(); exec(x)",
    "family of classes": EXEC
    + "class A0: pass\n"
    + "".join(f"class A{n}(A{n - 1}): pass\n" for n in range(1, 3000))
    + "exec(x)",
    "hashes before a return": EXEC + "#" * 390_000 + "\r\n",
    "escapes": EXEC + 'x = "' + "\\x6a\\1" * 60_000 + '"\nexec(x)',
    "broken line": EXEC + "exec $ " * 60_000,
    "letters that fold": "import base64\n" + "\uff45xec(x)\n" * 20_000,
    "a million statements": "import base64\n" + "x=1\n" * 700_000 + "exec(x)",
}


class Watched:
    """A sandbox, and what its children had resident at most."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self.level, self.peak = sandbox, sandbox.level, 0

    def run(self, *args: Any, **limits: Any) -> Any:
        result = self._sandbox.run(*args, **limits)
        self.peak = max(self.peak, result.peak_bytes)
        return result

    def close(self) -> None:
        self._sandbox.close()


def judged(data: bytes, name: str, sandbox: Sandbox) -> tuple[Verdict, float, list[str]]:
    """Verdict, processor seconds and names of the checks that spoke, under the limits of the promise."""
    settings = ScanSettings(cpu_seconds=5.0, memory_bytes=256 * MIB)
    watched = Watched(sandbox)
    result = scan(data, name, None, discover(), Scanner(watched, settings))
    assert 0 < watched.peak <= 256 * MIB
    return decide(result.findings, Policy()).verdict, result.cpu_seconds, [one.check for one in result.findings]


def _marked(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in sorted(names)]


@pytest.mark.parametrize("name", _marked(ARCHIVES))
def test_hostile_archives_go_to_review(name: str, sandbox: Sandbox) -> None:
    data, filename = ARCHIVES[name]()
    verdict, seconds, checks = judged(data, filename, sandbox)
    if name != "nested":  # an archive in an archive is data: hashed, and not looked into
        assert verdict is not Verdict.CLEAR
    assert FAILED not in checks, "a budget must end it, not the clock"
    assert seconds <= 5.5


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ORDINARY))
def test_large_archives_get_a_verdict(name: str, sandbox: Sandbox) -> None:
    data, filename = ORDINARY[name]()
    verdict, seconds, checks = judged(data, filename, sandbox)
    assert verdict in Verdict
    assert FAILED not in checks, "a budget must end it, not the clock"
    assert seconds <= 5.5


@pytest.mark.parametrize("name", _marked(PROGRAMS))
def test_hostile_programs_get_a_verdict(name: str, sandbox: Sandbox) -> None:
    data, filename = program(PROGRAMS[name])
    verdict, seconds, checks = judged(data, filename, sandbox)
    assert verdict in Verdict
    assert FAILED not in checks, "a budget must end it, not the clock"
    assert seconds <= 5.5
