"""Facts of a whole archive: the same for the same bytes, stored and read back, with everything that was wrong."""

from __future__ import annotations

import dataclasses
import io
import zipfile

import orjson
import pytest

from bonded.facts.metadata import backend_of, project_of_filename, read_metadata
from bonded.facts.model import FACTS_VERSION, dump, load
from bonded.facts.read import read
from tests.facts.programs import sdist_of, wheel_of

METADATA = "Metadata-Version: 2.1\nName: Sample\nVersion: 1.0\nRequires-Dist: a\nRequires-Dist: b\n\nText\n"


def test_members_metadata_and_hashes() -> None:
    facts = wheel_of(
        {"sample/__init__.py": "x = 1\n", "sample-1.0.dist-info/METADATA": METADATA, "sample/data.bin": b"\0" * 10}
    )
    assert (facts.kind, facts.name, facts.version) == ("wheel", "Sample", "1.0")
    assert facts.metadata["requires-dist"] == ["a", "b"]
    assert [(m.path, m.size, m.kind) for m in facts.members if "METADATA" not in m.path] == [
        ("sample/__init__.py", 6, "file"),
        ("sample/data.bin", 10, "file"),
    ]
    assert all(len(m.sha256) == 64 for m in facts.members)
    assert sdist_of({"PKG-INFO": METADATA}).name == "Sample"


def test_facts_survive_storage() -> None:
    facts = wheel_of(
        {"sample/__init__.py": "import base64\nexec(base64.b64decode('eD0x'))", "a.pth": "import os; os.system('x')"}
    )
    assert load(dump(facts)) == facts
    assert dump(load(dump(facts))) == dump(facts)


def test_facts_of_another_version_are_refused() -> None:
    raw = orjson.loads(dump(wheel_of({"a.py": ""})))
    raw["facts_version"] = FACTS_VERSION + 1
    with pytest.raises(ValueError, match="facts of version"):
        load(orjson.dumps(raw))
    for broken in (b"{}", b"[]", b"1", b"no json"):
        with pytest.raises(ValueError):
            load(broken)


def test_the_same_bytes_give_the_same_facts() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(40):
            source = f"import base64, os\nfrom .m{(number * 7) % 40} import f\ndef f(x):\n    exec(base64.b64decode(x))\nf('eD0x')\n"
            archive.writestr(f"sample/m{number}.py", source)
    first, *rest = [dump(read(io.BytesIO(buffer.getvalue()), "sample-1.0-py3-none-any.whl")) for _ in range(3)]
    assert rest == [first, first]


def test_only_code_that_was_not_read_is_unread() -> None:
    big = wheel_of({"sample/__init__.py": "x = 1\n", "sample/weights.bin": b"\0" * 9_000_000})
    assert big.unread == ()
    code = wheel_of({"sample/__init__.py": b"x = 1\n" * 1_500_000})
    assert len(code.unread) == 1
    assert "over the budget" in code.unread[0]


def test_troubles_of_the_archive_are_facts() -> None:
    facts = wheel_of({"../evil.py": "x = 1"})
    assert [trouble.path for trouble in facts.troubles] == ["../evil.py"]
    none = read(io.BytesIO(b"no archive"), "sample-1.0-py3-none-any.whl")
    assert none.troubles
    assert none.members == ()


def test_start_up_files_keep_their_text() -> None:
    facts = wheel_of({"sample.pth": "import sample\n", "sample/__init__.py": "import os\nos.system('x')"})
    assert {m.path: m.text for m in facts.modules} == {"sample.pth": "import sample\n", "sample/__init__.py": ""}


def test_metadata_is_read_leniently() -> None:
    assert read_metadata(b"Name: a\nName: b\nNonsense\n\xff: x\n")["name"][0] == "a"
    assert backend_of(b"[build-system]\nbuild-backend = 'x:y'\nbackend-path = ['a']") == ("x", ("a",))
    for broken in (b"[", b"build-system = 1", b"[build-system]\nbackend-path = 1", b"a = " + b"[" * 5000):
        assert backend_of(broken) == ("", ())
    assert project_of_filename("Sample_Name-1.0-py3-none-any.whl") == "sample-name"
    assert project_of_filename("sample.name-1.0.tar.gz") == "sample-name"


def test_facts_are_frozen() -> None:
    facts = wheel_of({"a.py": ""})
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts.name = "b"  # type: ignore[misc]
