"""What a pyproject.toml has a build tool run is run at install time, in whatever folder it lies."""

from __future__ import annotations

import pytest

from bonded.facts.metadata import hooks_of
from bonded.values.finding import When
from tests.facts.programs import sdist_of

RUN = "import os\n\ndef go():\n    os.system('true')\n"
HATCH = "import os\nfrom hatchling.builders.hooks.plugin.interface import BuildHookInterface as B\nclass H(B):\n    def initialize(self, v, d):\n        os.system('true')\n"
HOOKS = {
    "hatch": ("[tool.hatch.build.hooks.custom]\npath = 'tools/hook.py'\n", HATCH),
    "hatch target": ("[tool.hatch.build.targets.wheel.hooks.custom]\npath = './tools/hook.py'\n", HATCH),
    "hatch metadata": ("[tool.hatch.metadata.hooks.custom]\npath = 'tools/hook.py'\n", HATCH),
    "hatch version": ("[tool.hatch.version]\nsource = 'code'\npath = 'tools/hook.py'\n", RUN + "go()\n"),
    "poetry": ("[tool.poetry]\nbuild = 'tools/hook.py'\n", RUN.replace("go", "build")),
    "poetry script": ("[tool.poetry.build]\nscript = 'tools/hook.py'\n", RUN + "go()\n"),
    "pdm": ("[tool.pdm.build]\ncustom-hook = 'tools/hook.py'\n", RUN.replace("go", "pdm_build_initialize")),
    "setuptools": (
        "[tool.setuptools.cmdclass]\nbuild_py = 'tools.hook.B'\n",
        "import os\nfrom setuptools.command.build_py import build_py\nclass B(build_py):\n    def run(self):\n        os.system('true')\n",
    ),
}


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_runs_at_install_time(name: str) -> None:
    project, source = HOOKS[name]
    facts = sdist_of({"pyproject.toml": project, "tools/hook.py": source})
    found = [call.when for module in facts.modules for call in module.calls if call.name == "os.system"]
    assert found == [When.INSTALL]


def test_a_tool_that_nothing_names_does_not() -> None:
    facts = sdist_of({"pyproject.toml": "[tool.hatch.build]\n", "tools/hook.py": RUN + "go()\n"})
    assert not [call for module in facts.modules for call in module.calls if call.when is When.INSTALL]


@pytest.mark.parametrize("text", [b"[tool", b"tool = 1", b"[tool]\nhatch = []", b"[tool.poetry]\nbuild = 1", b"\xff"])
def test_a_broken_file_names_none(text: bytes) -> None:
    assert hooks_of(text) == frozenset()
