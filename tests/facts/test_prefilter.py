"""The pre-filter passes what could matter and leaves out most of what cannot."""

from __future__ import annotations

from pathlib import Path

import jinja2
import packaging
import pytest
import sqlalchemy

from bonded.facts import prefilter
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, DECODERS, NETWORK
from tests.facts.test_flows import DOWNLOADS, PROGRAMS
from tests.facts.test_fold import FOLDS
from tests.facts.test_names import BUILTIN_SPELLINGS, SPELLINGS


def passes(source: str) -> bool:
    data = source.encode()
    return prefilter.matters(data, prefilter.hits(data))


@pytest.mark.parametrize("name", sorted(SPELLINGS))
def test_every_spelling_of_a_command_passes(name: str) -> None:
    assert passes(SPELLINGS[name])


@pytest.mark.parametrize("name", sorted(BUILTIN_SPELLINGS))
def test_every_spelling_of_exec_passes_beside_a_decoder(name: str) -> None:
    assert passes("import base64\n" + BUILTIN_SPELLINGS[name])


@pytest.mark.parametrize("name", sorted(DOWNLOADS))
def test_downloads_pass(name: str) -> None:
    assert passes(DOWNLOADS[name])


def test_programs_pass() -> None:
    assert all(passes("import requests\n" + one) for one in PROGRAMS.values())


HIDING = ("chr", "bytes", "base64", "zlib", "codecs", "hex", "rot13", "reversed", "xor", "loop", "quoted")


@pytest.mark.parametrize("name", [one for one in HIDING if one in FOLDS])
def test_code_that_hides_passes(name: str) -> None:
    source = FOLDS[name]
    assert passes(source if "reversed" not in name else FOLDS["reversed"])


def _import_of(name: str) -> str:
    parts = [part.removesuffix("()") for part in name.split(".")]
    if parts[0] == "ctypes":
        return f"import ctypes\nx = {name}('1')"
    if parts[0] == "builtins":
        return f"x = {'.'.join(parts[1:])}('1')"
    return f"from {'.'.join(parts[:-1])} import {parts[-1]}\nx = {parts[-1]}('1')"


@pytest.mark.parametrize("sink", sorted(CODE_SINKS | COMMAND_SINKS))
def test_every_sink_of_the_tables_passes_beside_a_decoder(sink: str) -> None:
    if "()" not in sink:
        assert passes("import base64\n" + _import_of(sink))


@pytest.mark.parametrize("source", sorted(DECODERS | NETWORK))
def test_every_source_of_the_tables_passes_beside_exec(source: str) -> None:
    if "()" not in source:
        assert passes(_import_of(source) + "\nexec(x)")


def test_ordinary_modules_are_left_out() -> None:
    """Of ordinary libraries that do much, well under half has to be parsed."""
    folders = [Path(one.__file__).parent for one in (sqlalchemy, jinja2, packaging)]
    files = [file.read_bytes() for folder in folders for file in sorted(folder.rglob("*.py"))]
    assert len(files) > 100
    parsed = sum(len(data) for data in files if prefilter.matters(data, prefilter.hits(data)))
    assert parsed < 0.5 * sum(map(len, files))


def test_lines_on_which_a_sink_may_be_named() -> None:
    source = b"import os\nx = 1\r\ndef f():\r    os.system('x')\n"
    assert prefilter.reaching_lines(source) == [4]
    assert prefilter.reaching_lines("import ｏｓ\nx = 'ﾃ'\nｏｓ.ｓystem('x')\n".encode()) == [3]
    assert prefilter.reaching_lines(b"# coding: utf-7\nimport os\n") is None
