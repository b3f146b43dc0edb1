"""The pages on which publishers are added, taken over and removed, as people meet them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from webtest import TestApp, TestResponse

from bonded.accounts import publishers
from bonded.accounts.oidc import Issuer
from bonded.accounts.oidc_shapes import GITLAB, custom
from bonded.catalog import change
from bonded.journal.read import Filter, of_project, of_user
from bonded.values.states import Role
from bonded.values.who import OPERATOR
from bonded.web.app import make_wsgi
from tests.publishing.service import Service
from tests.publishing.test_exchange import given, trust, upload, wait
from tests.web.house import PASSWORD, House, form_to, form_with

PAGE = "/manage/project/tool/publishing/"
OWN = "/account/publishing/"


def confirmed(page: TestResponse) -> TestResponse:
    """The answer after the step-up, where one was asked for."""
    while page.status_int == 403 and "confirm_password" in page:
        form = form_with(page, "confirm_password")
        form["confirm_password"] = PASSWORD
        page = form.submit(expect_errors=True)
    return page


def filled(page: TestResponse, **values: str) -> TestResponse:
    form = form_with(page, "service")
    for name, value in values.items():
        form[name if name == "name" else f"is-{name}"] = value
    return confirmed(form.submit(expect_errors=True))


def owned(house: House) -> TestApp:
    house.project("tool", house.person("ann"))
    return house.login("ann")


def test_adding_using_and_removing_one(both: House, service: Service) -> None:
    browser = owned(both)
    page = browser.get(PAGE)
    assert "Loopback builds" in page
    answer = filled(page, owner="octo", repository="tool", workflow="release.yml", environment="release")
    assert answer.status_int == 303
    shown = answer.follow()
    shown.mustcontain("The publisher is added", "octo", "release.yml", "never")
    text = given(both, service)
    assert upload(both, text) == "received"
    page = browser.get(PAGE)
    assert "never" not in page.html.find("tbody").text
    confirmed(form_to(page, "/remove/").submit(expect_errors=True)).follow().mustcontain("The publisher is removed")
    assert upload(both, text, version="2.0") == "publisher-gone"
    with both.db.read() as conn:
        said = [entry.action for entry in of_project(conn, "tool", Filter()).entries]
    assert said[:2] == ["publisher.remove", "file.upload"]
    assert "publisher.add" in said


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"owner": "", "repository": "tool", "workflow": "release.yml"}, "is-owner"),
        ({"owner": "oc to", "repository": "tool", "workflow": "release.yml"}, "is-owner"),
        ({"owner": "octo", "repository": "octo/tool", "workflow": "release.yml"}, "is-repository"),
        ({"owner": "octo", "repository": "tool", "workflow": "release"}, "is-workflow"),
        ({"owner": "octo", "repository": "tool", "workflow": ".github/workflows/release.yml"}, "is-workflow"),
        ({"owner": "octo\u202e", "repository": "tool", "workflow": "release.yml"}, "is-owner"),
        (
            {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": "x" * 201},
            "is-environment",
        ),
    ],
)
def test_what_cannot_be_right_is_said_beside_the_field(house: House, values: dict[str, str], field: str) -> None:
    answer = filled(owned(house).get(PAGE), **values)
    assert answer.status_int == 400
    assert answer.html.find(id=f"f-{field}")["aria-invalid"] == "true"
    assert form_with(answer, "service")["is-repository"].value == values["repository"], "what was typed is kept"


def test_the_same_twice(house: House, service: Service) -> None:
    browser = owned(house)
    values = {"owner": "octo", "repository": "tool", "workflow": "release.yml"}
    assert filled(browser.get(PAGE), **values).status_int == 303
    answer = filled(browser.get(PAGE), **values)
    assert answer.status_int == 409
    answer.mustcontain("The trusted publisher is there already")


def test_maintainers_see_and_do_not_change(house: House, service: Service) -> None:
    ann, mia = house.person("ann"), house.person("mia")
    house.project("tool", ann)
    with house.db.write() as tx:
        change.add_role(tx, OPERATOR, "tool", mia.id, Role.MAINTAINER, now=house.now)
    one = trust(house, service, ann)
    browser = house.login("mia")
    page = browser.get(PAGE)
    page.mustcontain("octo")
    answer = filled(page, owner="octo", repository="other", workflow="release.yml")
    assert (answer.status_int, "owner-only" in answer) == (403, True)
    assert form_to(page, "/remove/").submit(expect_errors=True).status_int == 403
    with house.db.read() as conn:
        assert [found.id for found in publishers.of_project(conn, "tool")] == [one.id]


def test_another_owner_takes_one_over(house: House, service: Service) -> None:
    ann, bob = house.person("ann"), house.person("bob")
    house.project("tool", ann)
    with house.db.write() as tx:
        change.add_role(tx, OPERATOR, "tool", bob.id, Role.OWNER, now=house.now)
    one = trust(house, service, bob)
    browser = house.login("ann")
    form = form_to(browser.get(PAGE), "/remove/")
    answer = confirmed(browser.post(f"{PAGE}{one.id}/adopt/", {"csrf": form["csrf"].value}, expect_errors=True))
    answer.follow().mustcontain("acts in your name")
    with house.db.read() as conn:
        assert publishers.of_project(conn, "tool")[0].user_id == ann.id


def test_nobody_changes_publishers_of_other_projects_or_people(house: House, service: Service) -> None:
    """With a number that is somebody else's there is nothing to find (OWASP, insecure direct object references)."""
    ann, eve = house.person("ann"), house.person("eve")
    house.project("tool", ann)
    house.project("hers", eve)
    one, waiting = trust(house, service, ann), wait(house, service, ann, "to-be")
    browser = house.login("eve")
    page = browser.get("/manage/project/hers/publishing/")
    secret = {"csrf": form_with(page, "service")["csrf"].value}
    for act in ("remove", "adopt"):
        where = f"/manage/project/hers/publishing/{one.id}/{act}/"
        answer = confirmed(browser.post(where, secret, expect_errors=True))
        assert (answer.status_int, "no-such-publisher" in answer) == (404, True)
        assert browser.post(f"{PAGE}{one.id}/{act}/", secret, expect_errors=True).status_int == 403
    for number in (waiting.id, one.id, "x" * 200, "..%2F"):
        answer = browser.post(f"{OWN}{number}/remove/", secret, expect_errors=True)
        assert answer.status_int == 404
    with house.db.read() as conn:
        assert len(publishers.of_project(conn, "tool")) == 1
        assert len(publishers.pending_of(conn, ann.id)) == 1


def test_a_publisher_for_a_new_project(both: House, service: Service) -> None:
    ann = both.person("ann")
    browser = both.login("ann")
    answer = filled(browser.get(OWN), name="Brand.New", owner="octo", repository="tool", workflow="release.yml")
    answer.follow().mustcontain("Brand.New", "octo")
    assert upload(both, given(both, service), "brand-new") == "received"
    assert "Brand.New" not in browser.get(OWN)
    browser.get("/manage/project/brand-new/publishing/").mustcontain("octo")
    with both.db.read() as conn:
        said = {entry.action for entry in of_user(conn, ann.id, Filter()).entries}
    assert {"pending-publisher.add", "pending-publisher.bind"} <= said


@pytest.mark.parametrize(
    ("name", "words"), [("-bad-", "Invalid project name"), ("tool", "There is a project of this name")]
)
def test_names_that_cannot_be_made(house: House, name: str, words: str) -> None:
    house.project("tool", house.person("bob"))
    house.person("ann")
    browser = house.login("ann")
    answer = filled(browser.get(OWN), name=name, owner="octo", repository="tool", workflow="release.yml")
    assert answer.status_int == 400
    answer.mustcontain(words)


def test_removing_a_pending_one(house: House, service: Service) -> None:
    wait(house, service, house.person("ann"))
    browser = house.login("ann")
    form_to(browser.get(OWN), "/remove/").submit(status=303).follow().mustcontain("The publisher is removed")
    assert "octo" not in browser.get(OWN)


def test_services_are_chosen_by_a_link_and_any_can_be_configured(house: House, service: Service) -> None:
    own = custom("Own builds", {"repo": "Repository"}, {"stage": "Stage"}, ("repo_number",))
    issuers = (
        *house.context.publishing.issuers,
        Issuer("https://gitlab.example.invalid", "Our GitLab", GITLAB),
        Issuer("https://own.example.invalid", "Own builds", own),
    )
    house.context = replace(house.context, publishing=replace(house.context.publishing, issuers=issuers))
    house.wsgi = make_wsgi(house.context)
    browser = owned(house)
    page = browser.get(PAGE)
    page = page.click("Own builds")
    assert page.html.find("a", {"aria-current": "true"}).text == "Own builds"
    assert filled(page, repo="anything at all?", stage="").status_int == 400
    filled(page, repo="code/tool", stage="release").follow().mustcontain("Own builds", "code/tool")
    filled(browser.get(f"{PAGE}?service=1"), namespace="a/b", project="c", workflow="ci/x.yml").follow().mustcontain(
        "a/b"
    )
    for number in ("3", "-1", "x", "99999999"):
        assert browser.get(f"{PAGE}?service={number}", expect_errors=True).status_int == 400


def test_an_index_that_trusts_no_service_says_so(house: House) -> None:
    from bonded.accounts.oidc import TrustedPublishing

    house.context = replace(house.context, publishing=TrustedPublishing())
    house.wsgi = make_wsgi(house.context)
    browser = owned(house)
    for where in (PAGE, OWN):
        browser.get(where).mustcontain("trusts no build service yet")
