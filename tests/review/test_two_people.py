"""What others require is removed by two people: the first proposes, a second one does it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert

from bonded.catalog import read, requirements
from bonded.catalog.tables import requirement
from bonded.db.engine import Database
from bonded.review import two_people
from bonded.values.states import FileState
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.review.making import one_file
from tests.review.test_decide import make

ANN = Actor(ActorKind.USER, "ann", "session")
BOB = Actor(ActorKind.USER, "bob", "session")


def needed(db: Database, now: datetime, by: int) -> read.File:
    """A public file of a project that `by` others require."""
    made = make(db, now)
    others = [make(db, now, f"Other{n}") for n in range(by)]
    with db.write() as tx:
        file_id = one_file(tx, made, now, state=FileState.PUBLIC)
        for other in others:
            tx.execute(insert(requirement).values(name=made.key, project_id=other.id))
    with db.read() as conn:
        found = read.file(conn, file_id)
    assert found
    return found


def test_one_person_suffices_below_the_number_and_two_are_needed_from_it_on(db: Database, now: datetime) -> None:
    file = needed(db, now, 3)
    with db.write() as tx:
        assert two_people.split(tx, ANN, [file], 4, now).now == (file,)
        assert two_people.split(tx, ANN, [file], 0, now).now == (file,)
        assert two_people.split(tx, OPERATOR, [file], 3, now).now == (file,)
        assert two_people.split(tx, ANN, [file], 3, now).proposed == (file,)
        two_people.propose(tx, ANN, [file.id], reason="it is malware", now=now)
        assert two_people.split(tx, ANN, [file], 3, now).proposed == (file,), "nobody agrees with themselves"
        assert two_people.split(tx, BOB, [file], 3, now).now == (file,)
        assert two_people.split(tx, BOB, [file], 3, now + two_people.LASTS).proposed == (file,), "it lapsed"
        assert two_people.proposals(tx, [file.id], now)[file.id].reason == "it is malware"


def test_a_proposal_is_renewed_not_doubled(db: Database, now: datetime) -> None:
    file = needed(db, now, 1)
    later = now + timedelta(days=1)
    with db.write() as tx:
        two_people.propose(tx, ANN, [file.id], reason="one", now=now)
        two_people.propose(tx, BOB, [file.id], reason="two", now=later)
        found = two_people.proposals(tx, [file.id], later)[file.id]
    assert (found.user_id, found.reason, found.at) == ("bob", "two", later)


def test_requirements_are_names_and_what_cannot_be_read_is_left_out() -> None:
    said = ["Flask_Login[x]>=1 ; python_version > '3'", "idna @ https://a.example.invalid/x.whl", "???", 7]
    assert requirements.required({"requires_dist": said}) == {"flask-login", "idna"}
    assert requirements.required({}) == set()
    assert requirements.required({"requires_dist": None}) == set()


def test_dependants_are_projects_each_once(db: Database, now: datetime) -> None:
    made = make(db, now)
    other = make(db, now, "Other")
    with db.write() as tx:
        for _ in range(2):
            requirements.enter(tx, other.id, {"requires_dist": ["sample>1", "nothing-here"]})
        requirements.enter(tx, made.id, {"requires_dist": ["nothing-here"]})
    with db.read() as conn:
        assert requirements.dependants(conn, ["sample", "nothing-here", "unknown"]) == {"sample": 1, "nothing-here": 2}
