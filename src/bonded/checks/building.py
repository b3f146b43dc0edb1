"""Projects that build others, and names that are taken for theirs. Pure."""

from __future__ import annotations

from bonded.checks.kit import word_set
from bonded.checks.near import one_apart, skeleton
from bonded.checks.popular import popular

_SHORT = 4
"""Names of so few letters are one apart by accident."""
_TOOLS = word_set(
    """setuptools wheel hatchling hatch-vcs hatch-fancy-pypi-readme poetry-core poetry poetry-dynamic-versioning flit flit-core pdm-backend
    pdm-pep517 maturin setuptools-rust setuptools-scm setuptools-git-versioning scikit-build scikit-build-core meson-python meson ninja
    cmake cython numpy oldest-supported-numpy pybind11 nanobind cffi packaging versioneer versioningit whey enscons jupyter-packaging
    hatch-jupyter-builder hatch-nodejs-version uv-build pytest-runner certifi tomli toml mypy pyproject-metadata"""
)
"""Projects that build others, by their normal names."""


def taken_for_tool(name: str) -> str:
    """The build tool that is easily taken for `name` (in its normal form); "" for none."""
    if name in _TOOLS or name in popular():
        return ""
    alike = skeleton(name.replace("-", ""))
    for tool in sorted(_TOOLS):
        if len(tool) > _SHORT and (one_apart(name, tool) or skeleton(tool.replace("-", "")) == alike):
            return tool
    return ""
