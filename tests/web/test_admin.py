"""The console: queue, case with evidence, decisions, jobs, people, journal, publications."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.tables import finding
from bonded.checks import outside, registry
from bonded.db.jobs import job
from bonded.journal.tables import journal
from bonded.review import suppress
from bonded.screening.states import CheckState
from bonded.values.states import AccountState, FileState, ProjectStatus
from tests.web.house import House, form_to


def held(house: House) -> tuple[str, int]:
    """A held file of the project spam in a case, and an administrator called root."""
    ann = house.person("ann")
    house.person("root", admin=True)
    house.project("spam", ann)
    file_id = house.file(ann, "spam", "1.0", state=FileState.HELD)
    return file_id, house.case(file_id, headline="Decoded code \u202e is executed")


def state_of(house: House, file_id: str) -> FileState:
    with house.db.read() as conn:
        file = read.file(conn, file_id)
    assert file
    return file.state


def test_the_queue_leads_to_the_case(both: House) -> None:
    held(both)
    browser = both.login("root")
    assert "1 open case" in browser.get("/admin/")
    queue = browser.get("/admin/review/")
    assert "0.83" in queue
    assert "U+202E" in queue
    assert "1 of 1 waiting" in queue
    assert "case 1" in queue.click("spam", href="/admin/review/")
    assert "Nothing waits" in browser.get("/admin/review/?project=eggs")
    assert "No closed cases" in browser.get("/admin/review/?state=closed")
    for broken in ("?state=x", "?after=x", "?after=1~x", "?sort=x", "?by=x", "?campaign=x", "?sort=oldest&after=1~2"):
        browser.get(f"/admin/review/{broken}", status=400)


def test_a_case_shows_ranked_evidence_beside_the_code(house: House) -> None:
    _, case_id = held(house)
    page = house.login("root").get(f"/admin/review/{case_id}/")
    hit = page.html.select_one(".code li.hit")
    assert hit.select_one(".no").text == "12"
    assert "exec(base64" in hit.text
    assert page.html.select(".code .k")
    assert "&lt;script&gt;" in page
    assert page.html.select_one("main").find("script") is None
    assert "\u202e" not in page
    assert "Decoded, not run: base64" in " ".join(page.html.main.text.split())
    assert "print" in page.html.select(".code")[1].text
    assert "runs when it is imported" in page
    assert "+2.50" in page
    assert "bubblewrap" in page


@pytest.mark.parametrize(
    ("act", "state", "action"),
    [
        ("release", FileState.PUBLIC, "review.release"),
        ("reject", FileState.REJECTED, "review.reject"),
        ("remove", FileState.REMOVED, "review.remove"),
        ("ask-owner", FileState.HELD, "review.ask-owner"),
    ],
)
def test_a_decision_is_one_act_with_a_reason(house: House, act: str, state: FileState, action: str) -> None:
    file_id, case_id = held(house)
    browser = house.login("root")
    page = browser.get(f"/admin/review/{case_id}/")
    form = page.forms["decide"]
    assert page.html.find("button", formaction=f"/admin/review/{case_id}/{act}/")
    form.action = f"/admin/review/{case_id}/{act}/"
    form["reason"] = "looked at it <closely>"
    answer = form.submit(status=200 if act == "remove" else 303)
    if act == "remove":
        assert "Nothing brings a removed file back." in answer
        assert state_of(house, file_id) is FileState.HELD
        form_to(answer, "/remove/").submit(status=303)
    assert state_of(house, file_id) is state
    with house.db.read() as conn:
        row = conn.execute(select(journal).order_by(journal.c.id.desc()).limit(1)).one()
    assert (row.action, row.facts["reason"]) == (action, "looked at it <closely>")
    root = row.actor_id
    with house.db.read() as conn:
        assert people.names(conn, {root}) == {root: "root"}


def test_enter_alone_decides_nothing(house: House) -> None:
    _, case_id = held(house)
    first = house.login("root").get(f"/admin/review/{case_id}/").html.select_one("#decide button")
    assert first.has_attr("disabled")
    assert first.has_attr("hidden")


def test_decisions_follow_the_states(house: House) -> None:
    file_id, case_id = held(house)
    browser = house.login("root")

    def decide(act: str) -> None:
        form = browser.get(f"/admin/review/{case_id}/").forms["decide"]
        form.action = f"/admin/review/{case_id}/{act}/"
        form["reason"] = "because"
        for box in form.fields["file"]:
            box.checked = True
        answer = form.submit()
        if answer.status_int == 200:
            form_to(answer, f"/{act}/").submit(status=303)

    def offered() -> set[str]:
        page = browser.get(f"/admin/review/{case_id}/")
        return {button["formaction"].split("/")[-2] for button in page.html.select("#decide button[formaction]")}

    assert offered() == {"release", "reject", "remove", "ask-owner"}
    decide("reject")
    assert offered() == {"release", "reject", "remove", "reopen", "ask-owner"}
    decide("reopen")
    assert state_of(house, file_id) is FileState.HELD
    decide("release")
    assert offered() == {"quarantine", "remove", "ask-owner"}
    decide("quarantine")
    assert state_of(house, file_id) is FileState.QUARANTINED
    decide("release")
    decide("remove")
    assert offered() == set()


def test_a_decision_without_reason_or_file_is_refused_and_changes_nothing(house: House) -> None:
    file_id, case_id = held(house)
    browser = house.login("root")
    form = browser.get(f"/admin/review/{case_id}/").forms["decide"]
    form.action = f"/admin/review/{case_id}/release/"
    assert "A reason is needed" in form.submit(status=400).html.find(role="alert").text
    form["reason"] = "kept for you"
    form["file"] = False
    answer = form.submit(status=400)
    assert "No file was chosen" in answer.html.find(role="alert").text
    assert answer.forms["decide"]["reason"].value == "kept for you"
    assert state_of(house, file_id) is FileState.HELD


def test_a_decision_reaches_only_files_of_its_case(house: House) -> None:
    _, case_id = held(house)
    with house.db.read() as conn:
        ann = people.by_name(conn, "ann")
    assert ann
    house.project("eggs", ann)
    other = house.file(ann, "eggs", "1.0", state=FileState.HELD)
    browser = house.login("root")
    secret = browser.get(f"/admin/review/{case_id}/").forms["decide"]["csrf"].value
    fields = {"csrf": secret, "file": other, "reason": "because"}
    browser.post(f"/admin/review/{case_id}/release/", fields, status=400)
    browser.post("/admin/review/999/release/", fields, status=404)
    browser.post("/admin/review/x/release/", fields, status=400)
    assert state_of(house, other) is FileState.HELD


def test_a_suppression_is_of_a_finding_of_its_case(house: House) -> None:
    """A form from another case: what it names there must not count for nothing, nor stand in the journal as seen here."""
    held(house)
    bob = house.person("bob")
    house.project("eggs", bob)
    other = house.file(bob, "eggs", "2.0", state=FileState.HELD)
    case_id = house.case(other)
    browser = house.login("root")
    with house.db.read() as conn:
        first, second = conn.execute(select(finding.c.id).order_by(finding.c.id)).scalars()
    secret = browser.get(f"/admin/review/{case_id}/").forms["decide"]["csrf"].value
    fields = {"csrf": secret, "finding": str(first), "days": "30", "reason": "harmless"}
    assert "no-such-finding" in browser.post(f"/admin/review/{case_id}/suppress/", fields, status=404)
    with house.db.read() as conn:
        assert suppress.suppressions(conn, now=house.now) == []
    browser.post(f"/admin/review/{case_id}/suppress/", fields | {"finding": str(second)}, status=303)


def test_a_second_administrator_is_told_that_it_changed(house: House) -> None:
    _, case_id = held(house)
    house.person("root2", admin=True)
    one, two = house.login("root"), house.login("root2")
    forms = [browser.get(f"/admin/review/{case_id}/").forms["decide"] for browser in (one, two)]
    forms[0].action = f"/admin/review/{case_id}/remove/"
    forms[1].action = f"/admin/review/{case_id}/release/"
    for form in forms:
        form["reason"] = "because"
    form_to(forms[0].submit(status=200), "/remove/").submit(status=303)
    assert "wrong-state" in forms[1].submit(status=409)


def test_a_project_is_quarantined_and_released(house: House) -> None:
    held(house)
    browser = house.login("root")
    form = form_to(browser.get("/admin/projects/?name=SPAM"), "/quarantine/?name=spam")
    assert "Fill this in." in form.submit(status=400)
    form["reason"] = "stolen account"
    page = form.submit(status=303).follow()
    with house.db.read() as conn:
        assert read.project(conn, "spam").status is ProjectStatus.QUARANTINED  # type: ignore[union-attr]
    form = form_to(page, "/release/?name=spam")
    form["reason"] = "given back"
    form.submit(status=303)
    with house.db.read() as conn:
        assert read.project(conn, "spam").status is ProjectStatus.ACTIVE  # type: ignore[union-attr]
    browser.get("/admin/projects/?name=nothing", status=404)


def test_the_checks_page_counts_and_begins_as_the_settings_say(house: House) -> None:
    """What it shows is what acts: how long decisions count, and how a check from outside begins that nobody has set."""
    _, case_id = held(house)
    form = house.login("root").get(f"/admin/review/{case_id}/").forms["decide"]
    form.action, form["reason"] = f"/admin/review/{case_id}/reject/", "because"
    form.submit(status=303)
    house.now += timedelta(days=7)
    stranger = replace(registry.built_in()[0], name="decoded-code-executed", origin="elsewhere", rules="1", version=1)
    outside.provide(lambda: outside.Outside((stranger,)))
    try:
        before = _line(house, stranger.name)
        house.settings = replace(house.settings, decisions_count=timedelta(days=3), new_checks=CheckState.ENABLED)
        house.__post_init__()
        after = _line(house, stranger.name)
        page = house.login("root").get(f"/admin/checks/{stranger.name}/")
    finally:
        outside.provide(None)
    assert ("evaluation" in before, "1 decision" in before) == (True, True), before
    assert ("enabled" in after, "no decisions" in after) == (True, True), after
    assert page.html.find("option", selected=True)["value"] == "enabled"


def _line(house: House, check: str) -> str:
    """What the page of all checks says of one."""
    page = house.login("root").get("/admin/checks/").html
    return next(" ".join(row.text.split()) for row in page.select("tbody tr") if row.find("a", string=check))


def test_dead_jobs_are_retried_and_discarded(both: House) -> None:
    both.person("root", admin=True)
    with both.db.write() as tx:
        for key in ("screen:a", "screen:b"):
            tx.execute(
                insert(job).values(
                    queue="screen",
                    key=key,
                    payload={},
                    state="dead",
                    due=both.now,
                    attempt=5,
                    max_attempts=5,
                    last_error="ValueError: <bad>",
                    created_at=both.now,
                )
            )
    browser = both.login("root")
    page = browser.get("/admin/jobs/")
    assert "ValueError: &lt;bad&gt;" in page
    again = form_to(page, "/retry/")
    again["reason"] = "the scanner is back"
    page = again.submit(status=303).follow()
    discard = form_to(page, "/discard/")
    discard["reason"] = "not needed"
    assert "No dead jobs." in discard.submit(status=303).follow()
    assert discard.submit(status=404)
    with both.db.read() as conn:
        rows = conn.execute(select(journal.c.action, journal.c.facts).order_by(journal.c.id.desc()).limit(2)).all()
    told = [(row.action, row.facts["reason"]) for row in rows]
    assert told == [("job.discard", "not needed"), ("job.retry", "the scanner is back")]


def test_an_account_is_frozen_with_a_reason(house: House) -> None:
    house.person("ann")
    house.person("root", admin=True)
    browser = house.login("root")
    page = browser.get("/admin/people/").click("ann")
    form = form_to(page, "/freeze/")
    assert "reason-needed" in form.submit(status=400)
    form["reason"] = "sends spam"
    page = form.submit(status=303).follow()
    assert "sends spam" in page
    with house.db.read() as conn:
        assert people.by_name(conn, "ann").state is AccountState.FROZEN  # type: ignore[union-attr]
    form = form_to(page, "/unfreeze/")
    form["reason"] = "talked to them"
    form.submit(status=303)
    browser.get("/admin/people/?name=nobody", status=404)


def test_the_journal_is_filtered(both: House) -> None:
    held(both)
    browser = both.login("root")
    everything = browser.get("/admin/journal/")
    assert "198.51.100.7" not in everything
    assert "Hold a file for review" in everything.html.table.text
    only = browser.get("/admin/journal/", {"action": "user.login", "person": "root"})
    assert {row.th.text for row in only.html.table.tbody.find_all("tr")} == {"Log in"}
    project = browser.get("/admin/journal/", {"project": "spam"})
    assert "Log in" not in project.html.table.text
    browser.get("/admin/journal/?person=nobody", status=404)


def test_a_store_without_metadata_is_an_alarm_not_a_fault(house: House) -> None:
    house.person("root", admin=True)
    browser = house.login("root")
    assert "metadata are missing" in browser.get("/admin/signing/")
    assert "metadata are missing" in browser.get("/admin/")
