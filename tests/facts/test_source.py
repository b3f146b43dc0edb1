"""Source is read as Python reads it, and piece by piece where it cannot be parsed as a whole."""

from __future__ import annotations

import pytest

from bonded.facts import source
from bonded.facts.source import encoding, is_plain, parse, text_of
from tests.facts.programs import wheel_of


def test_encodings() -> None:
    assert encoding(b"# -*- coding: latin-1 -*-\n") == "iso8859-1"
    assert encoding(b"#!/usr/bin/python\n# vim: set fileencoding=utf-7 :\n") == "utf-7"
    assert encoding(b"x = 1\n\n# coding: utf-7\n") == "utf-8"
    assert encoding(b"\xef\xbb\xbfx = 1") == "utf-8-sig"
    assert encoding(b"# coding: nothing-of-the-kind\n") == "unknown"
    assert is_plain(b"x = 1")
    assert not is_plain(b"# coding: utf-7\n")


def test_text_never_fails() -> None:
    assert text_of(b"a\r\nb\rc") == "a\nb\nc"
    assert text_of(b"\xff\xfe") == "\ufffd\ufffd"
    assert text_of(b"# coding: hex\n00") != ""


def test_a_bare_carriage_return_ends_a_line() -> None:
    parsed = parse(b"# comment\rimport os\ros.system('x')\r")
    assert parsed.tree is not None
    assert len(parsed.tree.body) == 2


def test_a_broken_piece_costs_only_itself() -> None:
    parsed = parse(b"import os\nprint 'old'\nos.system('x')\nx = = 1\ndef f():\n    return 1\n")
    assert parsed.tree is not None
    assert [type(one).__name__ for one in parsed.tree.body] == ["Import", "Expr", "Expr", "Expr", "FunctionDef"]
    assert [line for line, _ in parsed.broken] == [4]
    assert parsed.tree.body[2].lineno == 3


def test_without_tree_sitter_it_is_cut_at_its_top_level_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "salvage", lambda _text, _spend: None)
    parsed = parse(b"import os\nprint 'old'\nos.system('x')\ndef f():\n    return 1\n")
    assert parsed.tree is not None
    assert [type(one).__name__ for one in parsed.tree.body] == ["Import", "Expr", "FunctionDef"]
    assert [line for line, _ in parsed.broken] == [2]


BROKEN = {
    "null": "import base64\nexec(base64.b64decode('eD0x'))\0\n",
    "syntax": "import base64\nif True\n    exec(base64.b64decode('eD0x'))\n",
    "indent": "import base64\n    exec(base64.b64decode('eD0x'))\n",
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_cannot_be_parsed_and_could_matter_is_said(name: str) -> None:
    facts = wheel_of({"sample/__init__.py": BROKEN[name]})
    found = [call.name for m in facts.modules for call in m.calls]
    assert "builtins.exec" in found or facts.unread


def test_what_cannot_be_parsed_and_cannot_matter_is_not_said() -> None:
    facts = wheel_of({"sample/__init__.py": "print 'hello'\n", "sample/b.py": "x = = 1\nimport os\nos.system('x')\n"})
    assert facts.unread == ()
