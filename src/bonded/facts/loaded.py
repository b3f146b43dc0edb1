"""Functions that other programs run without being asked to: those behind entry points of pytest and of setuptools. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from typing import Final

_MOST_TEXT: Final = 65_536
_EVERY_BUILD: Final = ("setuptools.finalize_distribution_options", "egg_info.writers", "setuptools.file_finders")
_COMMANDS: Final = (
    *("build", "build_py", "build_ext", "build_scripts", "install", "install_lib", "install_data"),
    *("egg_info", "sdist", "bdist_wheel", "bdist_egg", "develop", "dist_info"),
)
"""Commands that every build runs: who takes their name runs in all of them."""
NEVER_ASKED: Final = frozenset(
    {
        *("upload", "publish", "release", "tag", "bump", "deploy", "upload_docs", "build_docs", "docs", "doc", "build_sphinx"),
        *("test", "tests", "lint", "format", "coverage", "benchmark", "update", "update_data", "vendor", "download", "fetch"),
    }
)  # fmt: skip
"""Names of commands for who works on a project: no installer asks for them, nor does any command of a build tool."""
ASKING: Final = (
    "run_command",
    "sub_commands",
    "get_command_obj",
    "get_finalized_command",
    "reinitialize_command",
    "get_command_class",
    "getattr",
    "__dict__",
    ".cmdclass",
    ".commands",
    "script_args",
    "argv",
)
"""Words of which one is in a file that has one command run another, or says itself what is run."""
_RUN: Final = ("initialize_options", "finalize_options", "run")


def loaded_in(text: str) -> Iterator[str]:
    """Dotted names of functions that the entry points in `text` hand to other programs; those of a module that begin so, where
    a name ends in "*"."""
    parser = ConfigParser(delimiters=("=",), strict=False, interpolation=None)
    try:
        parser.read_string(text[:_MOST_TEXT])
    except (ConfigError, ValueError):
        return
    for section in parser.sections():
        for name, value in parser.items(section):
            place = value.split("[")[0].strip().replace(":", ".").replace(" ", "")
            if section == "pytest11":
                yield f"{place}.pytest_*"
            elif section in _EVERY_BUILD:
                yield place
            elif section == "distutils.commands" and name in _COMMANDS:
                yield from (f"{place}.{method}" for method in _RUN)
