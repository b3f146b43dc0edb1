"""API tokens: making, listing, replacing, revoking; leaks; builds that need none (flows 17 to 20)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import orjson
import pytest
from playwright.sync_api import Page, expect

from bonded.accounts import publishers, reminders, tokens
from bonded.catalog import change
from bonded.values.states import Role
from bonded.values.who import OPERATOR
from tests.publishing.service import Service, serving
from tests.publishing.test_exchange import exchange, given, trust, upload, wait
from tests.web.flows.site import Site, press, refused, row, said, wrong
from tests.web.test_tokens import mint
from tests.web.test_upload import basic, send

HERE, MAIL = "/account/tokens/", "ann@example.invalid"


def make(page: Page, name: str = "laptop", *, scope: str = "", project: str = "") -> None:
    page.get_by_label("Name").fill(name)
    if scope:
        page.get_by_label(scope).check()
    if project:
        page.get_by_label(project, exact=True).check()
    press(page, "Make the token")


def text_of(page: Page) -> str:
    """The token that is shown this once."""
    expect(page.get_by_text("Copy it now: it is shown this once and stored nowhere.")).to_be_visible()
    return page.locator("#token").inner_text()


def sent(site: Site, text: str, name: str = "spam", version: str = "2.0") -> str:
    """What an upload with the token is answered: the code of the refusal, or the state of the file."""
    answer = send(site.house, basic("__token__", text), name=name, version=version, accept="application/json").json
    return str(answer.get("code") or answer["state"])


def test_a_token_is_shown_once_mailed_and_ends_after_ninety_days(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    expect(page.get_by_label("Ends after")).to_have_value("90")
    make(page)
    text = text_of(page)
    assert text.startswith("bonded-")
    mail = site.mails()[MAIL]
    assert "An API token was made" in mail
    assert text not in mail
    page.get_by_role("link", name="I have copied it").click()
    expect(row(page, "laptop")).to_contain_text("all your projects")
    expect(row(page, "laptop")).to_contain_text("upload files")
    expect(row(page, "laptop")).to_contain_text("never")
    assert text not in page.content()
    assert sent(site, text) == "received"
    site.open(HERE, page)
    expect(row(page, "laptop")).to_contain_text("198.51.100.7")
    site.later(days=90)
    page = site.logged_in("ann", HERE)
    expect(row(page, "laptop")).to_contain_text("expired")
    assert sent(site, text, version="3.0") == "token-expired"


def test_tokens_for_projects_permissions_and_networks(site: Site) -> None:
    site.house.project("eggs", site.person("ann"))
    page = site.logged_in("ann", f"{HERE}?project=eggs")
    expect(page.get_by_label("eggs", exact=True)).to_be_checked()
    page.get_by_label("Only from these networks").fill("198.51.100.0/24")
    page.get_by_label("Ends after").select_option("7")
    page.get_by_label("yank files").check()
    make(page, "release job")
    text = text_of(page)
    assert (sent(site, text, "eggs"), sent(site, text, "spam")) == ("received", "token-project")
    site.open(HERE, page)
    for words in ("eggs", "198.51.100.0/24", "upload files and yank files"):
        expect(row(page, "release job")).to_contain_text(words)
    make(page, "far away", scope="All your projects, and new ones")
    page.go_back()
    page.get_by_label("Only from these networks").fill("192.0.2.0/24")
    make(page, "far away 2")
    assert sent(site, text_of(page), "eggs", "3.0") == "token-address"


def test_a_token_for_a_first_upload_is_for_its_project_from_then_on(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    make(page, "first", scope="One new project")
    text = text_of(page)
    site.open(HERE, page)
    expect(row(page, "first")).to_contain_text("one new project, at its first upload")
    assert sent(site, text, "spam") == "token-first-upload", "it is there already"
    assert sent(site, text, "fresh") == "received"
    site.open(HERE, page)
    expect(row(page, "first")).not_to_contain_text("one new project")
    expect(row(page, "first")).to_contain_text("fresh")
    assert sent(site, text, "another") == "token-project"


def test_forms_that_are_not_whole_keep_what_was_chosen(site: Site) -> None:
    mint(site.house, "ann", title="taken")
    page = site.logged_in("ann", HERE)
    make(page, "taken")
    wrong(page, "already", "name")
    page.get_by_label("yank files").check()
    make(page, "other", scope="Only these:")
    wrong(page, "Choose at least one project.")
    expect(page.get_by_label("Only these:")).to_be_checked()
    expect(page.get_by_label("yank files")).to_be_checked()
    make(page, "other", scope="One new project")
    wrong(page, "may upload, and nothing else")
    for one in ("yank files", "upload files"):
        page.get_by_label(one).uncheck()
    make(page, "other", scope="All your projects, and new ones")
    wrong(page, "Choose at least one permission.")
    expect(page.get_by_label("upload files")).not_to_be_checked()
    page.get_by_label("upload files").check()
    page.get_by_label("Only from these networks").fill("everywhere")
    make(page, "other")
    wrong(page, "networks are addresses", "networks")


def test_a_second_factor_is_needed_where_policy_asks(site: Site) -> None:
    site.set(second_factor=True)
    page = site.logged_in("ann", HERE)
    make(page)
    expect(page.get_by_role("heading", name="Second factors")).to_be_visible()
    said(page, "needs a second factor")


def test_one_is_replaced_in_one_step_and_another_is_revoked(site: Site) -> None:
    old, text = mint(site.house, "ann", title="release job", projects=("spam",), networks=("198.51.100.0/24",))
    site.mails()
    page = site.logged_in("ann", HERE)
    stale = site.visitor()
    stale.context.add_cookies(page.context.cookies())
    site.open(HERE, stale)
    press(page, "Replace: release job")
    new = text_of(page)
    assert (sent(site, text), sent(site, new)) == ("token-revoked", "received")
    assert "was replaced by a new one with the same limits" in site.mails()[MAIL]
    press(stale, "Replace: release job")
    refused(stale, "no-such-token")
    site.open(HERE, page)
    expect(row(page, "release job")).to_contain_text("198.51.100.0/24")
    press(page, "Revoke: release job")
    said(page, "The token is revoked. It stopped working at once.")
    assert sent(site, new, version="3.0") == "token-revoked"
    site.open("/manage/project/spam/history/", page)
    expect(page.locator("tbody")).to_contain_text("Replace an API token")
    assert old


def test_what_was_not_used_for_long_is_marked_and_the_end_is_announced(site: Site) -> None:
    mint(site.house, "ann", title="old job", expires_at=site.house.now + timedelta(days=104))
    site.mails()
    site.later(days=90)
    expect(row(site.logged_in("ann", HERE), "old job")).to_contain_text("long unused")
    told = []
    for days in (0, 11, 3):
        site.later(days=days)
        reminders.remind(site.house.db, site.house.now)
        told.append(site.mails()[MAIL])
    assert "works for 14 more days" in told[0]
    assert "works for 3 more days" in told[1]
    assert "has reached its end" in told[2]


@pytest.mark.parametrize("act", ["revoke", "rotate"])
def test_other_peoples_tokens_are_not_there(site: Site, act: str) -> None:
    """The form of Eve's page, with Ann's number: answered like a number that is nobody's."""
    site.house.person("eve")
    hers, text = mint(site.house, "ann")
    mint(site.house, "eve")
    for number in (hers, "0" * 26):
        page = site.logged_in("eve", HERE, scripts=True)
        button = page.get_by_role("button", name="Revoke: ci" if act == "revoke" else "Replace: ci")
        button.evaluate("(e, where) => { e.formAction = where; }", f"{HERE}{number}/{act}/")
        button.click()
        refused(page, "no-such-token")
    assert sent(site, text) == "received"


def test_a_leaked_token_is_dead_and_its_owner_reads_what_it_did(site: Site) -> None:
    _, text = mint(site.house, "ann", title="ci", projects=("spam",))
    _, other = mint(site.house, "ann", title="other")
    assert sent(site, text) == "received"
    site.mails()
    found = [{"token": one, "url": "https://code.example.invalid/x"} for one in (text, "bonded-nonsense", "x")]
    told = site.house.browser().post("/api/tokens/leaked/", orjson.dumps(found)).json
    assert told == [{"revoked": True}, {"revoked": False}, {"revoked": False}]
    mail = site.mails()[MAIL]
    assert "Your API token ci was found where others can read it" in mail
    assert "it was used for 1 act" in mail
    page = site.logged_in("ann", HERE)
    expect(page.get_by_role("rowheader", name="ci", exact=True)).to_have_count(0)
    site.open("/account/history/", page)
    leaked = row(page, "Report an API token that leaked")
    expect(leaked).to_contain_text("found at: https://code.example.invalid/x")
    expect(leaked).to_contain_text("acts in the 30 days before: 1")
    site.open("/manage/project/spam/history/", page)
    expect(page.locator("tbody")).to_contain_text("https://code.example.invalid/x")
    assert (sent(site, text, version="3.0"), sent(site, other, version="3.0")) == ("token-revoked", "received")


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    """A build service that the index trusts."""
    with serving() as running:
        site.use(publishing=running.trusted())
        site.house.project("tool", site.person("ann"))
        yield running


PUBLISHING, OWN = "/manage/project/tool/publishing/", "/account/publishing/"
FIELDS = {"owner": "octo", "repository": "tool", "workflow": "release.yml"}


def fill(page: Page, **changed: str) -> None:
    for name, text in (FIELDS | changed).items():
        page.locator(f"#f-is-{name}").fill(text)
    press(page, "Add the publisher")


def test_a_build_uploads_without_a_token(site: Site, service: Service) -> None:
    page = site.logged_in("ann", PUBLISHING)
    fill(page)
    said(page, "The publisher is added.")
    expect(row(page, "octo")).to_contain_text("never")
    assert "trusted publisher" in site.mails()[MAIL].lower()
    assert upload(site.house, given(site.house, service)) == "received"
    site.open(PUBLISHING, page)
    expect(row(page, "octo")).not_to_contain_text("never")
    fill(page)
    wrong(page, "The trusted publisher is there already")
    site.open(PUBLISHING, page)
    page.get_by_role("button", name=re.compile("^Remove:")).click()
    said(page, "The publisher is removed.")


@pytest.mark.parametrize(
    "changed",
    [{"owner": "oc to"}, {"repository": "octo/tool"}, {"workflow": "release"}],
    ids=lambda one: next(iter(one)),
)
def test_publishers_that_cannot_be(site: Site, service: Service, changed: dict[str, str]) -> None:
    page = site.logged_in("ann", PUBLISHING)
    fill(page, **changed)
    (field,) = changed
    expect(page.locator(f"#f-is-{field}")).to_have_attribute("aria-invalid", "true")


def test_a_publisher_of_somebody_who_left_is_taken_over(site: Site, service: Service) -> None:
    bob = site.house.person("bob")
    with site.house.db.write() as tx:
        change.add_role(tx, OPERATOR, "tool", bob.id, Role.OWNER, now=site.house.now)
    trust(site.house, service, bob)
    page = site.logged_in("ann", PUBLISHING)
    expect(row(page, "octo")).to_contain_text("bob")
    page.get_by_role("button", name=re.compile("^Take over:")).click()
    said(page, "The publisher acts in your name from now on.")
    with site.house.db.read() as conn:
        assert publishers.of_project(conn, "tool")[0].user_id == site.person("ann").id


def test_publishers_of_new_projects_wait_expire_and_can_be_too_late(site: Site, service: Service) -> None:
    page = site.logged_in("ann", OWN)
    page.get_by_label("Name of the new project").fill("spam")
    fill(page)
    wrong(page, "There is a project of this name", "name")
    page.get_by_label("Name of the new project").fill("Brand.New")
    fill(page)
    said(page, "The publisher is added.")
    expect(row(page, "Brand.New")).to_contain_text("octo")
    assert upload(site.house, given(site.house, service), "brand-new") == "received"
    site.open(OWN, page)
    expect(page.get_by_text("Brand.New")).to_have_count(0)
    wait(site.house, service, site.person("ann"), "to-be", workflow="other.yml")
    site.house.person("eve")
    site.mails()
    assert sent(site, mint(site.house, "eve")[1], "to-be") == "received"
    assert "to-be" in site.mails()[MAIL], "somebody else was first"
    wait(site.house, service, site.person("ann"), "later", workflow="third.yml")
    site.later(days=31)
    expect(row(site.logged_in("ann", OWN), "later")).to_contain_text("expired")


def test_an_identity_that_does_not_do_says_why(site: Site, service: Service) -> None:
    """What a build prints. Each is in the table of refusals, whose page says what to do."""
    trust(site.house, service, site.person("ann"))
    now = site.house.now
    once = service.identity(now)
    assert exchange(site.house, once).status_int == 200
    late = int((now - timedelta(seconds=31)).timestamp())
    for text, code in (
        (once, "identity-used"),
        (service.identity(now, exp=late), "identity-time"),
        (service.identity(now, aud="elsewhere"), "identity-audience"),
        (service.identity(now, iss="https://evil.example"), "issuer-unknown"),
        (service.identity(now, repository="eve/tool"), "publisher-none"),
    ):
        answer = exchange(site.house, text).json
        assert answer["code"] == code, answer
        site.open(f"/help/refusals/{code}/")
        expect(site.visitors[-1].locator("main")).to_contain_text(code)


def test_tokens_names_are_shown_as_what_they_are(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    make(page, "<b>\u202ebus")
    text_of(page)
    site.open(HERE, page)
    assert "\u202e" not in page.locator("tbody").inner_text()
    expect(page.locator("tbody th")).to_contain_text("<b>")
    with site.house.db.read() as conn:
        assert len(tokens.of_user(conn, site.person("ann").id)) == 1
