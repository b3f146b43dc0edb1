"""Small real projects for real clients to build and publish: a source tree, and its distributions by hatchling."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BACKENDS = {
    "hatchling": ("hatchling.build", "hatchling", '[tool.hatch.build]\ninclude = ["{module}"]\n'),
    "flit": ("flit_core.buildapi", "flit_core >=3.4", '[tool.flit.module]\nname = "{module}"\n'),
    "poetry": (
        "poetry.core.masonry.api",
        "poetry-core>=2.0",
        '[tool.poetry]\npackages = [{{ include = "{module}" }}]\n',
    ),
}


@dataclass(frozen=True)
class Made:
    """A project in `tree`; `dist` may be empty until something builds it."""

    name: str
    version: str
    tree: Path

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def wheel(self) -> str:
        return f"{self.module}-{self.version}-py3-none-any.whl"

    @property
    def sdist(self) -> str:
        return f"{self.module}-{self.version}.tar.gz"

    @property
    def wheel_path(self) -> Path:
        """The built wheel."""
        return next(path for path in self.dist() if path.name == self.wheel)

    def dist(self) -> list[Path]:
        """Sdist and wheel, built by hatchling, which is installed beside the tests: nothing is fetched."""
        folder = self.tree / "dist"
        if not folder.exists():
            subprocess.run(
                [sys.executable, "-m", "hatchling", "build"],
                cwd=self.tree,
                check=True,
                capture_output=True,
                timeout=120,
            )
        return sorted(folder.iterdir())


def make(folder: Path, name: str, *, version: str, backend: str) -> Made:
    """Write a project with one module of Unicode text, a README and metadata."""
    built = Made(name, version, folder / f"{name}-{version}")
    module = built.tree / built.module
    module.mkdir(parents=True)
    (module / "__init__.py").write_text(
        f'"""The project {name}, for a story."""\n\n__version__ = "{version}"\nWORDS = "żółw"\n'
    )
    (built.tree / "README.md").write_text(f"# {name}\n\nÅ story: żółw.\n")
    api, requires, tool = BACKENDS[backend]
    (built.tree / "pyproject.toml").write_text(
        f"""[build-system]
requires = ["{requires}"]
build-backend = "{api}"

[project]
name = "{name}"
version = "{version}"
description = "A project made for a story"
readme = "README.md"
requires-python = ">=3.9"
authors = [{{ name = "Zażółć Gęślą", email = "author@example.invalid" }}]
classifiers = ["Programming Language :: Python :: 3"]

{tool.format(module=built.module)}"""
    )
    return built


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
