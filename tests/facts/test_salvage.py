"""Python 2 and broken files: calls, strings and imports are facts there too, with their lines."""

from __future__ import annotations

import ast
import time

import pytest

from bonded.facts.salvage import salvage
from bonded.values.finding import When
from tests.facts.programs import wheel_of

OLD: dict[str, tuple[str, str]] = {
    "exec statement": ('import base64\nexec base64.b64decode("eD0x")\n', "exec(base64.b64decode('eD0x'))"),
    "exec in names": ('exec "x = 1" in {}\n', "exec('x = 1')"),
    "print": ('print "a", b\n', "print('a', b)"),
    "print to": ("print >>f, run(1)\n", "run(1)"),
    "except with a comma": ("try:\n    run(1)\nexcept E, e:\n    pass\n", "run(1)"),
    "raise with a comma": ('raise E, run("x")\n', "run('x')"),
    "octal": ("run(0777)\n", "run(511)"),
    "long": ("run(10L, 0xffL)\n", "run(10, 255)"),
    "backticks": ("run(`x`)\n", "run(repr(x))"),
    "unequal": ("run(a <> b)\n", "run(a != b)"),
    "tuple parameters": ("def f((a, b)):\n    run(a)\n", "run(a)"),
    "old string": ('run(ur"x")\n', "run('x')"),
    "in a class": ("class A:\n    def f(self):\n        print 'x'\n        run(1)\n", "run(1)"),
    "deep": ("if a:\n  for b in c:\n    while d:\n      with e:\n        print 'x'\n        run(1)\n", "run(1)"),
    "broken before": ("x = = 1\nrun(1)\n", "run(1)"),
    "broken inside": ("run(1, x = = 2)\n", "run(1"),
    "no colon": ("if True\n    run(1)\n", "run(1)"),
    "no end": ("def f(:\n    run(1)\n", "run(1)"),
    "null": ("run(1)\0\n", "run(1)"),
}


@pytest.mark.parametrize("name", sorted(OLD))
def test_calls_of_old_and_broken_sources_are_found(name: str) -> None:
    source, expected = OLD[name]
    found = salvage(source)
    assert found is not None
    calls = [ast.unparse(one) for node in found.body for one in ast.walk(node) if isinstance(one, ast.Call)]
    assert any(one.startswith(expected) for one in calls), calls


def test_lines_are_kept_and_what_is_broken_is_said() -> None:
    found = salvage(
        "import os\n\nprint 'x'\ny = = 2\nclass A:\n    def f(self):\n        print 'y'\n        os.system('z')\n"
    )
    assert found is not None
    lines = [one.lineno for node in found.body for one in ast.walk(node) if isinstance(one, ast.Call)]
    assert sorted(lines) == [3, 7, 8]
    assert found.broken == [(4, "y = = 2")]


def test_a_payload_in_python_two_is_a_flow_like_any_other() -> None:
    source = (
        "import base64, socket\nprint 'building'\nif __name__ == '__main__':\n    print 'x'\n    exec 'never'\n"
        "exec base64.b64decode('eCA9IDE=')\ns = socket.socket()\ns.connect((base64.b64decode('eA=='), 017620))\n"
    )
    facts = wheel_of({"sample/__init__.py": source})
    found = {(call.name, call.line): call for module in facts.modules for call in module.calls}
    assert found["builtins.exec", 6].when is When.IMPORT
    assert "decoded" in found["builtins.exec", 6].arguments[0].labels
    assert found["builtins.exec", 5].when is When.CALL
    assert ("socket.socket().connect", 8) in found
    assert facts.unread == ()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "if x:\n" + " " * 9000,
        "print 'x'\n" * 20_000,
        "a." * 30_000,
        "\n".join("x" * n + "(" for n in range(400)),
        "",
    ],
    ids=["brackets", "blanks", "statements", "attributes", "calls", "nothing"],
)
def test_any_text_comes_to_an_end(text: str) -> None:
    before = time.thread_time()
    salvage(text + "\n= =")
    assert time.thread_time() - before < 5
