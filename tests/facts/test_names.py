"""Names are resolved, however they are spelled."""

from __future__ import annotations

import pytest

from tests.facts.programs import calls

SPELLINGS = {
    "plain": "import os\nos.system('x')",
    "alias": "import os as o\no.system('x')",
    "from": "from os import system\nsystem('x')",
    "from alias": "from os import system as s\ns('x')",
    "from in lines": "from os import (\n    path,\n    system as s,\n)\ns('x')",
    "star": "from os import *\nsystem('x')",
    "variable": "import os\nf = os.system\ng = f\ng('x')",
    "getattr": "import os\ngetattr(os, 'system')('x')",
    "getattr computed": "import os\ngetattr(os, 'sys' + 'tem')('x')",
    "getattr default": "import os\ngetattr(os, 'system', None)('x')",
    "getattr reversed": "import os\ngetattr(os, 'metsys'[::-1])('x')",
    "getattribute": "import os\nos.__getattribute__('system')('x')",
    "dict": "import os\nos.__dict__['sys' + 'tem']('x')",
    "vars": "import os\nvars(os)['system']('x')",
    "vars get": "import os\nvars(os).get('system')('x')",
    "import function": "__import__('os').system('x')",
    "import computed": "__import__('o' + 's').system('x')",
    "import_module": "import importlib\nimportlib.import_module('os').system('x')",
    "sys.modules": "import sys, os\nsys.modules['o' + 's'].system('x')",
    "builtins import": "import builtins\nbuiltins.__import__('os').system('x')",
    "posix": "import posix\nposix.system('x')",
    "attrgetter": "import operator, os\noperator.attrgetter('system')(os)('x')",
    "methodcaller": "import operator, os\noperator.methodcaller('system', 'x')(os)",
    "partial": "import functools, os\nfunctools.partial(os.system, 'x')()",
    "map": "import os\nlist(map(os.system, ['x']))",
    "in a list": "import os\n[os.path, os.system][1]('x')",
    "in a table": "import os\n{'run': os.system}['run']('x')",
    "lambda": "import os\n(lambda f: f('x'))(os.system)",
    "default argument": "import os\ndef go(f=os.system):\n    f('x')\ngo()",
    "walrus": "import os\n(f := os.system)('x')",
    "conditional": "import os, sys\nf = os.system if sys.platform else None\nf('x')",
    "call attribute": "import os\nos.system.__call__('x')",
    "try": "try:\n    from os import system\nexcept ImportError:\n    from posix import system\nsystem('x')",
    "homoglyph": "import os\nos.𝓼ystem('x')",
    "wide": "import ｏｓ\nos.system('x')",
    "global": "import os\nglobals()['o' + 's'].system('x')",
    "continued": "import os\nos \\\n  . \\\n  system('x')",
    "decorator": "import os\ndef now(f):\n    return f()\n@now\ndef go():\n    os.system('x')",
    "utf-7": "# -*- coding: utf-7 -*-\nimport os\n+AG8-s.system('x')",
}


@pytest.mark.parametrize("name", sorted(SPELLINGS))
def test_a_command_is_found_under_every_spelling(name: str) -> None:
    found = calls(SPELLINGS[name], "os.system")
    assert found, calls(SPELLINGS[name])
    assert found[0].arguments[0].text == "x"


BUILTIN_SPELLINGS = {
    "plain": "exec('x=1')",
    "variable": "e = exec\ne('x=1')",
    "builtins": "import builtins\nbuiltins.exec('x=1')",
    "from builtins": "from builtins import exec as e\ne('x=1')",
    "dunder": "__builtins__.exec('x=1')",
    "dunder item": "__builtins__['ex' + 'ec']('x=1')",
    "getattr": "getattr(__builtins__, 'ex' + 'ec')('x=1')",
    "dunder dict": "__builtins__.__dict__['exec']('x=1')",
    "globals": "globals()['__builtins__']['exec']('x=1')",
    "import": "getattr(__import__('builtins'), 'exec')('x=1')",
    "eval of name": "eval('ex' + 'ec')('x=1')",
    "parameter": "def go(f, x):\n    f(x)\ngo(exec, 'x=1')",
}


@pytest.mark.parametrize("name", sorted(BUILTIN_SPELLINGS))
def test_exec_is_found_under_every_spelling(name: str) -> None:
    source = "import base64\n" + BUILTIN_SPELLINGS[name]
    assert [call.arguments[0].text for call in calls(source, "builtins.exec")] == ["x=1"]


def test_a_computed_name_is_marked() -> None:
    assert calls("import os\ngetattr(os, 'sys' + 'tem')('x')", "os.system")[0].hidden
    assert not calls("import os\ngetattr(os, 'system')('x')", "os.system")[0].hidden


def test_another_object_of_the_same_name_is_not_taken_for_it() -> None:
    source = "import base64, os\nclass os:\n    @staticmethod\n    def system(x):\n        pass\nos.system('x')"
    assert calls(source, "os.system") == []
    assert calls("import base64\ndef exec(x):\n    pass\nexec('x')", "builtins.exec") == []
    assert calls("import base64\nmodel.eval()\nsession.exec('x')", "builtins.exec") == []
