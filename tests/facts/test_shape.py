"""Shapes of sources: what hides is seen, with its line, and ordinary sources have none."""

from __future__ import annotations

import time
from pathlib import Path

import jinja2
import pytest
import sqlalchemy

from bonded.facts import names, prefilter, shape
from bonded.facts.shape import traits

BLANKS = " " * 200
SHAPES: dict[str, tuple[str, str, int]] = {
    "underscores": ("x = 1\n" + "____=a;_____=b\n______=_____;_______(____)\n" * 5, shape.UNDERSCORES, 2),
    "look-alikes": ("IlIlIlIl=lIlIlIlI;IIIIllll=llllIIII\nIlIlIIII=IlIlIlIl\n" * 20, shape.LOOKALIKES, 1),
    "mixed escapes": ('x = "\\x65\\166\\x61\\154\\x65\\166\\x61\\154\\x65\\166\\x61\\154"\n', shape.MIXED_ESCAPES, 1),
    "escapes": ('x = "' + "\\x65\\x76" * 8 + '"\n', shape.ESCAPES, 1),
    "wall": (f"x = 1\ny = 2{BLANKS};import os\n", shape.WALL, 2),
    "wall after a bracket": (f"x = 1;{BLANKS}exec(y)\n", shape.WALL, 1),
    "wall of tabs": ("x = 1;" + "\t" * 40 + "exec(y)\n", shape.WALL, 1),
    "bidirectional": ('x = 1\ny = "a\u202eb"\n', shape.BIDI, 2),
    "line marks": ("import a #line:1\n" * 10, shape.LINE_MARKS, 1),
    "banner": ("# Obfuscated with something\nimport a\nexec(a)\n", shape.BANNER, 1),
    "protector": ("from pyarmor_runtime import __pyarmor__\n", shape.PROTECTOR, 1),
    "folded": ("x = 1\n\U0001d429\U0001d42b\U0001d422\U0001d427\U0001d42d(1)\n", shape.FOLDED, 2),
    "two scripts": ("x = 1\np\u0430ssword = 1\n", shape.SCRIPTS, 2),
    "hidden line": ("# remark\rimport os\nx = 1\n", shape.OPENING, 1),
}
ORDINARY: dict[str, str] = {
    "binary": 'x = b"\\x00\\x01\\xff\\xfe\\x80\\x90\\x00\\x01\\xff\\xfe\\x80\\x90\\x00\\x01\\x02\\x03"\n',
    "colours": 'x = "\\x1b[31m\\x1b[0m"\n' * 20,
    "remark after blanks": f"x = 1{BLANKS}# import os\n",
    "text after blanks": f'x = """a{BLANKS}b"""\n',
    "underlines": 'x = "__________"\n# ____\ny, _, __ = z\n' * 20,
    "closed right to left": 'x = "\u2067\u05e9\u2069"\n',
    "Greek": "\u03c3_x = \u0394t = 1\n",
    "Cyrillic text": 'x = "Python\u0441\u043a\u0438\u0439"  # p\u0430ssword\n',
    "Cyrillic names": "\u043f\u0430\u0440\u043e\u043b\u044c = 1\n",
    "Windows": "# remark\r\nimport os\r\n",
    "old Macintosh": "# remark\rimport os\rx = 1\ry = 2\rz = 3\r",
    "prose": '"""Data that was encoded by the server."""\nimport os\n',
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_that_hides_is_seen_with_its_line(name: str) -> None:
    source, kind, line = SHAPES[name]
    found = {trait.kind: trait for trait in traits(source.encode())}
    assert kind in found
    assert found[kind].line == line
    assert len(found[kind].excerpt) <= 200


@pytest.mark.parametrize("name", sorted(ORDINARY))
def test_ordinary_sources_have_no_shape(name: str) -> None:
    assert traits(ORDINARY[name].encode()) == ()


DIGEST = f"'{'0a' * 32}'"
COMPARED = {
    "at once": (f"import hashlib, setuptools\nif hashlib.sha256(x).hexdigest() != {DIGEST}:\n    exit()\n", 2),
    "under a name": (
        f"import setuptools\nSHA = {DIGEST}\ndigest = h(x).hexdigest()\nif digest != SHA:\n    exit()\n",
        3,
    ),
    "the other way": (f"from distutils.core import setup\nassert {DIGEST} == h.hexdigest()\n", 2),
    "no builder": (f"import hashlib\nif hashlib.sha256(x).hexdigest() != {DIGEST}:\n    exit()\n", 0),
    "no digest": ("import setuptools\nif h.hexdigest() != wanted():\n    exit()\n", 0),
    "not compared": (f"import setuptools\nSHA = {DIGEST}\ndigest = h.hexdigest()\nprint(digest)\n", 0),
    "a short one": ("import setuptools\nif h.hexdigest() != '" + "0a" * 16 + "':\n    exit()\n", 0),
}


@pytest.mark.parametrize("how", sorted(COMPARED))
def test_a_program_that_builds_compares_with_a_digest(how: str) -> None:
    source, line = COMPARED[how]
    assert [(one.kind, one.line) for one in traits(source.encode())] == ([(shape.PINNED, line)] if line else [])


def test_libraries_have_no_shape() -> None:
    folders = [Path(one.__file__).parent for one in (sqlalchemy, jinja2, pytest)]
    assert [str(file) for folder in folders for file in folder.rglob("*.py") if traits(file.read_bytes())] == []


def test_any_bytes_have_an_end() -> None:
    for data in (b"", b"\xff\xfe\x00", b"\\x" * 1000, b" " * 5000 + b";", b"\xd0" * 900 + b"a", b"\r" * 100):
        assert isinstance(traits(data), tuple)


@pytest.mark.parametrize(
    "data",
    [b"@a tool\n" * 50_000, b"@ tool" * 66_000, b"@x tool\ndef f" * 30_000, b"@" + b" tool" * 80_000],
    ids=["decorators", "one line", "no body", "one decorator"],
)
def test_sources_made_to_cost_cost_no_more(data: bytes) -> None:
    before = time.thread_time()
    traits(data)
    assert time.thread_time() - before < 3


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("x\u0430 = 1", True),
        ("\u0430x = 1", True),
        ("\u0430 x = 1", False),
        ("_\u0441", True),
        ("\u0430\u0441", False),
        ("\uff45\uff58\uff45\uff43", True),
    ],
)
def test_letters_of_two_scripts_that_touch_are_seen_before_anything_is_split_into_names(
    text: str, *, gate: bool
) -> None:
    assert names._gate(text.encode()) is gate


def test_a_folded_letter_is_found_among_other_letters_that_python_does_not_fold() -> None:
    plain = "\u00e4\u4e2d\u0430 = 1\n".encode()
    assert prefilter.unfolded(plain * 100) == plain * 100
    assert prefilter.unfolded(plain * 100 + "\U0001d41e\U0001d431ec".encode()).endswith(b"exec")
