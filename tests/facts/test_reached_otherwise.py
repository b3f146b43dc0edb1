"""Code is followed to what runs it where Python runs it without a plain call, or under a name that leads there by another way."""

from __future__ import annotations

import base64
import pickle

import pytest

from bonded.facts import pickled
from tests.facts.programs import calls, labels

CODE = base64.b64encode(b"import os\nprint(os.getcwd())\n").decode()
DECODE = f"base64.b64decode('{CODE}')"

EXPRESSIONS = {
    "annotation": f"x: exec({DECODE}) = 1",
    "annotation of a parameter": f"def f(x: exec({DECODE})): pass",
    "annotation of a result": f"def f() -> exec({DECODE}): pass",
    "format": f"x = f'{{1:{{exec({DECODE.replace(chr(39), chr(34))})}}}}'",
    "capture": f"match {DECODE}:\n    case code:\n        exec(code)",
    "sequence": f"match [exec, {DECODE}]:\n    case [run, code]:\n        run(code)",
    "mapping": f"match {{'r': exec, 'c': {DECODE}}}:\n    case {{'r': run, 'c': code}}:\n        run(code)",
    "star": f"match [1, {DECODE}]:\n    case [1, *code]:\n        exec(code[0])",
    "guard": f"match 1:\n    case x if exec({DECODE}):\n        pass",
    "decorators": f"@exec\n@base64.b64decode\n@(lambda f: f())\ndef f():\n    return '{CODE}'",
    "class decorators": f"@exec\n@(lambda k: {DECODE})\nclass A: pass",
    "lambda of a hook": f"import sys\nsys.excepthook = lambda *a: exec({DECODE})",
    "lambda of a class": f"A = type('A', (), {{'go': lambda self: exec({DECODE})}})",
    "lambda kept": f"later(lambda: exec({DECODE}))",
    "global": f"def set():\n    global code\n    code = {DECODE}\nset()\nexec(code)",
    "global set before": f"code = None\ndef set():\n    global code\n    code = {DECODE}\nset()\nexec(code)",
    "nonlocal": f"def f():\n    code = None\n    def set():\n        nonlocal code\n        code = {DECODE}\n    set()\n    exec(code)\nf()",
    "globals()": f"globals()['code'] = {DECODE}\nexec(code)",
    "globals().update": f"globals().update(run=exec, code={DECODE})\nrun(code)",
    "globals().__setitem__": f"globals().__setitem__('code', {DECODE})\nexec(code)",
    "setattr": f"class A: pass\nsetattr(A, 'run', exec)\nA.run({DECODE})",
    "class body": f"class A:\n    run = staticmethod(exec)\nA.run({DECODE})",
    "type": f"A = type('A', (), {{'run': staticmethod(exec)}})\nA.run({DECODE})",
    "namespace": f"import types\nn = types.SimpleNamespace(run=exec)\nn.run({DECODE})",
    "namedtuple": f"import collections\nT = collections.namedtuple('T', 'run code')\nt = T(exec, {DECODE})\nt.run(t.code)",
}
HANDED = {
    "atexit": f"import atexit\natexit.register(exec, {DECODE})",
    "finalize": f"import weakref\nweakref.finalize(x, exec, {DECODE})",
    "submit": f"pool.submit(exec, {DECODE})",
    "scheduler": f"import sched\nsched.scheduler().enter(0, 1, exec, ({DECODE},))",
    "key": f"sorted([{DECODE}], key=exec)",
    "sort": f"x = [{DECODE}]\nx.sort(key=exec)",
    "starmap": f"import itertools\nlist(itertools.starmap(exec, [({DECODE},)]))",
    "reduce": f"import functools\nfunctools.reduce(lambda v, f: f(v), (base64.b64decode, exec), '{CODE}')",
    "zip": f"any(f(c) for f, c in zip([exec], [{DECODE}]))",
    "max": f"max([{DECODE}], key=lambda c: exec(c))",
}
NAMES = {
    "__self__": f"print.__self__.exec({DECODE})",
    "f_builtins": f"import sys\nsys._getframe().f_builtins['exec']({DECODE})",
    "__globals__": f"(lambda: 0).__globals__['__builtins__']['exec']({DECODE})",
    "__builtins__ of another": f"import inspect\ninspect.__builtins__['ex' + 'ec']({DECODE})",
}
OBJECTS = {
    "type of a function": f"type(lambda: 0)(compile({DECODE}, '', 'exec'), {{}})()",
    "class of a function": f"(lambda: 0).__class__(compile({DECODE}, '', 'exec'), {{}})()",
    "__code__": f"def f(): pass\nf.__code__ = compile({DECODE}, '', 'exec')\nf()",
    "setattr": f"def f(): pass\nsetattr(f, '__code__', compile({DECODE}, '', 'exec'))",
}


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_what_runs_without_a_plain_call_is_followed(name: str) -> None:
    assert "decoded" in labels("import base64\n" + EXPRESSIONS[name])


@pytest.mark.parametrize("name", sorted(HANDED))
def test_who_is_given_exec_and_code_runs_it(name: str) -> None:
    assert "decoded" in labels("import base64\n" + HANDED[name])


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_leads_to_the_builtins_is_followed(name: str) -> None:
    assert "decoded" in labels("import base64\n" + NAMES[name])


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_a_function_that_is_made_of_code_is_followed(name: str) -> None:
    found = calls("import base64\n" + OBJECTS[name], "types.FunctionType()")
    assert found
    assert "decoded" in found[0].arguments[0].labels


DECODERS = {
    "getdecoder": f"import codecs\nexec(codecs.getdecoder('base64')(b'{CODE}')[0])",
    "lookup": f"import codecs\nexec(codecs.lookup('base64').decode(b'{CODE}')[0])",
    "incremental": f"import codecs\nexec(codecs.getincrementaldecoder('base64')().decode(b'{CODE}'))",
    "iterdecode": f"import codecs\nexec(b''.join(codecs.iterdecode([b'{CODE}'], 'base64')))",
    "mail": f"from email.base64mime import decode\nexec(decode('{CODE}'))",
}


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_codecs_are_decoders_however_they_are_found(name: str) -> None:
    run = calls(DECODERS[name], "builtins.exec")[0]
    assert "decoded" in run.arguments[0].labels
    assert (run.arguments[0].text or "").startswith("import os")


def test_a_codec_of_text_decodes_nothing() -> None:
    assert "decoded" not in labels("import codecs\nexec(codecs.getdecoder('utf-8')(b'print(1)')[0])")


SPELLED = {
    "to_bytes": f"exec(({int.from_bytes(b'print(1)', 'big')}).to_bytes(8, 'big'))",
    "to_bytes of a text": "exec(int('7072696e74283129', 16).to_bytes(8, 'big'))",
    "struct": "import struct\nexec(struct.pack('8B', 112, 114, 105, 110, 116, 40, 49, 41))",
    "entities": "import html\nexec(html.unescape('&#112;&#114;int(1)'))",
    "bytearray": "o = bytearray()\nfor c in [42, 40, 51, 52, 46, 114, 107, 115]:\n    o.append(c ^ 90)\nexec(o.decode())",
}


@pytest.mark.parametrize("name", sorted(SPELLED))
def test_code_out_of_numbers_is_spelled(name: str) -> None:
    run = calls(SPELLED[name], "builtins.exec")[0]
    assert "characters" in run.arguments[0].labels
    assert run.arguments[0].text is not None


COMMANDS = {
    "passed on": "import random\nrandom._os.system('id')",
    "passed on twice": "import shutil\nshutil.os.sys.modules\nshutil.os.system('id')",
    "globals of another": "import logging\nlogging.info.__globals__['system']('id')",
    "handed": "import atexit, os\natexit.register(os.system, 'id')",
}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_os_is_os_wherever_it_is_found(name: str) -> None:
    assert calls(COMMANDS[name], "os.system")[0].arguments[0].text == "id"


LIBRARIES = {
    "CDLL": "import ctypes\nctypes.CDLL(None).system(b'id')",
    "attribute": "import ctypes\nctypes.cdll.msvcrt.system(b'id')",
    "wide": "import ctypes\nctypes.cdll.msvcrt._wsystem('id')",
    "loaded": "from ctypes import cdll\ncdll.LoadLibrary('libc.so.6').system(ctypes.c_char_p(b'id'))\nimport ctypes",
}


@pytest.mark.parametrize("name", sorted(LIBRARIES))
def test_a_library_that_runs_commands_is_one(name: str) -> None:
    assert {one.name for one in calls(LIBRARIES[name])} & {"ctypes.CDLL().system", "ctypes.CDLL()._wsystem"}


class _Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("id",))


def test_a_pickle_is_read_and_not_loaded() -> None:
    assert list(pickled.calls(pickle.dumps(_Runs()))) == [("builtins.print", "id")]
    assert list(pickled.calls(pickle.dumps(_Runs(), 0))) == [("__builtin__.print", "id")]
    assert list(pickled.calls(b"\xff\x00")) == []
    assert (
        calls("import pickle\npickle.loads(b\"cos\\nsystem\\n(S'id'\\ntR.\")", "os.system")[0].arguments[0].text == "id"
    )


def test_what_a_pickle_will_call_is_a_call() -> None:
    source = "import os\nclass A:\n    def __reduce__(self):\n        return os.system, ('id',)\n"
    assert calls(source, "os.system")[0].arguments[0].text == "id"


def test_what_a_loader_gives_is_run() -> None:
    source = f"import base64, importlib.abc\nclass L(importlib.abc.SourceLoader):\n    def get_data(self, path):\n        return {DECODE}\n"
    assert "decoded" in labels(source)
    assert not calls(source.replace("importlib.abc.SourceLoader", "Base"), "builtins.exec")


def test_a_class_that_is_asked_about_is_not_run() -> None:
    source = "import subprocess\nfrom typing import cast\nif isinstance('x', subprocess.Popen):\n    cast(subprocess.Popen, x)\n"
    assert not calls(source, "subprocess.Popen")


def test_lambdas_of_one_scope_are_told_apart() -> None:
    source = "import os\nrun = lambda: os.system('a')\nkept = lambda: os.system('b')\nrun()\n"
    assert {call.arguments[0].text: str(call.when) for call in calls(source, "os.system")} == {
        "a": "import",
        "b": "call",
    }
