"""The shipped systemd unit: what it starts exists, and it leaves time for the graceful end."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bonded.adapters.sandbox_bubblewrap import BubblewrapSandbox
from bonded.cli import bonded
from bonded.cli.serve import check_metadata, serve, signer
from bonded.serve.group import GroupSettings
from bonded.settings import SignerSettings
from bonded.wiring import open_house

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "bonded.service"


def setting(name: str) -> str:
    (found,) = [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(name + "=")]
    return found


def test_the_group_ends_before_systemd_kills_it() -> None:
    assert setting("KillMode") == "mixed"
    assert float(setting("TimeoutStopSec")) > GroupSettings().stop_timeout


def test_what_it_starts_exists() -> None:
    program, command, directory, *options = setting("ExecStart").split()
    assert program.endswith("/bonded")
    assert command == serve.name
    known = {name for parameter in serve.params for name in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
    assert directory == setting("ReadWritePaths")


def test_it_writes_nowhere_else() -> None:
    assert setting("ProtectSystem") == "strict"
    assert setting("NoNewPrivileges") == "yes"
    assert setting("CapabilityBoundingSet") == ""


COVERS_PROC = ("ProtectKernelTunables", "ProtectKernelLogs", "ProtectHostname", "ProtectProc", "ProcSubset")


def test_the_sandbox_of_screening_works_in_it() -> None:
    """The kernel lets a new pid namespace mount its /proc only where all of the old one is seen (mount_too_revealing)."""
    named = {line.partition("=")[0] for line in UNIT.read_text().splitlines() if not line.startswith("#")}
    assert not named & {*COVERS_PROC, "RestrictNamespaces", "PrivateUsers"}
    assert "AF_NETLINK" in setting("RestrictAddressFamilies").split()  # its loopback is brought up


@pytest.mark.parametrize("covered", ["/proc/sys", "/proc/sys/kernel/hostname"])
def test_a_proc_that_is_covered_in_part_ends_the_sandbox(covered: str) -> None:
    """Why those are not in the unit. Where no namespaces can be made at all, there is no such sandbox either way."""
    possible, root = not BubblewrapSandbox().probe(), os.geteuid() == 0
    drop = "setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
    inside = "bwrap --unshare-all --cap-drop ALL --ro-bind / / --proc /proc --dev /dev -- true"
    # Another one that is seen wholly would do, such as that of a root somebody makes beside us.
    others = """awk '$3 == "proc" && $2 != "/proc" {print $2}' /proc/mounts | xargs -r umount -l"""
    for cover, works in ((f"mount --bind {covered} {covered} &&", False), ("", possible)):
        script = f"mount --make-rprivate / && {{ {others}; {cover} exec {drop if root else ''} {inside}; }}"
        command = [
            "unshare",
            "-m" if root else "-Urm",
            "sh",
            "-c",
            script,
        ]  # only root mounts, be it in a namespace of its own
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert (done.returncode == 0) is works, done.stderr


SIGNER = UNIT.with_name("bonded-signer.service")
HIDDEN = UNIT.with_name("bonded.service.d") / "signer.conf"


def test_the_signer_is_started_by_a_unit_of_its_own() -> None:
    lines = SIGNER.read_text().splitlines()
    (started,) = [line.partition("=")[2].split() for line in lines if line.startswith("ExecStart=")]
    assert started[1:] == [signer.name, setting("ReadWritePaths")]
    (written,) = [line.partition("=")[2].split() for line in lines if line.startswith("ReadWritePaths=")]
    s = SignerSettings()
    for path in (s.key, s.passphrase_file, s.state, s.socket, "run/metrics"):
        assert str(Path(started[2], path).parent) in {*written, f"{started[2]}/run"}


def test_the_keys_are_hidden_from_everything_else() -> None:
    lines = HIDDEN.read_text().splitlines()
    hidden = f"{setting('ReadWritePaths')}/{Path(SignerSettings().key).parent}"
    assert f"InaccessiblePaths={hidden}" in lines
    assert "Environment=BONDED_SIGNER__ENGINE=process" in lines


def test_the_group_starts_where_the_keys_are_hidden_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """InaccessiblePaths= lets nobody enter the folder. Tests may run as root, who is let in everywhere, so it is said here."""
    (tmp_path / "bonded.toml").write_text("")
    house = open_house(tmp_path)
    stat, keys = Path.stat, tmp_path / "keys"

    def refused(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.is_relative_to(keys) and path != keys:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refused)
    check_metadata(house)


def test_every_folder_that_the_signer_writes_is_there_after_init(tmp_path: Path) -> None:
    """systemd refuses to start a unit when a folder of ReadWritePaths= does not exist."""
    place = tmp_path / "place"
    result = CliRunner().invoke(bonded, ["init", str(place), "--dev-keys", "--page-bins", "2", "--bins", "2"])
    assert result.exit_code == 0, result.output
    (written,) = [
        line.partition("=")[2].split() for line in SIGNER.read_text().splitlines() if line.startswith("ReadWritePaths=")
    ]
    for folder in written:
        assert (place / Path(folder).relative_to(setting("ReadWritePaths"))).is_dir()


def test_systemd_waits_until_it_serves(tmp_path: Path) -> None:
    """Type=notify: what is told comes when the port answers, and nothing does where it cannot start."""
    assert setting("Type") == "notify"
    assert "Type=notify" in SIGNER.read_text().splitlines()
    place, address = tmp_path / "place", tmp_path / "notify"
    made = CliRunner().invoke(bonded, ["init", str(place), "--dev-keys", "--page-bins", "2", "--bins", "2"])
    assert made.exit_code == 0, made.output
    program = [sys.executable, "-m", "bonded"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, (tmp_path / "journal").open("w+") as journal:
        manager.bind(str(address))
        manager.settimeout(90)
        there = os.fstat(journal.fileno())
        told = {"NOTIFY_SOCKET": str(address), "JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
        for command in (["serve", str(place), "--port", "0"], ["signer", str(place)]):
            with subprocess.Popen([*program, *command], env=os.environ | told, stderr=journal) as running:
                said = manager.recv(1000).decode()
                assert said.splitlines()[0] == "READY=1"
                running.terminate()
                assert running.wait(60) == 0
        (place / "bonded.toml").write_text("unheard = 1\n")
        failed = subprocess.run([*program, "serve", str(place)], env=os.environ | told, stderr=journal, check=False)
        assert failed.returncode == 1
        manager.settimeout(0.1)
        with pytest.raises(TimeoutError):
            manager.recv(1000)
    last = (tmp_path / "journal").read_text().splitlines()[-1]
    assert last.startswith("<3>bonded: ")
    assert "unheard" in last


def test_the_backup_is_made_beside_the_server_by_the_same_user(tmp_path: Path) -> None:
    service, timer = (UNIT.with_name(f"bonded-backup.{kind}").read_text().splitlines() for kind in ("service", "timer"))
    assert {"Type=oneshot", f"User={setting('User')}", "ProtectSystem=strict"} <= set(service)
    assert "Persistent=yes" in timer
    (command,) = [line.partition("=")[2] for line in service if line.startswith("ExecStart=")]
    assert f"/opt/bonded/bin/bonded backup {setting('ReadWritePaths')} " in command
    place, copies = tmp_path / "place", tmp_path / "copies"
    copies.mkdir()
    made = CliRunner().invoke(bonded, ["init", str(place), "--dev-keys", "--page-bins", "2", "--bins", "2"])
    assert made.exit_code == 0, made.output
    here = command.replace("/opt/bonded/bin/bonded", f"{sys.executable} -m bonded").replace("%%", "%")
    here = here.replace(setting("ReadWritePaths"), str(place)).replace("/var/backups/bonded", str(copies))
    subprocess.run(shlex.split(here), check=True)
    (copy,) = copies.glob("*.tar")
    assert copy.stat().st_mode & 0o077 == 0
