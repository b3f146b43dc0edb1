"""A stick that is full: each command of a ceremony says so in one sentence, leaves nothing half-written, and goes on later."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.story.test_faults import INSIDE
from tests.tuf_offline.machines import BONDED, Meeting

FULL = "bonded: No space left on device"
FILL = "head -c 1m /dev/zero > {stick}/filler; true"


def on_stick(stick: Path, *steps: str) -> list[tuple[int, str, str]]:
    """Run shell commands one after the other where `stick` is a small disk; (status, standard output, standard error) of each."""
    parts = [
        f'{{ {step}; }} > {stick.parent}/{at}.out 2> {stick.parent}/{at}.err; echo "$?" > {stick.parent}/{at}.rc'
        for at, step in enumerate(steps)
    ]
    stick.mkdir()
    script = "; ".join([f"mount -t tmpfs -o size=256k tmpfs {stick}", *parts])
    subprocess.run([*INSIDE, "sh", "-c", script], check=True, timeout=60, env=os.environ | {"HOME": str(stick.parent)})
    ends = [[(stick.parent / f"{at}.{what}").read_text() for what in ("rc", "out", "err")] for at in range(len(steps))]
    return [(int(status), out, err) for status, out, err in ends]


def test_a_key_is_there_wholly_or_not_at_all(tmp_path: Path) -> None:
    stick, secret = tmp_path / "stick", tmp_path / "secret"
    secret.write_text("correct horse battery staple")
    make = f"{BONDED} tuf key bob --folder {stick}/bob --passphrase-file {secret}"
    mkdir, fill, full, left, _, again = on_stick(
        stick,
        f"mkdir {stick}/bob",
        FILL.format(stick=stick),
        make,
        f"ls -A {stick}/bob",
        f"rm {stick}/filler",
        make,
    )
    assert (mkdir[0], fill[0], full[0]) == (0, 0, 1)
    assert full[2].startswith(FULL)
    assert full[2].endswith("Make room, and run the same command again\n")
    assert full[2].count("\n") == 1
    assert left[1] == ""
    assert again[0] == 0
    assert "fingerprint" in again[1]


@pytest.mark.parametrize("what", ["ceremony", "sign"])
def test_a_ceremony_goes_on_when_there_is_room(meeting: Meeting, tmp_path: Path, what: str) -> None:
    stick = tmp_path / "stick"
    meeting.folder = stick / "ceremony"
    begin = " ".join(map(str, [BONDED, *meeting.words()]))
    sign = " ".join(map(str, [BONDED, *meeting.alice.signing(meeting.folder), "--home", meeting.alice.home]))
    fill, empty, count = FILL.format(stick=stick), f"rm {stick}/filler", f"ls -A {meeting.folder}/transcript"
    made = f"mkdir -p {meeting.folder}/transcript"
    steps = (
        [made, fill, begin, count, empty, begin, count]
        if what == "ceremony"
        else [begin, fill, sign, count, empty, sign, count]
    )
    done = on_stick(stick, *steps)
    full, before, again, after = done[2], done[3], done[5], done[6]
    assert full[0] == 1
    assert full[2].rpartition("\nbonded: ")[2].startswith("No space left") or full[2].startswith(FULL)
    assert "Traceback" not in full[2]
    assert not any(name.startswith(".") for name in before[1].split())
    assert again[0] == 0, again[2]
    assert len(after[1].split()) > len(before[1].split())
