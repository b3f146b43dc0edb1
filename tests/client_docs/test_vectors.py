"""The committed test vectors are what the code makes, and clients judge them as the vectors say."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bonded_client import cli
from bonded_client.failures import CATALOGUE
from bonded_client.journal_tree import extends, is_included, leaf_hash
from tests.client.server import Served, serving
from tests.tufjs.client import Refused, TufJs, tufjs

DOCS = Path(__file__).parents[2] / "docs/client-author"
VECTORS: dict[str, Any] = json.loads((DOCS / "vectors.json").read_text())
CASES = {case["name"]: case for case in VECTORS["cases"]}
WANTED = VECTORS["wanted"]


def test_they_are_what_the_code_makes() -> None:
    spec = importlib.util.spec_from_file_location("vectors", DOCS / "vectors.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.vectors() == (DOCS / "vectors.json").read_text(), "run python docs/client-author/vectors.py"


def store(case: dict[str, Any] | None = None) -> dict[str, bytes]:
    """The repository of the vectors, changed as a case says."""
    files = VECTORS["repository"] | (case["change"] if case else {})
    return {name: text.encode() for name, text in files.items() if text is not None}


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(store()) as server:
        yield server


def download(served: Served, place: Path) -> int:
    root = place / "root.json"
    root.write_text(VECTORS["repository"]["metadata/1.root.json"])
    words = ["--index", served.url, "--root", root, "--cache", place / "cache", "--timeout", "30"]
    return cli.main([str(word) for word in [*words, "download", WANTED["requirement"], "--dest", place / "got"]])


@pytest.mark.parametrize("name", CASES)
def test_bonded_client_ends_as_they_say(
    served: Served, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[name]
    if case["after_the_good_one"]:
        assert download(served, tmp_path) == 0
    served.store.clear()
    served.store.update(store(case))
    capsys.readouterr()
    status, said = download(served, tmp_path), capsys.readouterr().err
    got = tmp_path / "got" / WANTED["filename"]
    if case["ends"]:
        assert (status, said.endswith(f"[{case['ends']}]\n")) == (int(CATALOGUE[case["ends"]].exit), True), said
        assert not got.exists()
    else:
        assert (status, said) == (0, "")
        assert hashlib.sha256(got.read_bytes()).hexdigest() == WANTED["sha256"]


@pytest.fixture(scope="module")
def judge() -> Iterator[TufJs]:
    with tufjs() as running:
        yield running


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if not c["after_the_good_one"] and "wheel" not in n])
def test_tuf_js_ends_as_they_say(judge: TufJs, served: Served, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    served.store.clear()
    served.store.update(store(case))
    root = VECTORS["repository"]["metadata/1.root.json"].encode()
    path = "simple/example/index.json"
    if "stands in the place" in name:  # the library takes it, as the page on the steps says: it finds no such target
        assert judge.look(served.url, tmp_path, [path], root=root).targets == {path: None}
    elif case["ends"]:
        with pytest.raises(Refused):
            judge.look(served.url, tmp_path, [path], root=root)
    else:
        digest = hashlib.sha256(VECTORS["repository"][path].encode()).hexdigest()
        assert judge.look(served.url, tmp_path, [path], root=root).targets == {path: digest}


def test_the_arithmetic_of_the_journal() -> None:
    journal = VECTORS["journal"]
    roots = {int(size): bytes.fromhex(root) for size, root in journal["roots"].items()}
    one, two = journal["inclusion"], journal["consistency"]
    leaf = leaf_hash(journal["rows"][one["index"]].encode())
    assert is_included(leaf, one["index"], 7, [bytes.fromhex(h) for h in one["path"]], roots[7])
    assert extends(3, roots[3], 7, roots[7], [bytes.fromhex(h) for h in two["path"]])


@pytest.mark.parametrize("vector", VECTORS["bins"], ids=lambda v: f"{v['path']}-{v['bins']}")
def test_the_bin_of_a_path_by_the_page_alone(vector: dict[str, Any]) -> None:
    """As the page on the layout says: the first bits of the sha256 of the path, in as many hex digits as the last bin."""
    bits = vector["bins"].bit_length() - 1
    number = int(vector["sha256_of_path"][:8], 16) >> (32 - bits)
    assert hashlib.sha256(vector["path"].encode()).hexdigest() == vector["sha256_of_path"]
    digits = len(format(vector["bins"] - 1, "x"))
    assert vector["bin"].rpartition("-")[2] == format(number, "x").zfill(digits)
