"""What a member is by its bytes, and scripts of other interpreters."""

from __future__ import annotations

import importlib.util
import io
import tarfile
import zipfile

import pytest

from bonded.facts.magic import DATA as BINARY
from bonded.facts.magic import ELF, GZIP, JAVA, MACHO, PE, PYC, SHEBANG, SHORTCUT, TEXT, ZIP, form
from bonded.facts.read import read
from bonded.facts.scripts import language
from bonded.values.finding import When

HEADS = {
    ELF: b"\x7fELF\x02\x01\x01" + bytes(57),
    PE: b"MZ\x90\x00" + bytes(60),
    MACHO: b"\xca\xfe\xba\xbe\x00\x00\x00\x02" + bytes(56),
    JAVA: b"\xca\xfe\xba\xbe\x00\x00\x00\x3d" + bytes(56),
    PYC: importlib.util.MAGIC_NUMBER + bytes(28),
    SHORTCUT: b"L\0\0\0\x01\x14\x02\0" + bytes(56),
    ZIP: b"PK\3\4" + bytes(60),
    GZIP: b"\x1f\x8b\x08" + bytes(61),
    SHEBANG: b"#!/bin/sh\nexit\n",
    TEXT: b"MZ is how some words begin\r\n",
    BINARY: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
}


@pytest.mark.parametrize("kind", sorted(HEADS))
def test_the_first_bytes_tell(kind: str) -> None:
    assert form(HEADS[kind]) == kind


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("a/run.ps1", b"", "PowerShell"),
        ("a/RUN.BAT", b"", "batch"),
        ("a/run", b"#!/usr/bin/env bash\n", "shell"),
        ("a/run", b"#!/usr/bin/env python\n", ""),
        ("a.sh/run.txt", b"", ""),
    ],
)
def test_the_language_of_a_script(path: str, data: bytes, expected: str) -> None:
    assert language(path, data) == expected


def test_forms_and_scripts_are_facts_of_both_kinds_of_archives() -> None:
    wheel, sdist = io.BytesIO(), io.BytesIO()
    members = {
        "p/a.so": HEADS[ELF],
        "p/run.sh": b"#!/bin/sh\r\necho hello\r\n",
        "p/tests/x.bat": b"echo",
        "p/empty": b"",
    }
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    with tarfile.open(fileobj=sdist, mode="w:gz") as packed:
        for path, data in members.items():
            info = tarfile.TarInfo(f"p-1/{path}")
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    for stream, name in ((wheel, "p-1-py3-none-any.whl"), (sdist, "p-1.tar.gz")):
        stream.seek(0)
        facts = read(stream, name)
        assert [one.form for one in facts.members] == [ELF, TEXT, SHEBANG, TEXT]
        assert [(one.language, one.when, one.text) for one in facts.scripts] == [
            ("shell", When.CALL, "#!/bin/sh\necho hello\n"),
            ("batch", When.NEVER, "echo"),
        ]
