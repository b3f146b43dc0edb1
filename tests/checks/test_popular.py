"""What is known of popular projects is whole, and tells copies from other projects."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from tools.popular import EXAMPLE, marks_of

from bonded.checks import popular as data
from bonded.checks.claims import claims, own_name
from bonded.checks.context import Context
from bonded.checks.harness import findings, samples
from bonded.checks.registry import by_name
from bonded.facts.model import Facts
from bonded.facts.read import read
from bonded.facts.sketch import KEPT
from bonded.values.names import normalize


def wheel(head: str, code: str = "", body: str = "") -> Facts:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sample/__init__.py", code)
        archive.writestr("sample-1.0.dist-info/METADATA", f"Name: sample\nVersion: 1.0\n{head}\n{body}\n")
    buffer.seek(0)
    return read(buffer, "sample-1.0-py3-none-any.whl")


def test_names_are_in_their_normal_form_and_each_there_once() -> None:
    lines = data.resources.files("bonded.checks").joinpath("popular.txt").read_text("utf-8").splitlines()
    names = [line.split()[0] for line in lines if not line.startswith("#")]
    assert names == sorted(set(names))
    assert all(name == normalize(name) for name in names)
    assert len(names) > 1500


def test_import_names_differ_where_they_differ() -> None:
    known = data.import_names()
    assert known["beautifulsoup4"] == ("bs4",)
    assert known["scikit-learn"] == ("sklearn",)
    assert known["requests"] == ("requests",)
    assert known["flask-login"] == ("flask_login",)
    assert {"opencv-python", "opencv-python-headless"} <= data.owners()["cv2"]


def test_marks_hold_hashes_and_nobody_s_words() -> None:
    raw = json.loads(data.resources.files("bonded.checks").joinpath("popular.json").read_text("utf-8"))
    hashed = re.compile(r"^([0-9a-f]{12})?$")
    for name, one in raw.items():
        assert name in data.popular() or name == EXAMPLE
        assert set(one) == {"summary", "repository", "authors", "sketch", "flows"}
        assert all(hashed.match(text) for text in (one["summary"], one["repository"], *one["authors"]))
        assert len(data.unpack(one["sketch"])) <= KEPT
        assert all(re.match(r"^(install|startup|import) (network|command|code)$", flow) for flow in one["flows"])
    assert len(raw) > 400


def test_a_sketch_survives_being_written() -> None:
    assert data.unpack(data.pack((1, 2**32 - 1))) == (1, 2**32 - 1)
    assert data.unpack("") == ()


def test_projects_are_unlike_each_other() -> None:
    """But for forks, projects that share a generator, and those that carry another's code in a folder of their own."""
    alike = {
        name
        for name, one in data.marks().items()
        for value in one.sketch[:1]
        if (like := data.alike(one.sketch, 0.6)) and like[0] != name and value is not None
    }
    assert len(alike) <= 6, alike


@pytest.mark.parametrize(
    ("link", "whole"),
    [
        ("https://github.com/Someone/Thing.git", ("github.com/someone/thing", "thing")),
        ("http://www.github.com/someone/thing/issues", ("github.com/someone/thing", "thing")),
        ("https://gitlab.example.invalid/a/b#readme", ("gitlab.example.invalid/a/b", "b")),
        ("https://github.com/someone", None),
        ("https://example.invalid/a/b", None),
        ("git@github.com:a/b", None),
    ],
)
def test_repositories(link: str, whole: tuple[str, str] | None) -> None:
    assert data.repository(link) == whole


def test_what_an_archive_claims() -> None:
    plain = wheel("Summary: Something else\n")
    assert claims(plain, "requests").words == ()
    copied = wheel("Summary: python  http for HUMANS.\nAuthor-email: x@example.invalid\n", body="pip install requests")
    said = claims(copied, "requests")
    assert said.plain
    assert said.copied == ("its description tells readers to install requests", "its summary is that of requests")
    linked = wheel("Home-page: https://github.com/psf/requests\n")
    assert claims(linked, "requests").shared == ("it links to the repository of requests",)
    assert not claims(linked, "requests").plain
    assert claims(plain, "no-such-project").words == ()


def test_the_name_of_an_archive() -> None:
    facts = wheel("")
    assert own_name(facts) == "sample"
    assert own_name(facts, Context("of-the-index")) == "of-the-index"
    nameless = read(io.BytesIO(b""), "Some_Thing-1.0.tar.gz")
    assert own_name(nameless) == "some-thing"


def test_marks_are_made_of_archives(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "sample-1.0-py3-none-any.whl"
    code = "import os\n\nos.system('true')\n" + "".join(f"def function_{n}():\n    pass\n" for n in range(50))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sample/__init__.py", code)
        head = "Name: Sample\nVersion: 1.0\nSummary: Words\nAuthor-email: Ann <ann@example.invalid>\n"
        archive.writestr("sample-1.0.dist-info/METADATA", head + "Home-page: https://gitlab.example.invalid/a/sample\n")
    name, marks = marks_of(path)
    assert name == "sample"
    assert marks["summary"] == data.mark("words")
    assert marks["repository"] == data.mark("gitlab.example.invalid/a/sample")
    assert marks["authors"] == [data.mark("ann@example.invalid")]
    assert len(data.unpack(marks["sketch"])) == 50
    assert marks["flows"] == ["import command"]


def test_the_example_is_a_clone_that_anybody_may_make() -> None:
    check = by_name("trojanised-clone")
    assert check is not None
    added = next(sample for sample in samples(check) if sample.path.name == "added.toml")
    (found,) = findings(check, added)
    assert found.severity == "high"
    assert EXAMPLE in found.message
    assert found.line == 3
