"""Calls that are written as nobody means them: reading and judging go on, for a crash hides all that stands beside them."""

from __future__ import annotations

import pytest

from tests.facts.programs import calls

PRIVATE = "import json, os, socket, sys\nheld = dict(os.environ)\n"
ODD = {
    "os.write without a place": "os.write(data=held)\nos.write(**{'data': held})",
    "dumps from a list": "json.dump(*[held, sys.stdout])\njson.dump(held, *[sys.stdout])",
    "dumps by name": "json.dump(obj=held, fp=sys.stdout)\njson.dump(held)\njson.dump()",
    "prints to what is no file": "print(held, file=held)\nprint(file=sys.stderr)",
    "receives into nothing": "socket.socket().recv_into()\nsocket.socket().recv_into(*held)",
}


@pytest.mark.parametrize("name", sorted(ODD))
def test_what_stands_beside_is_seen(name: str) -> None:
    found = calls(f"{PRIVATE}{ODD[name]}\nos.system('whoami')", "os.system")
    assert len(found) == 1
