"""Whether what a call gives back is used by anybody."""

from __future__ import annotations

import pytest

from tests.facts.programs import wheel

HEAD = "import requests\nimport aiohttp\n"
PROGRAMS = {
    "def tell(x):\n    requests.get('https://example.invalid/' + x)\n": False,
    "def tell(x):\n    kept = requests.get('https://example.invalid/' + x)\n    return None\n": False,
    "def tell(x):\n    kept = requests.get('https://example.invalid/' + x)\n    return kept\n": True,
    "def tell(x):\n    kept = requests.get('https://example.invalid/' + x)\n    kept += 1\n    del kept\n": True,
    "def tell(x):\n    global kept\n    kept = requests.get('https://example.invalid/' + x)\n": True,
    "def tell(x):\n    one = two = requests.get('https://example.invalid/' + x)\n": True,
    "def tell(x):\n    return requests.get('https://example.invalid/' + x)\n": True,
    "def tell(x):\n    requests.get('https://example.invalid/' + x).raise_for_status()\n": True,
    "def tell(x):\n    if x:\n        try:\n            requests.get('https://example.invalid/' + x)\n        except OSError:\n            pass\n": False,
    "tell = lambda x: requests.get('https://example.invalid/' + x)\n": True,
    "requests.get('https://example.invalid/')\n": True,
}


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_the_answer_is_used(program: str) -> None:
    calls = [
        call for module in wheel(sample=HEAD + program).modules for call in module.calls if call.name == "requests.get"
    ]
    assert [call.answered for call in calls] == [PROGRAMS[program]]


def test_only_what_reaches_out_is_said_to_be_dropped() -> None:
    (module,) = wheel(sample="import os\ndef run(x):\n    os.system(x)\n").modules
    assert [call.answered for call in module.calls if call.name == "os.system"] == [True]


def test_functions_in_each_other_end_in_their_budget() -> None:
    text, deep = HEAD, 18
    for n in range(deep):
        text += "    " * n + f"def f{n}(x):\n" + "    " * (n + 1) + "requests.get(x)\n"
    text += "    " * deep + "y = [" + "x, " * 40_000 + "]\n"
    facts = wheel(sample=text)
    assert all(not call.answered for module in facts.modules for call in module.calls if call.name == "requests.get")
