"""Each contract of .importlinter is kept by the house and broken by a planted violation, in a copy of the tree."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


@dataclass(frozen=True)
class Seed:
    """Lines to add to files of the copy (made where missing), and the module that the report must name."""

    lines: dict[str, str]
    named: str


SEEDS = {
    "floors": Seed({"src/bonded/values/planted.py": "import bonded.db.engine"}, "bonded.values.planted"),
    "readers-are-static": Seed({"src/bonded/serve/planted.py": "import sqlalchemy"}, "bonded.serve.planted"),
    "checks-are-pure": Seed({"src/bonded/facts/planted.py": "import socket"}, "bonded.facts.planted"),
    "checks-stand-alone": Seed(
        {
            "src/bonded/checks/planted_a/__init__.py": "",
            "src/bonded/checks/planted_a/check.py": "import bonded.checks.planted_b.check",
            "src/bonded/checks/planted_b/__init__.py": "",
            "src/bonded/checks/planted_b/check.py": "",
        },
        "bonded.checks.planted_a.check",
    ),
    "scan-stands-alone": Seed({"src/bonded/screening/run.py": "import sqlalchemy"}, "bonded.screening.run"),
    "pyramid-stays-in-web": Seed({"src/bonded/upload/planted.py": "import pyramid.config"}, "bonded.upload.planted"),
    "build-is-pure": Seed({"src/bonded/tuf/build.py": "import bonded.db.engine"}, "bonded.tuf.build"),
    "only-wiring-picks-adapters": Seed(
        {"src/bonded/ops/planted.py": "import bonded.adapters.counter_sql"}, "bonded.ops.planted"
    ),
    "client-stands-alone": Seed(
        {"client/src/bonded_client/planted.py": "import bonded.values.names"}, "bonded_client.planted"
    ),
}


def contracts() -> set[str]:
    """Ids of the contracts in .importlinter."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    return {name.rpartition(":")[2] for name in config.sections() if ":contract:" in name}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The two source trees and the contracts, to plant things in."""
    leave = shutil.ignore_patterns("__pycache__", "static", "samples", "versions")
    for tree in ("src", "client/src"):
        shutil.copytree(ROOT / tree, tmp_path / tree, ignore=leave)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def lint(where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the tree at `where`."""
    environment = os.environ | {"PYTHONPATH": f"{where / 'src'}:{where / 'client/src'}", "COLUMNS": "400"}
    return subprocess.run(
        [LINT, "--no-logo", "--no-cache", *words],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_has_a_violation_planted() -> None:
    assert set(SEEDS) == contracts()


def test_the_house_keeps_all_contracts(copy: Path) -> None:
    ran = lint(copy)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Contracts: {len(SEEDS)} kept, 0 broken." in ran.stdout


@pytest.mark.parametrize("contract", sorted(SEEDS))
def test_a_planted_violation_is_seen(copy: Path, contract: str) -> None:
    seed = SEEDS[contract]
    for name, line in seed.lines.items():
        path = copy / name
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(f"\n{line}\n")
    ran = lint(copy, "--contract", contract)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "BROKEN" in ran.stdout
    assert seed.named in ran.stdout.replace("\n", "")
