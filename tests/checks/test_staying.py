"""Commands that let somebody in, start a program with the browser, or harm a telephone; and their look-alikes."""

from __future__ import annotations

import pytest

from bonded.checks.destructive_command.check import destructive
from bonded.checks.sending import sendings
from bonded.checks.staying import arrangements
from bonded.facts.model import Facts
from bonded.facts.value import HOST
from tests.facts.programs import wheel_of


def of_command(line: str) -> Facts:
    return wheel_of({"sample/__init__.py": f"import os\nos.system({line!r})\n"})


@pytest.mark.parametrize(
    "line",
    [
        "net user sample Passw0rd /add",
        'net localgroup "Administrators" sample /add',
        "net1.exe user sample Passw0rd /active:yes /add",
        "useradd -o -u 0 -g 0 sample",
        "usermod -aG sudo sample",
        "powershell $s=(New-Object -COM WScript.Shell).CreateShortcut('x.lnk');$s.Arguments='--load-extension=C:\\x';$s.Save()",
    ],
)
def test_a_command_that_lets_somebody_in_or_starts_with_the_browser(line: str) -> None:
    assert len(list(arrangements(of_command(line)))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "net user",
        "net localgroup administrators",
        "net use x: \\\\server\\share /persistent:yes",
        "useradd -r -u 1000 sample",
        "usermod -aG video sample",
        "chrome --load-extension=build",
    ],
)
def test_a_command_that_only_looks(line: str) -> None:
    assert list(arrangements(of_command(line))) == []


@pytest.mark.parametrize(
    "line",
    ["net user sample Passw0rd /add", "usermod -aG sudo sample", "rm -rf /sdcard/*", "taskkill /f /im svchost.exe"],
)
def test_what_a_caller_asks_for_is_no_harm(line: str) -> None:
    facts = wheel_of({"sample/__init__.py": f"import os\ndef go():\n    os.system({line!r})\n"})
    assert list(arrangements(facts)) == []
    assert destructive.run(facts, None) == []


@pytest.mark.parametrize(
    ("line", "harm"),
    [
        ("rm -rf /sdcard/*", True),
        ("rm -rf /storage/emulated/0", True),
        ("rm -rf /sdcard/Download/sample", False),
        ("rm -rf build/sdcard", False),
        ("taskkill /f /im svchost.exe", True),
        ("taskkill /f /im sample.exe", False),
    ],
)
def test_what_is_everybodys_on_a_telephone_or_in_windows(line: str, harm: bool) -> None:
    assert bool(destructive.run(of_command(line), None)) is harm


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("getent hosts $(hostname).x.example.invalid", True),
        ("getent ahosts $USER.x.example.invalid", True),
        ("getent passwd $USER", False),
    ],
)
def test_a_look_up_by_getent_tells_names(line: str, told: bool) -> None:
    found = [one for module in of_command(line).modules for one in sendings(module)]
    assert any(HOST in one.labels for one in found) is told
