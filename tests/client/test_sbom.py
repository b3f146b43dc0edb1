"""What a bill of materials says of licences, names, hashes and dependencies."""

from __future__ import annotations

import json
import os
import sys
import uuid
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from trove_classifiers import classifiers

from bonded_client import dependency_options
from bonded_client.interpreter import Interpreter
from bonded_client.known import Vulnerability
from bonded_client.licences import SPDX, Licence, licence
from bonded_client.needs import needs
from bonded_client.packages import Package, installed
from bonded_client.page import File
from bonded_client.released import Release, Standing
from bonded_client.sbom import About, document, purl

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ABOUT = About("https://packages.example.org/", 7, "3.11.7", own_targets=False)


@pytest.mark.parametrize(
    ("expression", "trove", "text", "expected"),
    [
        ("mit or apache-2.0", ["License :: OSI Approved :: BSD License"], "x", Licence("MIT OR Apache-2.0")),
        ("something", [], None, Licence(names=("something",))),
        (None, ["License :: OSI Approved", "License :: OSI Approved :: MIT License"], "x", Licence(ids=("MIT",))),
        (None, ["License :: OSI Approved :: Apache Software License"], "", Licence(names=("Apache Software License",))),
        (None, ["Topic :: Security"], "BSD-3-Clause", Licence("BSD-3-Clause")),
        (None, [], "Our own", Licence(names=("Our own",))),
        (None, [], "Permission is hereby granted\nto", Licence()),
        (None, [], "UNKNOWN", Licence()),
        (None, [], None, Licence()),
    ],
)
def test_licences(expression: str | None, trove: list[str], text: str | None, expected: Licence) -> None:
    assert licence(expression, trove, text) == expected


def test_each_classifier_that_is_understood_exists() -> None:
    assert {one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")} >= SPDX.keys()


def test_package_urls_are_as_their_specification_has_them() -> None:
    assert purl(Package("zope-x", "Zope.X", Version("1.0"))) == "pkg:pypi/zope.x@1.0"
    assert purl(Package("a-b", "A_b", Version("1!2.0+linux.1"))) == "pkg:pypi/a-b@1%212.0%2Blinux.1"


def bill(*packages: Package, **known: tuple[Vulnerability, ...]) -> dict[str, Any]:
    by_name = {one.name: one for one in packages}
    releases = {name: Release(Standing.SIGNED, known=known.get(name, ())) for name in by_name}
    return document(by_name, releases, needs(by_name, {"python_version": "3.11"}), ABOUT, MOMENT, None)


def test_hashes_are_of_the_archive_only_where_it_is_one() -> None:
    one, two = ("sha256", "0" * 64), ("sha256", "1" * 64)
    lone = bill(Package("a", "a", Version("1"), hashes=(one, ("sha3_999", "0" * 64))))["components"][0]
    assert lone["hashes"] == [{"alg": "SHA-256", "content": "0" * 64}]
    assert "hashes" not in bill(Package("a", "a", Version("1"), hashes=(one, two)))["components"][0]


@pytest.mark.parametrize(("pinned", "value"), [("0", "signed"), ("01", "other"), ("", None)])
def test_pinned_hashes_are_compared_with_what_is_signed(pinned: str, value: str | None) -> None:
    file = File("a-1.tar.gz", "https://packages.example.org/f", 1, "0" * 64, Version("1"), False, "", None)
    pins = tuple(("sha256", one * 64) for one in pinned)
    package = Package("a", "a", Version("1"), (), hashes=pins)
    made = document({"a": package}, {"a": Release(Standing.SIGNED, (file,), ())}, [], ABOUT, MOMENT, None)
    found = {one["name"]: one["value"] for one in made["components"][0]["properties"]}
    assert found.get("bonded:hashes") == value


def test_one_vulnerability_of_two_packages_is_told_once() -> None:
    known = (Vulnerability("GHSA-1", ("CVE-1",), "It reads", "It reads\ntoo much", fixed=("2", "3")),)
    a, b = (Package(name, name, Version("1"), ()) for name in "ab")
    (told,) = bill(a, b, a=known, b=known)["vulnerabilities"]
    assert [one["ref"] for one in told["affects"]] == ["pkg:pypi/a@1", "pkg:pypi/b@1"]
    assert (told["source"], told["recommendation"]) == ({"name": "GHSA"}, "Upgrade to 2 or 3.")
    assert told["references"] == [{"id": "CVE-1", "source": {"name": "CVE"}}]


def test_dependencies_are_those_that_hold_here() -> None:
    requires = tuple(map(Requirement, ['b; python_version > "3"', 'c; python_version < "3"', "gone", "a[x]"]))
    a, *others = (Package("a", "a", Version("1"), requires), *(Package(n, n, Version("1"), ()) for n in "bc"))
    made = bill(a, *others)
    assert {one["ref"]: one["dependsOn"] for one in made["dependencies"]} == {
        "pkg:pypi/a@1": ["pkg:pypi/b@1"],
        "pkg:pypi/b@1": [],
        "pkg:pypi/c@1": [],
    }
    assert uuid.UUID(made["serialNumber"].removeprefix("urn:uuid:")).version == 4
    assert made == bill(*others, a)
    assert made["serialNumber"] != bill(a)["serialNumber"]


def installed_as(folder: Path, name: str, metadata: str, **files: str) -> None:
    where = folder / f"{name}.dist-info"
    where.mkdir()
    (where / "METADATA").write_text(metadata)
    for file, text in files.items():
        (where / f"{file}.json").write_text(text)


def test_an_active_environment_that_is_not_looked_at_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Namespace(python=Path(sys.executable), requirement=None)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert "packaging" in dependency_options.packages(options)[1].packages
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    dependency_options.packages(options)
    assert f"say --python {tmp_path}." in capsys.readouterr().err


def test_an_environment_with_odd_packages(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    head = "Metadata-Version: 2.1\n"
    installed_as(first, "good-1.0", f"{head}Name: Good\nVersion: 1.0\nRequires-Dist: b\nRequires-Dist: ???\n")
    installed_as(second, "good-2.0", f"{head}Name: good\nVersion: 2.0\n")
    installed_as(first, "old-x", f"{head}Name: old\nVersion: what you like\n")
    installed_as(first, "empty-1", "")
    (first / "bare-1.dist-info").mkdir()
    egg = first / "egg-1.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text(f"{head}Name: egg\nVersion: 1\n")
    (egg / "requires.txt").write_text("b>1\n")
    installed_as(
        first, "mine-1", f"{head}Name: mine\nVersion: 1\n", direct_url=json.dumps({"url": "x", "dir_info": {}})
    )
    archive = {"url": "https://x.example.org/a.whl", "archive_info": {"hashes": {"sha256": "0" * 64}}}
    installed_as(first, "taken-1", f"{head}Name: taken\nVersion: 1\n", direct_url=json.dumps(archive))
    installed_as(first, "torn-1", f"{head}Name: torn\nVersion: 1\n", direct_url="{")
    found = installed(Interpreter({}, (), (str(first), str(second))))
    assert {name: str(one.version) for name, one in found.packages.items()} == {
        "good": "1.0",
        "egg": "1",
        "mine": "1",
        "taken": "1",
    }
    assert [str(one) for one in found.packages["good"].requires or ()] == ["b"]
    assert found.packages["mine"].local
    assert found.packages["taken"].hashes == (("sha256", "0" * 64),)
    assert [str(one) for one in found.packages["egg"].requires or ()] == ["b>1"]
    assert len(found.notes) == 4
    assert sys.modules.get("good") is None


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    """So is /dev/stdout, of which root, as in most containers, would make a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        dependency_options.keep(pipe, "{}")
        assert os.read(reader, 100) == b"{}"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
