"""An alarm from the state of a real data directory to the mail in a folder, and everywhere else where it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from bonded.accounts.tables import user
from bonded.cli import bonded
from bonded.db.worker import work_once
from bonded.journal.seal import seal
from bonded.screening import states
from bonded.screening.states import CheckState, Origin
from bonded.telemetry import metrics
from bonded.tuf.loop import PublisherLoop
from bonded.values.who import OPERATOR, POLICY, Actor
from bonded.wiring import House, open_house

START = datetime.now(UTC)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A data directory as `bonded init` makes it, with an administrator who reads German."""
    folder = tmp_path / "data"
    made = CliRunner().invoke(
        bonded, ["init", str(folder), "--dev-keys", "--page-bins", "4", "--bins", "4", "--admin", "root"]
    )
    assert made.exit_code == 0, made.output
    house = open_house(folder)
    with house.db.write() as tx:
        tx.execute(update(user).values(language="de"))
    deliver(house)
    return house


def at(house: House, days: float) -> House:
    """The same directory, so many days later."""
    return replace(house, clock=lambda: START + timedelta(days=days))


def deliver(house: House) -> None:
    while work_once(house.db, {"mail": house.jobs()["mail"]}, house.clock):
        pass


def mails(house: House) -> list[str]:
    """Subjects of all alarms that were mailed."""
    found = [message_from_bytes(p.read_bytes(), policy=default) for p in (house.directory / "mail").rglob("*.eml")]
    return sorted(str(m["Subject"]) for m in found if m["X-Bonded-Action"] == "index.alarm")


def look(house: House) -> None:
    """One round of the worker's house-keeping, and the mails that follow."""
    for _, call, _ in house.rounds():
        call(house.clock())
    deliver(house)


def test_an_administrator_is_mailed_once_before_root_expires(house: House) -> None:
    loop = PublisherLoop(house.publisher, house.clock)
    loop.turn()
    for days in (276.5, 276.6, 336.5, 337):
        later = at(house, days)
        with later.db.write() as tx:
            seal(tx, now=later.clock())
        look(later)
    told = [subject for subject in mails(house) if "Rolle root" in subject]
    assert len(told) == 2
    assert all(subject.startswith("Bonded: Die Rolle root läuft am ") for subject in told)
    assert [subject.partition(" ab ")[2] for subject in told] == [
        "(verbleibende Tage: 28).",
        "(verbleibende Tage: 88).",
    ]
    assert "Bonded, dringend: Die Rolle timestamp ist abgelaufen: Clients weisen den Index zurück." in mails(house)


def test_a_check_that_was_sent_back_is_told_until_a_person_sets_its_state(house: House) -> None:
    def put(who: Actor, state: CheckState, origin: Origin) -> None:
        with house.db.write() as tx:
            states.set_state(tx, who, "startup-hook", state, reason="1 of 30 was right", now=START, origin=origin)

    put(POLICY, CheckState.EVALUATION, Origin.PRECISION)
    for _ in range(2):
        look(at(house, 0.001))
    told = [subject for subject in mails(house) if "startup-hook" in subject]
    assert told == ["Bonded: Die Prüfregel startup-hook ging zurück in die Erprobung: 1 of 30 was right."]
    assert "check-demoted" in {alarm.kind for alarm in house.status().alarms}
    put(OPERATOR, CheckState.EVALUATION, Origin.PERSON)
    assert "check-demoted" not in {alarm.kind for alarm in at(house, 0.002).status().alarms}


def test_a_feed_of_vulnerabilities_that_fails_is_mailed_and_on_every_view(house: House) -> None:
    (house.directory / "feed.zip").write_text("no archive")
    with (house.directory / "bonded.toml").open("a") as settings:
        settings.write('\n[vulnerabilities]\nfeed = "feed.zip"\n')
    fed = open_house(house.directory)
    for _ in range(2):
        look(at(fed, 0.001))
    told = [subject.strip() for subject in mails(house) if "Schwachstellen" in subject]
    assert told == ["Bonded: Der letzte Import bekannter Schwachstellen ist fehlgeschlagen."]
    assert "feed-failed" in {alarm.kind for alarm in house.status().alarms}
    assert any("The last import of known vulnerabilities failed" in line for line in house.alarms()), (
        "what /readyz says"
    )
    shown = CliRunner().invoke(bonded, ["tuf", "status", "--dir", str(house.directory)])
    assert "ALARM feed-failed (warning): The last import of known vulnerabilities failed." in shown.output
    own = CliRunner().invoke(bonded, ["vulnerability", "status", "--dir", str(house.directory)])
    assert (own.exit_code, "neither a folder" in own.output) == (1, True)


def test_every_view_tells_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    later = at(house, 2)
    kinds = {alarm.kind for alarm in later.status().alarms}
    assert "role-expired" in kinds
    assert any(line.startswith("critical: The role timestamp has expired") for line in later.alarms())
    told = {labels["kind"] for measure, labels, _ in later.levels() if measure.name == "bonded_alarms"}
    assert told == kinds
    monkeypatch.setattr("bonded.wiring.wall_clock", later.clock)
    monkeypatch.setattr("bonded.cli.tuf.open_house", lambda directory: later)
    result = CliRunner().invoke(bonded, ["tuf", "status", "--json", "--dir", str(house.directory)])
    assert result.exit_code == 1
    assert {alarm["kind"] for alarm in json.loads(result.stdout)["alarms"]} == kinds
    words = CliRunner().invoke(bonded, ["tuf", "status", "--dir", str(house.directory)])
    assert "ALARM role-expired (critical): The role timestamp has expired: clients refuse the index." in words.output


def test_figures_are_printed_for_a_machine_without_a_web_process(house: House) -> None:
    metrics.start(house.metrics_folder, "publisher")
    try:
        loop = PublisherLoop(house.publisher, house.clock)
        loop.turn()
        house.lock.release()  # type: ignore[attr-defined]
        result = CliRunner().invoke(bonded, ["metrics", "--dir", str(house.directory)])
    finally:
        metrics.stop()
    assert result.exit_code == 0, result.output
    found = dict(line.rsplit(" ", 1) for line in result.stdout.splitlines() if not line.startswith("#"))
    assert float(found['bonded_publication_step_seconds_count{step="claim"}']) >= 1
    assert float(found['bonded_role_left_seconds{role="root",where="offline"}']) > 364 * 86400
    assert found['bonded_jobs_lag_seconds{queue="purge"}'] is not None
    assert "bonded_publication_rows_parked" in found
