"""What an archive claims to be, read from its names, metadata and description."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile

import pytest

from bonded.facts.model import Naming, dump, load
from bonded.facts.profile import profile_of
from bonded.facts.read import read
from bonded.facts.sketch import FEWEST, KEPT, likeness, sketch

INFO = "sample-1.0.dist-info"
METADATA = """Metadata-Version: 2.1
Name: Sample
Version: 1.0
Home-page: https://example.invalid/sample
Project-URL: Source, https://code.example.invalid/sample
Requires-Dist: Other.Thing>=1; python_version>"3"
Requires-Dist: only-extra; extra == "more"
Requires-Dist: direct @ https://example.invalid/direct.whl

# Sample

    pip install --upgrade sample[all] Second_Thing --quiet
    pip install -r requirements.txt

See https://example.invalid/a and https://example.invalid/b.
"""


def wheel(members: dict[str, str], *, record: str | None = None) -> Naming:
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for path, text in members.items()
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
        text = "\n".join([*rows, f"{INFO}/RECORD,,"]) if record is None else record
        if text:
            archive.writestr(f"{INFO}/RECORD", text)
    buffer.seek(0)
    return read(buffer, "sample-1.0-py3-none-any.whl").naming


def sdist(members: dict[str, str]) -> Naming:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in members.items():
            info = tarfile.TarInfo(f"sample-1.0/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    buffer.seek(0)
    return read(buffer, "sample-1.0.tar.gz").naming


def test_a_wheel_says_what_it_installs_and_claims() -> None:
    named = wheel(
        {
            "sample/__init__.py": "URL = 'https://user@Host.example.invalid:80/x'\n",
            "sample/native.cpython-311-x86_64-linux-gnu.so": "x",
            "single.py": "",
            "sample-1.0.data/scripts/tool.sh": "#!/bin/sh\n",
            f"{INFO}/entry_points.txt": "[console_scripts]\nSample = sample:main\nls = sample:ls\n[other]\na = b\n",
            f"{INFO}/METADATA": METADATA,
        }
    )
    assert named.tops == ("sample", "single")
    assert named.scripts == ("Sample", "ls", "tool.sh")
    assert named.requires == ("direct", "other-thing")
    assert named.direct == ("direct @ https://example.invalid/direct.whl",)
    assert named.links == ("https://code.example.invalid/sample", "https://example.invalid/sample")
    assert named.installs == ("sample", "second-thing")
    assert named.text_links == 2
    assert named.words.startswith("# Sample pip install")
    assert named.hosts == ("host.example.invalid",)
    assert named.binaries == ("sample/native.cpython-311-x86_64-linux-gnu.so",)
    assert named.record == ()


def test_an_sdist_says_it_too() -> None:
    named = sdist(
        {
            "PKG-INFO": "Name: sample\nVersion: 1.0\nDescription: first line\n        second line\n",
            "setup.py": "",
            "src/sample/__init__.py": "",
            "tests/__init__.py": "",
            "pyproject.toml": "[project.scripts]\nsample = 'sample:main'\n",
            "src/sample.egg-info/requires.txt": "one>=2\n\n[extra]\ntwo\n",
        }
    )
    assert (named.tops, named.scripts, named.requires, named.record) == (("sample",), ("sample",), ("one",), ())
    assert named.words == "first line second line"


def test_a_project_called_tools_is_no_folder_of_tools() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tools/__init__.py", "URL = 'https://host.example.invalid/'\n")
        archive.writestr("tools-1.0.dist-info/METADATA", "Name: tools\nVersion: 1.0\n")
    buffer.seek(0)
    facts = read(buffer, "tools-1.0-py3-none-any.whl")
    assert (facts.naming.tops, facts.naming.hosts) == (("tools",), ("host.example.invalid",))
    assert [line.split()[0] for line in profile_of(facts).modules] == ["tools/__init__.py"]


@pytest.mark.parametrize(
    ("record", "gaps"),
    [
        ("", ("none",)),
        (f"{INFO}/RECORD,,", (f"missing {INFO}/METADATA", "missing sample.py")),
        (
            f"sample.py,sha256=AAAA,1\n{INFO}/METADATA,,\ngone.py,,\n{INFO}/RECORD,,",
            ("absent gone.py", "differs sample.py"),
        ),
    ],
)
def test_what_record_has_wrong(record: str, gaps: tuple[str, ...]) -> None:
    assert wheel({"sample.py": "", f"{INFO}/METADATA": METADATA}, record=record).record == gaps


@pytest.mark.parametrize("text", ["[console_scripts\n", "a = b\n", "[console_scripts]\nx\n"])
def test_broken_entry_points_are_none(text: str) -> None:
    assert wheel({"sample.py": "", f"{INFO}/METADATA": METADATA, f"{INFO}/entry_points.txt": text}).scripts in (
        (),
        ("x",),
    )


def test_names_are_kept_with_the_facts() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{INFO}/METADATA", METADATA)
        archive.writestr("sample.py", "".join(f"def function_{n}(a, b):\n    pass\n" for n in range(100)))
    buffer.seek(0)
    facts = read(buffer, "sample-1.0-py3-none-any.whl")
    assert load(dump(facts)) == facts
    assert len(facts.naming.sketch) == KEPT


def code(first: int, last: int) -> list[bytes]:
    return [f"def function_{n}(a,  b = {n}):\n    return a\n".encode() for n in range(first, last)]


def test_near_copies_have_near_sketches() -> None:
    own = sketch(code(0, 400))
    assert likeness(own, own) == 1.0
    assert likeness(own, sketch(code(0, 380))) > 0.85
    assert 0.2 < likeness(own, sketch(code(200, 600))) < 0.5
    assert likeness(own, sketch(code(1000, 1400))) == 0.0
    assert sketch(code(0, FEWEST - 1)) == ()
    assert likeness(own, ()) == 0.0
