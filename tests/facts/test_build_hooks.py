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


REPORT = "import os\n\ndef report():\n    os.system('true')\n    return '1'\n"
SETTINGS = {
    "setup.cfg attribute": {"setup.cfg": "[metadata]\nversion = attr: sample.ver.report\n", "sample/ver.py": REPORT},
    "setup.cfg command": {
        "setup.cfg": "[options]\ncmdclass =\n    install = sample.ver.C\n",
        "sample/ver.py": "import os\nfrom setuptools.command.install import install\nclass C(install):\n    def run(self):\n        os.system('true')\n",
    },
    "setuptools attribute": {
        "pyproject.toml": "[tool.setuptools.dynamic]\nversion = {attr = 'sample.ver.report'}\n",
        "sample/ver.py": REPORT,
    },
    "pdm getter": {
        "pyproject.toml": "[tool.pdm.version]\nsource = 'call'\ngetter = 'sample.ver:report'\n",
        "sample/ver.py": REPORT,
    },
    "hatch.toml": {
        "pyproject.toml": "",
        "hatch.toml": "[build.hooks.custom]\npath = 'ci/hook.py'\n",
        "ci/hook.py": HATCH,
    },
    "back-end in a package": {
        "pyproject.toml": "[build-system]\nbuild-backend = 'tools.build'\nbackend-path = ['.']\n",
        "tools/__init__.py": "import os\nos.system('true')\n",
        "tools/build.py": "from setuptools.build_meta import *\n",
    },
    "program by its name": {
        "setup.py": "import os\nos.system('python tools/gen.py')\n",
        "tools/gen.py": RUN + "go()\n",
    },
    "program as a module": {
        "setup.py": "import os\nos.system('python -m tools.gen')\n",
        "tools/__init__.py": "",
        "tools/gen.py": RUN + "go()\n",
    },
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_what_settings_and_setup_run_is_run_at_install_time(name: str) -> None:
    facts = sdist_of(SETTINGS[name])
    found = [
        call.when
        for module in facts.modules
        for call in module.calls
        if call.name == "os.system" and not module.path.endswith("/setup.py")
    ]
    assert found == [When.INSTALL]


def test_a_version_in_plain_writing_is_read_without_running_its_module() -> None:
    source = "import os\n__version__ = '1.0'\nos.system('true')\n"
    facts = sdist_of({"setup.cfg": "[metadata]\nversion = attr: sample.__version__\n", "sample/__init__.py": source})
    assert [call.when for module in facts.modules for call in module.calls] == [When.IMPORT]


def test_what_is_installed_before_a_build_is_told() -> None:
    facts = sdist_of(
        {
            "pyproject.toml": "[build-system]\nrequires = ['setuptools', 'a @ https://files.example.invalid/a.zip']\n"
            "[tool.hatch.build.hooks.custom]\ndependencies = ['b']\n",
            "setup.cfg": "[options]\nsetup_requires =\n    c>=1\n    d\n",
        }
    )
    assert facts.naming.builds == ("a @ https://files.example.invalid/a.zip", "b", "c>=1", "d", "setuptools")
