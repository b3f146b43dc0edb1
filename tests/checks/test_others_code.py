"""Code of other packages by its path, however that is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bonded.checks.staying import _own
from bonded.facts.model import Naming
from tests.facts.programs import calls, wheel


@pytest.mark.parametrize(
    "path", [r"C:\Python\Lib\Site-Packages\foo.py", "/usr/lib/SITE-PACKAGES/foo/a.py", "/x/site-packages//foo.py"]
)
@pytest.mark.parametrize("tops", [("foo",), ("bar",)])
def test_whose_code_it_is(path: str, tops: tuple[str, ...]) -> None:
    (call,) = calls(f"import os\nos.system({path!r})", "os.system")
    facts = replace(wheel(), naming=Naming(tops=tops))
    assert _own(call, facts) is (tops == ("foo",))
