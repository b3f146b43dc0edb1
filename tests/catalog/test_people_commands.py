"""Commands about people: invitations, approvals, critical projects, policies, personal data, and the catalogue of mails."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from bonded.accounts import people, recovery_asking
from bonded.accounts.tables import factor
from bonded.adapters.counter_sql import SqlCounter
from bonded.catalog import invitations, read
from bonded.cli import bonded
from bonded.journal.tables import journal
from bonded.values.states import FileState
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.catalog.conftest import Shelf
from tests.catalog.test_commands import code, house, ok, run

__all__ = ["house"]


def test_inviting(house: Shelf, folder: Path) -> None:
    ok(folder, "project", "owner", "invite", "Sample", "bob")
    with house.db.read() as conn:
        bob = people.by_name(conn, "bob")
        assert bob
        (one,) = invitations.of_user(conn, bob.id, now=house.now)
    assert (one.project_key, one.role, one.invited_by) == ("sample", "maintainer", "")
    assert code(folder, "project", "owner", "invite", "sample", "bob") == "invited-already"
    assert code(folder, "project", "owner", "invite", "sample", "nobody") == "no-such-user"


def test_two_owners(house: Shelf, folder: Path) -> None:
    assert code(folder, "project", "two-owners", "sample", "on") == "two-owners-needed"
    ok(folder, "project", "owner", "add", "sample", "bob")
    ok(folder, "project", "two-owners", "sample", "on")
    with house.db.read() as conn:
        project = read.project(conn, "sample")
        assert project
    for number in (1, 2):
        house.file(project, "2.0", state=FileState.HELD, filename=f"sample-2.0-{number}-py3-none-any.whl")
    waiting = ok(folder, "project", "waiting", "sample").splitlines()
    assert [line.split("\t")[:2] for line in waiting] == [
        ["sample-1.0.tar.gz", "held"],
        ["sample-2.0-1-py3-none-any.whl", "held"],
        ["sample-2.0-2-py3-none-any.whl", "held"],
    ]
    assert len(json.loads(ok(folder, "project", "waiting", "sample", "--json"))) == 3
    assert "reviewers are waited for" in run(folder, "file", "approve", "sample-2.0-1-py3-none-any.whl").stderr
    ok(folder, "file", "decline", "sample-2.0-2-py3-none-any.whl", "--reason", "not ours")
    assert code(folder, "file", "approve", "sample-2.0-2-py3-none-any.whl") == "wrong-state"
    assert code(folder, "file", "approve", "nothing-1.0.tar.gz") == "no-such-file"
    assert code(folder, "project", "owner", "remove", "sample", "bob") == "two-owners-needed"
    ok(folder, "project", "two-owners", "sample", "off")
    assert code(folder, "project", "two-owners", "sample", "off") == "no-second-owner-asked"


def test_policies(house: Shelf, folder: Path) -> None:
    shown = json.loads(ok(folder, "policy", "show", "--json"))
    assert shown == {
        "of_managers": True,
        "everybody": False,
        "critical_devices": True,
        "critical_projects": [],
        "people": 2,
        "with_second_factor": 0,
        "with_security_device": 0,
    }
    ok(folder, "policy", "factors", "--everybody", "--reason", "decided")
    ok(folder, "project", "critical", "Sample", "on", "--reason", "much depends on it")
    shown = json.loads(ok(folder, "policy", "show", "--json"))
    assert (shown["everybody"], shown["critical_devices"], shown["critical_projects"]) == (True, True, ["sample"])
    assert "critical_projects\tsample" in ok(folder, "policy", "show")
    assert code(folder, "policy", "factors", "--everybody", "--reason", "again") == "same-policy"
    assert code(folder, "project", "critical", "sample", "on", "--reason", "again") == "wrong-state"
    ok(folder, "project", "critical", "sample", "off", "--reason", "no more")


def test_personal_data_and_deletion(house: Shelf, folder: Path) -> None:
    found = json.loads(ok(folder, "user", "export", "ann"))
    assert found["user_account"][0]["name"] == "ann"
    packed = CliRunner().invoke(bonded, ["user", "export", "ann", "--format", "zip", "--dir", str(folder)])
    with zipfile.ZipFile(io.BytesIO(packed.stdout_bytes)) as archive:
        assert "project_role.json" in archive.namelist()
    assert code(folder, "user", "delete", "ann", "--yes") == "owns-alone"
    assert run(folder, "user", "delete", "bob", input="n\n").exit_code == 1
    ok(folder, "user", "delete", "bob", "--yes")
    assert code(folder, "user", "delete", "bob", "--yes") == "no-such-user"
    assert "bob" not in ok(folder, "user", "list")
    assert code(folder, "user", "create", "B-o-B", "--email", "b@example.invalid") == "user-name-taken"
    with house.db.read() as conn:
        actions = list(conn.execute(select(journal.c.action)).scalars())
    assert actions.count("account.export") == 2
    assert actions.count("account.delete") == 1


def test_who_lost_all_factors(house: Shelf, folder: Path) -> None:
    assert json.loads(ok(folder, "user", "recoveries", "--json")) == []
    with house.db.write() as tx:
        ann = people.need(tx, "ann")
        row = {"id": new_id(), "user_id": ann.id, "kind": "app", "label": "phone", "transports": []}
        tx.execute(factor.insert().values(row | {"created_at": house.now}))
    recovery_asking.ask(house.db, SqlCounter(house.db), OPERATOR, "ann", now=house.now)
    ((number, name, state),) = [line.split("\t")[:3] for line in ok(folder, "user", "recoveries").splitlines()]
    assert (number, name, state) == ("1", "ann", "asked")
    assert json.loads(ok(folder, "user", "recoveries", "--json"))[0]["overdue"] is False


@pytest.mark.parametrize("language", ["en", "de"])
def test_all_mails(language: str) -> None:
    listed = CliRunner().invoke(bonded, ["mail", "list", "--language", language])
    assert listed.exit_code == 0
    names = [line.partition("\t")[0] for line in listed.stdout.splitlines()]
    assert len(names) >= 45
    assert "recovery.begin" in names
    shown = CliRunner().invoke(bonded, ["mail", "show", "recovery.begin", "--language", language]).stdout
    assert ("Ihre zweiten Faktoren werden entfernt" in shown) is (language == "de")
    assert "<html" in CliRunner().invoke(bonded, ["mail", "show", "recovery.begin", "--html"]).stdout
    assert CliRunner().invoke(bonded, ["mail", "show", "no.such"]).exit_code == 2
