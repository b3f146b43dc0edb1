"""The page about tokens says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bonded.accounts import bearing, caveats, macaroon, permits, tokens
from bonded.values.refusals import CATALOGUE

PAGE = (Path(__file__).parents[2] / "docs" / "user" / "tokens.md").read_text("utf-8")


def test_the_programs_on_the_page_work() -> None:
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, names)
    text = macaroon.mint("0123456789abcdefghjkmnpqrs", b"k" * 32)
    for rules in (['[1, ["a"]]'], ['[1, ["a"]]', "[0, 9, 1]"], ['[100, ["upload"]]', f'[1, ["{"x" * 300}"]]']):
        assert names["narrow"](text, *rules) == macaroon.narrow(text, rules)
    assert names["is_token"](text)
    assert names["is_token"](macaroon.narrow(text, ['[1, ["a"]]']))
    assert not names["is_token"](text[:-1])
    assert not names["is_token"](text.replace("A", "B", 1))


def test_codes_statuses_kinds_and_permissions_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    expected = {permits.ACCOUNT_FROZEN, permits.SECOND_FACTOR_NEEDED, bearing.FIRST_UPLOAD_ONLY} | {
        value
        for room in (caveats, macaroon, permits, tokens)
        for name, value in vars(room).items()
        if name.startswith("TOKEN_")
    } - {tokens.TOKEN_FORM}
    assert {code: int(status) for code, status in rows} == {code: CATALOGUE[code].status for code in expected}
    kinds = {int(kind) for kind in re.findall(r"^\| `\[(\d+),", PAGE, re.MULTILINE)}
    assert kinds == set(caveats._KINDS)
    assert all(f"`{permission}`" in PAGE for permission in tokens.PERMISSIONS)
