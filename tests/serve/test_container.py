"""The shipped container: what it is made from is all that is needed, and what it starts exists and has time to end."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from bonded.cli import bonded
from bonded.cli.serve import serve
from bonded.serve.group import GroupSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/container"
LINES = re.sub(r"\\\n", " ", (FOLDER / "Containerfile").read_text()).splitlines()


def words_of(instruction: str) -> list[list[str]]:
    return [line.split()[1:] for line in LINES if line.startswith(f"{instruction} ")]


def started() -> tuple[list[str], list[str]]:
    """ENTRYPOINT and CMD."""
    (entry,), (command,) = (
        [line.partition(" ")[2] for line in LINES if line.startswith(f"{instruction} ")]
        for instruction in ("ENTRYPOINT", "CMD")
    )
    return json.loads(entry), json.loads(command)


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["bonded"]
    return found


def test_the_distribution_is_made_whole_from_what_is_copied(tmp_path: Path) -> None:
    for *sources, into in (words for words in words_of("COPY") if not words[0].startswith("--from")):
        for source in sources:
            place = tmp_path / into / Path(source).name if into.endswith("/") else tmp_path / into
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
    make = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "dist")]
    done = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    listed = subprocess.run(["git", "ls-files", "src/bonded"], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {name.removeprefix("src/") for name in listed.stdout.split("\n") if name}
    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())


def test_libraries_are_installed_by_their_hashes() -> None:
    installs = [line for line in LINES if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)
    for name in re.findall(r"-r (\S+)", "\n".join(installs)):
        assert (ROOT / name).is_file()


def test_what_it_starts_exists() -> None:
    entry, (command, directory, *options) = started()
    assert entry[-1] == bonded.name
    assert command == serve.name
    known = {name for parameter in serve.params for name in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
    (volume,), (env,), (place,) = words_of("VOLUME"), words_of("ENV"), words_of("WORKDIR")[-1:]
    assert [f"BONDED_DIR={directory}"] == env
    assert [directory] == volume == place


def test_it_runs_as_nobody_in_particular(service: dict[str, Any]) -> None:
    assert words_of("USER") == [["bonded"]]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]


def test_compose_makes_it_from_here_and_keeps_its_volumes(service: dict[str, Any]) -> None:
    context = (FOLDER / service["build"]["context"]).resolve()
    assert context == ROOT
    assert (context / service["build"]["dockerfile"]).is_file()
    directory = started()[1][1]
    assert directory in [volume.partition(":")[2] for volume in service["volumes"]]


def test_compose_reaches_it_and_lets_it_end(service: dict[str, Any]) -> None:
    port = started()[1][-1]
    assert words_of("EXPOSE") == [[port]]
    assert [published.rpartition(":")[2] for published in service["ports"]] == [port]
    assert f"127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]
    assert int(service["stop_grace_period"].removesuffix("s")) > GroupSettings().stop_timeout
