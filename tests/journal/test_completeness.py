"""The journal is complete: the table of actions and the table of routes are walked.

That each single request leaves its row is seen by tests/support/witness.py in every test of a page; here the walk makes sure
that no action and no route was left out of that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from bonded.db.engine import Database
from bonded.db.tables import whole
from bonded.journal import record
from bonded.values.actions import ACTIONS, Who
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR
from bonded.web.routes import ROUTES
from tests.support.events import ALSO, LINKS, MANY, STEP_UP, UNTOUCHED

ROOT = Path(__file__).parents[2]
SAFE = {"GET", "HEAD"}
CHANGING = [(route, method) for route in ROUTES for method in route.methods if method not in SAFE]


NOTHING_STORED = {"preferences"}
"""Routes that only answer with a cookie."""


def sources() -> str:
    """All code but the two tables."""
    tables = {ROOT / "src/bonded/values/actions.py", ROOT / "src/bonded/web/routes.py"}
    paths = sorted((ROOT / "src/bonded").rglob("*.py"))
    return "\n".join(path.read_text("utf-8") for path in paths if path not in tables and "routes" not in path.name)


def test_every_action_that_has_events_is_recorded_somewhere() -> None:
    text = sources()
    named = set(re.findall(r"\"([a-z-]+\.[a-z-]+)\"", text))
    built = set(re.findall(r"f\"([a-z]+)\.\{", text))  # review.{act}
    silent = [a.name for a in ACTIONS.values() if a.event and a.name not in named and a.name.split(".")[0] not in built]
    assert silent == []


def test_what_only_guards_reading_cannot_be_recorded(sqlite_db: Database, now: object) -> None:
    for action in ACTIONS.values():
        if not action.event:
            with pytest.raises(ValueError, match="guards reading"), sqlite_db.write() as tx:
                record(tx, action.name, OPERATOR, (SubjectKind.INDEX, ""), now=now)  # type: ignore[arg-type]
        elif action.about_project:
            with pytest.raises(ValueError, match="names no project"), sqlite_db.write() as tx:
                record(tx, action.name, OPERATOR, (SubjectKind.INDEX, ""), now=now)  # type: ignore[arg-type]


def test_every_route_that_changes_something_declares_an_action_with_an_event() -> None:
    without = [route.name for route, method in CHANGING if not ACTIONS[route.methods[method][0]].event]
    assert set(without) <= set(ALSO) | NOTHING_STORED


def test_no_route_lets_people_do_what_is_the_systems() -> None:
    assert [r.name for r in ROUTES for action, _ in r.methods.values() if ACTIONS[action].who is Who.SYSTEM] == []


def test_what_the_witness_overlooks_is_there() -> None:
    """An exception for a table, column, route or act that is gone would cover the next one of that name."""
    tables = whole().tables
    for one in UNTOUCHED:
        table, _, column = one.partition(" ")[2].partition(".")
        assert table in tables, one
        assert not column or column in tables[table].c, one
    assert set(ALSO) | MANY <= {route.name for route in ROUTES}
    assert set().union(LINKS, *(acts for sets in ALSO.values() for acts in sets)) <= ACTIONS.keys()


def watched(seen: Path) -> str:
    """Run all tests of pages once more, watched, and write what each request left to `seen`; what pytest said of it."""
    folders = [name for name in ("web", "publishing", "screening_service") if (ROOT / "tests" / name).is_dir()]
    words = ["-q", "-n", str(os.cpu_count() or 1), "--dist", "worksteal", "-p", "tests.support.witness_plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-m", "not slow", *(f"tests/{name}" for name in folders)],
        cwd=ROOT,
        env=os.environ | {"BONDED_TEST_WITNESS": str(seen)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_route_was_driven_and_left_its_row(tmp_path: Path) -> None:
    """All tests of pages once more, watched: of each changing route, some request succeeded and left the declared row.

    And of each exception of the witness, some request needed it. It takes as long as those tests. BONDED_TEST_SEEN names a file
    that such a run has written already: the same tests with BONDED_TEST_WITNESS set to it.
    """
    seen, said = Path(os.environ.get("BONDED_TEST_SEEN") or tmp_path / "seen"), ""
    if not seen.exists():
        said = watched(seen)
    left: dict[str, set[str]] = defaultdict(set)
    whole_sets: dict[str, set[frozenset[str]]] = defaultdict(set)
    several: set[str] = set()
    for line in seen.read_text("utf-8").splitlines():
        method, route, status, acts = line.split(" ")
        if method not in SAFE and int(status) < 400:
            left[f"{method} {route}"] |= set(acts.split(","))
            rest = without_companions(route, method, acts)
            whole_sets[route].add(frozenset(rest))
            several |= {route} if len(rest) > len(set(rest)) else set()
    missing = []
    for route, method in CHANGING:
        action = ACTIONS[route.methods[method][0]]
        if route.name in NOTHING_STORED:
            continue
        wanted = {action.name} if action.event else set().union(*ALSO[route.name])
        if not any(left[f"{method} {route.name}"]):
            missing.append(f"{method} {route.name}: never left {sorted(wanted)}")
    assert missing == [], said[-4000:]
    unused = [(route, sorted(acts)) for route, sets in ALSO.items() for acts in sets if acts not in whole_sets[route]]
    assert unused == [], "exceptions of the witness that nothing needs"
    assert MANY - several == set(), "routes that never acted on several things at once"


def without_companions(route: str, method: str, acts: str) -> list[str]:
    """The acts of one request without links that went out beside them, and without the password asked in place."""
    declared = ACTIONS[next(one for one in ROUTES if one.name == route).methods[method][0]]
    asked = declared.factor and declared.name != STEP_UP
    return [act for act in acts.split(",") if act and act not in LINKS and not (asked and act == STEP_UP)]
