"""Constants are folded through every way to spell them, and folding is bounded."""

from __future__ import annotations

import base64
import zlib

import pytest

from bonded.facts.spend import Spend
from bonded.facts.value import UNKNOWN
from tests.facts.programs import calls, labels, text

B64 = base64.b64encode(b"x=1").decode()
ZIP = zlib.compress(b"x=1")
FOLDS = {
    "sum": "exec('x' + '=' + '1')",
    "adjacent": "exec('x' '=1')",
    "percent": "exec('%s=%d' % ('x', 1))",
    "format": "exec('{}={}'.format('x', 1))",
    "f-string": "a = 'x'\nexec(f'{a}=1')",
    "join": "exec(''.join(['x', '=', '1']))",
    "reversed": "exec('1=x'[::-1])",
    "reversed()": "exec(''.join(reversed('1=x')))",
    "chr": "exec(chr(120) + chr(61) + chr(49))",
    "comprehension": "exec(''.join(chr(c) for c in [120, 61, 49]))",
    "map": "exec(''.join(map(chr, [120, 61, 49])))",
    "xor": "exec(''.join(chr(ord(c) ^ 1) for c in 'y<0'))",
    "loop": "s = ''\nfor c in [121, 62, 50]:\n    s += chr(c - 1)\nexec(s)",
    "append": "s = []\nfor c in 'x=1':\n    s.append(c)\nexec(''.join(s))",
    "bytes": "exec(bytes([120, 61, 49]))",
    "hex": "exec(bytes.fromhex('783d31'))",
    "base64": f"import base64\nexec(base64.b64decode('{B64}'))",
    "base64 split": f"import base64\na = '{B64[:2]}'\na += '{B64[2:]}'\nexec(base64.b64decode(a))",
    "zlib": f"import zlib\nexec(zlib.decompress({ZIP!r}))",
    "codecs": f"import codecs\nexec(codecs.decode('{B64}', 'base64'))",
    "rot13": "import codecs\nexec(codecs.decode('k=1', 'rot13'))",
    "replace": "exec('y=1'.replace('y', 'x'))",
    "translate": "exec('y=1'.translate(str.maketrans('y', 'x')))",
    "slice": "exec('..x=1..'[2:-2])",
    "table": "t = {'a': 'x', 'b': '=1'}\nexec(t['a'] + t['b'])",
    "function": "def f(s):\n    return s[::-1]\nexec(f('1=x'))",
    "default": "def f(s, n=-1):\n    return s[::n]\nexec(f('1=x'))",
    "method": "class A:\n    def f(self, s):\n        return s[::-1]\nexec(A().f('1=x'))",
    "field": "class A:\n    def __init__(self):\n        self.s = 'x=1'\n    def go(self):\n        exec(self.s)\nA().go()",
    "unpacked": "a, b = 'x=', '1'\nexec(a + b)",
    "quoted": "from urllib.parse import unquote\nexec(unquote('%78%3d1'))",
    "conditional": "exec('x=1' if True else 'y')",
    "nested lambda": "exec((lambda s: s[::-1])('1=x'))",
    "compiled": "exec(compile('x=1', 'f', 'exec'))",
    "decode": "exec(b'x=1'.decode('ascii'))",
    "split": "exec('x,=,1'.replace(',', ''))",
    "multiplied": "exec('x' * 1 + '=1')",
    "dedented": "import textwrap\nexec(textwrap.dedent('  x=1'))",
    "substituted": "import re\nexec(re.sub('[_ ]', '', 'x_= _1'))",
    "parsed": "import json\nexec(json.loads('{\"a\": [\"x=1\"]}')['a'][0])",
    "nested exec": "exec('a = \"x=1\"')\nb = a\nexec(b)",
}


@pytest.mark.parametrize("name", sorted(set(FOLDS) - {"nested exec"}))
def test_the_text_is_folded(name: str) -> None:
    assert text("import base64\n" + FOLDS[name]) == "x=1"


def test_names_of_decoded_code_are_seen_by_what_follows() -> None:
    found = calls("import base64\n" + FOLDS["nested exec"], "builtins.exec")
    assert [call.arguments[0].text for call in found] == ['a = "x=1"', "x=1"]


BOMBS = {
    "repeat": "'x' * 10 ** 10",
    "power": "9 ** 9 ** 9",
    "shift": "1 << 10 ** 9",
    "width": "'%1000000000d' % 1",
    "format width": "'{:1000000000}'.format(1)",
    "zfill": "'x'.zfill(10 ** 9)",
    "replace": "('a' * 100000).replace('a', 'b' * 100000)",
    "join": "('x' * 100000).join(['y'] * 100000)",
    "deflate": "zlib.decompress(zlib.compress(b'0' * 10 ** 9))",
    "range": "''.join(chr(c) for c in range(10 ** 9))",
    "bytes": "bytes(10 ** 10)",
    "list": "[0] * 10 ** 10",
    "pattern": "__import__('re').sub('(a+)+$', '', 'a' * 100 + 'b')",
    "growing": "__import__('re').sub('a', 'b' * 100000, 'a' * 100000)",
    "brackets": "__import__('json').loads('[' * 100000)",
    "doubling": "(lambda f: f(f(f(f(f(f('x' * 1000)))))))(lambda s: s * 50)",
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_folding_stays_small(name: str) -> None:
    found = calls(f"import base64, zlib\nexec({BOMBS[name]})", "builtins.exec")
    assert len(found) == 1


def test_the_budget_counts_bytes() -> None:
    spend = Spend(octets=10)
    assert spend.fold(6)
    assert not spend.fold(6)
    assert repr(UNKNOWN) == "?"


def test_decoders_leave_a_label_where_the_text_is_unknown() -> None:
    assert "decoded" in labels("import base64, sys\nexec(base64.b64decode(sys.argv[1]))")
    assert "decoded" in labels("import sys\nexec(sys.argv[1].decode('hex'))")
    assert "decoded" not in labels("import base64, sys\nexec(sys.argv[1].decode('utf-8'))")
    assert "characters" in labels("import sys\nexec(''.join(chr(int(c)) for c in sys.argv))")
    assert "decoded" in labels(
        "import sys\nfrom cryptography.fernet import Fernet\nexec(Fernet(sys.argv[1]).decrypt(b'x'))"
    )
