"""When code runs: install, start-up, import, call or never."""

from __future__ import annotations

import pytest

from bonded.facts.layout import dotted, package_of, when_of
from bonded.facts.profile import profile_of
from bonded.values.finding import When
from tests.facts.programs import sdist_of, wheel_of

RUN = "import os\n{}os.system('x')\n"


def when(facts: object) -> dict[str, str]:
    return {call.scope: call.when.value for m in facts.modules for call in m.calls if call.name == "os.system"}  # type: ignore[attr-defined]


PLACES = {
    ("setup.py", "sdist"): When.INSTALL,
    ("sample/setup.py", "sdist"): When.IMPORT,
    ("src/sample/__init__.py", "sdist"): When.IMPORT,
    ("tests/test_a.py", "sdist"): When.NEVER,
    ("sample/tests/a.py", "wheel"): When.NEVER,
    ("sample/testing.py", "wheel"): When.IMPORT,
    ("docs/conf.py", "sdist"): When.NEVER,
    ("noxfile.py", "sdist"): When.NEVER,
    ("sample/__main__.py", "wheel"): When.CALL,
    ("sample.pth", "wheel"): When.STARTUP,
    ("sitecustomize.py", "wheel"): When.STARTUP,
    ("sample/sitecustomize.py", "wheel"): When.IMPORT,
    ("tests/sitecustomize.py", "sdist"): When.NEVER,
    ("sample-1.0.data/scripts/run.py", "wheel"): When.CALL,
    ("sample-1.0.data/purelib/sitecustomize.py", "wheel"): When.STARTUP,
    ("sample-1.0.data/platlib/sample/__init__.py", "wheel"): When.IMPORT,
}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_where_a_member_stands(place: tuple[str, str]) -> None:
    path, kind = place
    assert when_of(path if kind == "wheel" else f"sample-1.0/{path}", kind) is PLACES[place]


@pytest.mark.parametrize("name", ["example", "tools", "demo", "tests", "ci"])
def test_a_project_that_is_called_like_a_folder_of_examples_is_a_project(name: str) -> None:
    assert when_of(f"{name}/__init__.py", "wheel", name) is When.IMPORT
    assert when_of(f"{name}/deep/module.py", "wheel", name) is When.IMPORT
    assert when_of(f"{name}/tests/test_it.py", "wheel", name) is When.NEVER
    assert when_of(f"{name}-1.0/{name}/__init__.py", "sdist", name) is When.IMPORT
    assert when_of(f"{name}/__init__.py", "wheel", "sample") is When.NEVER
    source = "import base64; exec(base64.b64decode('eD0x'))"
    facts = wheel_of({f"{name}/__init__.py": source}, f"{name}-1.0-py3-none-any.whl")
    assert {call.when for module in facts.modules for call in module.calls} == {When.IMPORT}


@pytest.mark.parametrize("folder", ["example", "tests", "tools"])
def test_what_is_all_there_is_of_a_package_is_no_example(folder: str) -> None:
    source = "import base64; exec(base64.b64decode('eD0x'))" + "\n# a remark" * 30
    members = {f"sample/{folder}/core.py": source, "sample/__init__.py": "VERSION = 1\n"}
    facts = wheel_of(members)
    assert {call.when for module in facts.modules for call in module.calls} == {When.IMPORT}
    assert facts.naming.code_bytes == sum(map(len, members.values()))  # what it says of itself counts the same code
    assert len(profile_of(facts).modules) == 2
    packed = sdist_of({f"src/{path}": text for path, text in members.items()})
    assert {call.when for module in packed.modules for call in module.calls} == {When.IMPORT}
    beside = wheel_of(members | {"sample/core.py": "def one():\n    return 1\n" * 20})
    assert not [call for module in beside.modules for call in module.calls if call.when is not When.NEVER]


def test_tests_that_are_not_installed_are_tests_whatever_else_there_is() -> None:
    source = "import base64; exec(base64.b64decode('eD0x'))" + "\n# a remark" * 30
    facts = sdist_of({"setup.py": "import setuptools\nsetuptools.setup()\n", "tests/core.py": source})
    assert not [call for module in facts.modules for call in module.calls if call.depth or call.name == "builtins.exec"]


def test_dotted_names() -> None:
    assert dotted("sample-1.0/src/pkg/mod.py", "sdist") == "pkg.mod"
    assert dotted("pkg/__init__.py", "wheel") == "pkg"
    assert package_of("pkg/__init__.py", "wheel") == "pkg"
    assert package_of("pkg/mod.py", "wheel") == "pkg"


def test_functions_run_when_something_that_runs_calls_them() -> None:
    source = (
        "import os\ndef used():\n    os.system('a')\ndef by_used():\n    os.system('b')\ndef unused():\n    os.system('c')\n"
        "def middle():\n    by_used()\nused()\nmiddle()\n"
    )
    assert when(wheel_of({"sample/__init__.py": source})) == {"used": "import", "by_used": "import", "unused": "call"}


def test_methods_run_with_their_objects() -> None:
    source = (
        "import os, threading\nclass A:\n    def __init__(self):\n        self.go()\n    def go(self):\n        os.system('a')\n"
        "    def stay(self):\n        os.system('b')\n    def later(self):\n        os.system('c')\n"
        "x = A()\nthreading.Thread(target=x.later).start()\n"
    )
    assert when(wheel_of({"sample/__init__.py": source})) == {"A.go": "import", "A.stay": "call", "A.later": "import"}


def test_main_blocks_run_when_called() -> None:
    source = "import os\nif __name__ == '__main__':\n    os.system('x')\n"
    assert when(wheel_of({"sample/__init__.py": source})) == {"<main>": "call"}
    assert when(sdist_of({"setup.py": source})) == {"<main>": "install"}


def test_command_classes_run_at_install() -> None:
    source = (
        "import os\nfrom setuptools import setup\nfrom setuptools.command.install import install\n"
        "class A(install):\n    def run(self):\n        os.system('x')\nclass B(A):\n    def run(self):\n        os.system('y')\n"
        "class C:\n    def run(self):\n        os.system('z')\nsetup(cmdclass={'install': B})\n"
    )
    assert when(sdist_of({"setup.py": source})) == {"A.run": "install", "B.run": "install", "C.run": "call"}


COMMAND = "import os\nfrom setuptools import Command, setup\nclass Own(Command):\n    def run(self):\n        os.system('true')\n"
ASKED = {
    "by who works on it": ("setup(cmdclass={'update': Own})", When.CALL),
    "by an installer": ("setup(cmdclass={'install': Own})", When.INSTALL),
    "under two names": ("setup(cmdclass={'update': Own, 'egg_info': Own})", When.INSTALL),
    "under a name of its own": ("setup(cmdclass={'sample': Own})", When.INSTALL),
    "by another command": (
        (
            "from setuptools.command.build_py import build_py as B\nclass Build(B):\n    def run(self):\n        self.run_command('update')\n"
            "setup(cmdclass={'update': Own, 'build_py': Build})"
        ),
        When.INSTALL,
    ),
    "by the program itself": ("import sys\nsys.argv.append('update')\nsetup(cmdclass={'update': Own})", When.INSTALL),
    "by another call": ("setup(cmdclass={'update': Own})\nsetup(cmdclass={'install': Own})", When.INSTALL),
    "by who is derived from it": (
        "class Other(Own):\n    pass\nsetup(cmdclass={'update': Own, 'install': Other})",
        When.INSTALL,
    ),
    "by nobody who is seen": ("setup(**settings())", When.INSTALL),
    "at once": (
        "from setuptools import Distribution\nOwn(Distribution()).run()\nsetup(cmdclass={'update': Own})",
        When.INSTALL,
    ),
}


@pytest.mark.parametrize("who", sorted(ASKED))
def test_a_command_runs_at_install_unless_only_those_ask_for_it_who_work_on_the_project(who: str) -> None:
    source, when = ASKED[who]
    facts = sdist_of({"setup.py": COMMAND + source + "\n"})
    assert [call.when for module in facts.modules for call in module.calls if call.name == "os.system"] == [when]


FLOWS = {
    "exec(open('sample/version.py').read())": (),
    "subprocess.check_output(['git', 'describe', '--tags'])": (),
    "os.system('pkg-config --cflags sample')": (),
    "os.system('git describe; ./sample')": ("install command",),
    "os.system('git -c core.pager=sample log')": ("install command",),
    "subprocess.run(['make', '-C', 'native'])": ("install command",),
    "exec(more())": ("install code",),
    "exec(__import__('base64').b64decode(x))": ("install code",),
}


@pytest.mark.parametrize("line", sorted(FLOWS))
def test_a_profile_leaves_out_what_builds_do_without_end(line: str) -> None:
    facts = sdist_of({"setup.py": f"import os, subprocess\n{line}\n"})
    assert profile_of(facts).flows == FLOWS[line]


def test_an_in_tree_backend_runs_at_install() -> None:
    project = '[build-system]\nbuild-backend = "back"\nbackend-path = ["tools"]\n'
    source = "import os\ndef build_wheel(a, b=None, c=None):\n    os.system('x')\ndef other():\n    os.system('y')\n"
    facts = sdist_of({"pyproject.toml": project, "tools/back.py": source})
    assert when(facts) == {"build_wheel": "install", "other": "call"}


def test_what_setup_imports_runs_at_install() -> None:
    inner = "import os, base64\nos.system('x')\n"
    facts = sdist_of({"setup.py": "import sample.build\n", "sample/__init__.py": "", "sample/build.py": inner})
    assert when(facts) == {"": "install"}


def test_only_import_lines_of_a_start_up_file_run() -> None:
    facts = wheel_of({"sample.pth": "# import os; os.system('a')\nfolder\nimport os; os.system('b')\n"})
    assert [call.arguments[0].text for m in facts.modules for call in m.calls] == ["b"]
    assert when(facts) == {"": "startup"}


def test_tests_run_where_the_package_imports_them() -> None:
    payload = "import os\nos.system('x')\n"
    assert when(wheel_of({"sample/__init__.py": "", "sample/tests/a.py": payload})) == {}
    for line in (
        "from .tests import a",
        "import sample.tests.a",
        "from sample.tests import (\n    a,\n)",
        "from .tests \\\n import a",
    ):
        found = when(wheel_of({"sample/__init__.py": line + "\n", "sample/tests/a.py": payload}))
        assert found == {"": "import"}, line
    by_way = {
        "sample/__init__.py": "from .tests import b\n",
        "sample/tests/b.py": "from . import a\n",
        "sample/tests/a.py": payload,
    }
    assert when(wheel_of(by_way)) == {"": "import"}


ENTRIES = {
    "pytest11": ("sample.hooks", "pytest_configure", When.IMPORT),
    "setuptools.finalize_distribution_options": ("sample.hooks:go", "go", When.IMPORT),
    "console_scripts": ("sample.hooks:go", "go", When.CALL),
}


@pytest.mark.parametrize("group", sorted(ENTRIES))
def test_functions_behind_entry_points_run_where_another_program_loads_them(group: str) -> None:
    place, name, when = ENTRIES[group]
    facts = wheel_of(
        {
            "sample/__init__.py": "",
            "sample/hooks.py": f"import os\n\ndef {name}(config):\n    os.system('true')\n",
            "sample-1.0.dist-info/entry_points.txt": f"[{group}]\nsample = {place}\n",
        }
    )
    assert [call.when for module in facts.modules for call in module.calls] == [when]


def test_a_program_for_python_needs_no_ending() -> None:
    facts = wheel_of({"sample-1.0.data/scripts/sample": "#!/usr/bin/env python\nimport os\nos.system('true')\n"})
    assert [(call.name, call.when) for module in facts.modules for call in module.calls] == [("os.system", When.CALL)]
    assert facts.naming.tops == ()
