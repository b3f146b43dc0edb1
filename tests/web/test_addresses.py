"""E-mail addresses: each state and each error, who is told of what, and taking a change back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from webtest import TestApp, TestResponse

from bonded.accounts import address_book, people, tokens
from bonded.accounts.addresses import A_DAY, MOST
from bonded.accounts.entry_tables import email_address
from bonded.accounts.people import User
from bonded.values.who import OPERATOR
from tests.web.house import PASSWORD, House, form_to
from tests.web.post import Post, link_in

HERE = "/account/addresses/"
FIRST, SECOND = "ann@example.invalid", "ann@new.example.invalid"


@pytest.fixture
def post(house: House) -> Post:
    house.person("ann")
    made = Post(house)
    made.deliver()
    return made


def ann(house: House) -> User:
    with house.db.read() as conn:
        return people.need(conn, "ann")


def confirmed(house: House) -> set[str]:
    with house.db.read() as conn:
        return {one.address for one in address_book.of_user(conn, people.need(conn, "ann").id) if one.verified}


def add(browser: TestApp, email: str, status: int = 303) -> TestResponse:
    form = form_to(browser.get(HERE), HERE)
    form["email"] = email
    return form.submit(status=status)


def act(browser: TestApp, email: str, what: str, status: int = 303) -> TestResponse:
    """Press the button of one address."""
    page = browser.get(HERE)
    row = next(row for row in page.html.find_all("tr") if row.find("th") and email in row.find("th").text)
    action = next(one["action"] for one in row.find_all("form") if one["action"].endswith(f"/{what}/"))
    return form_to(page, action).submit(status=status)


def press(browser: TestApp, address: str, status: int = 303) -> TestResponse:
    """Open a link and press its button."""
    return list(browser.get(address).forms.values())[-1].submit(status=status)


def added(post: Post, browser: TestApp, email: str = SECOND) -> None:
    """A second address, confirmed."""
    add(browser, email)
    press(post.house.browser(), link_in(post.deliver()[email], "email"))
    post.deliver()


def test_an_address_is_added_and_confirmed(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    assert "A link was sent to the address" in add(browser, SECOND).follow()
    mails = post.deliver()
    assert set(mails) == {FIRST, SECOND}
    assert "Somebody added an e-mail address" in mails[FIRST]
    assert "/account/email/" not in mails[FIRST], "only the new mailbox gets the link"
    address, stranger = link_in(mails[SECOND], "email"), house.browser()
    for _ in range(3):
        stranger.get(address)
    assert confirmed(house) == {FIRST}, "looking, as scanners of mails do, is not confirming"
    press(stranger, address)
    assert confirmed(house) == {FIRST, SECOND}
    assert ann(house).email == FIRST, "mails go where they went"
    assert set(post.deliver()) == {FIRST}
    assert "link-used" in stranger.get(address, status=410)


def test_mails_go_elsewhere_and_both_addresses_are_told(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    added(post, browser)
    assert "The address before was told." in act(browser, SECOND, "primary").follow()
    assert ann(house).email == SECOND
    mails = post.deliver()
    assert "go to this address from now on" in mails[SECOND]
    assert "link below within 72 hours" in mails[FIRST]
    assert "/account/undo-email/" not in mails[SECOND]


def test_an_address_is_removed(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    added(post, browser)
    act(browser, SECOND, "remove")
    assert confirmed(house) == {FIRST}
    mails = post.deliver()
    assert "was removed" in mails[FIRST]
    link_in(mails[SECOND], "undo-email")
    add(browser, "third@new.example.invalid")
    post.deliver()
    act(browser, "third@", "remove")
    assert set(post.deliver()) == {FIRST}, "one that was never confirmed is told nothing"


@pytest.mark.parametrize(
    ("email", "said", "status"),
    [
        ("nonsense", "Invalid e-mail address", 400),
        (FIRST, "This is your address already", 409),
        ("ANN@Example.INVALID", "This is your address already", 409),
        ("", "Fill this in.", 400),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(post: Post, email: str, said: str, status: int) -> None:
    page = add(post.house.login("ann"), email, status)
    assert said in page
    assert page.html.find(id="f-email")["aria-invalid"] == "true"
    assert confirmed(post.house) == {FIRST}


def test_five_addresses_can_be_added_in_a_day_and_ten_in_all(post: Post) -> None:
    house = post.house
    for number in range(MOST - 1):
        if number % A_DAY == 0:
            house.now += timedelta(days=1)
        add(house.login("ann"), f"a{number}@new.example.invalid")
    house.now += timedelta(days=1)
    assert "Too many addresses" in add(house.login("ann"), "more@new.example.invalid", 409)


def test_too_many_new_addresses_in_a_day(post: Post) -> None:
    browser = post.house.login("ann")
    for number in range(A_DAY):
        add(browser, f"a{number}@new.example.invalid")
    assert "Too many new addresses" in add(browser, "more@new.example.invalid", 429)


def test_what_was_mistyped_is_none_of_the_addresses_of_a_day(post: Post) -> None:
    browser = post.house.login("ann")
    for _ in range(A_DAY + 1):
        add(browser, "ann@nonsense@new.example.invalid", 400)
    add(browser, SECOND)
    assert SECOND in post.deliver()


def test_the_last_confirmed_address_and_the_one_of_the_mails_stay(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    with house.db.read() as conn:
        (first,) = address_book.of_user(conn, ann(house).id)
    assert f"{first.id}/remove" not in browser.get(HERE), "no button leads there"
    add(browser, SECOND)
    form = form_to(browser.get(HERE), "/remove/")
    form.action = f"{HERE}{first.id}/remove/"
    assert "primary-email" in form.submit(status=409)
    with house.db.write() as tx:  # as after the loss of a domain: mails go to an address that does not count
        tx.execute(update(email_address).where(email_address.c.id == first.id).values(verified_at=None))
    press(house.browser(), link_in(post.deliver()[SECOND], "email"))
    assert "last-email" in act(browser, SECOND, "remove", 409)


def test_an_unconfirmed_address_gets_no_mails(post: Post) -> None:
    browser = post.house.login("ann")
    add(browser, SECOND)
    page = browser.get(HERE)
    assert "/primary/" not in page
    form = form_to(page, "/again/")
    form.action = form.action.replace("/again/", "/primary/")
    assert "email-unverified" in form.submit(status=409)
    assert ann(post.house).email == FIRST


def test_a_link_is_sent_again_three_times_in_six_hours(post: Post) -> None:
    browser = post.house.login("ann")
    add(browser, SECOND)
    first = link_in(post.deliver()[SECOND], "email")
    for _ in range(3):
        act(browser, SECOND, "again")
        newest = link_in(post.deliver()[SECOND], "email")
    refused = act(browser, SECOND, "again", 429)
    assert "resend-limited" in refused
    assert 0 < int(refused.headers["Retry-After"]) <= 6 * 3600
    assert "link-invalid" in browser.get(first, status=404)
    press(post.house.browser(), newest)
    assert confirmed(post.house) == {FIRST, SECOND}


def test_links_that_are_not_good(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    add(browser, SECOND)
    address = link_in(post.deliver()[SECOND], "email")
    assert "link-invalid" in browser.get(f"{address[:-3]}/", status=404), "cut off"
    for other in ("set-password", "verify", "undo-email", "login/confirm"):
        assert "link-invalid" in browser.get(address.replace("/email/", f"/{other}/"), status=404), "of another purpose"
    act(browser, SECOND, "remove")
    assert "email-removed" in browser.get(address, status=410)
    add(browser, SECOND)
    address = link_in(post.deliver()[SECOND], "email")
    house.now += timedelta(days=2)
    assert "link-expired" in browser.get(address, status=410)


def test_an_address_that_is_confirmed_already(post: Post) -> None:
    browser = post.house.login("ann")
    add(browser, SECOND)
    page = browser.get(HERE)
    address = link_in(post.deliver()[SECOND], "email")
    with post.house.db.write() as tx:
        mine = email_address.c.address == SECOND
        tx.execute(update(email_address).where(mine).values(verified_at=post.house.now))
    assert "email-verified" in browser.get(address, status=409)
    assert "email-verified" in form_to(page, "/again/").submit(status=409)


def test_an_address_of_somebody_else_is_told_to_its_mailbox_only(post: Post) -> None:
    house = post.house
    house.person("bob")
    post.deliver()
    browser = house.login("ann")
    pages = []
    for email in ("bob@example.invalid", "free@new.example.invalid"):
        page = add(browser, email).follow()
        pages.append(re.sub(r"[0-9a-z]{26}", "*", page.text.replace(email, "ADDRESS").replace(PASSWORD, "")))
    mails = post.deliver()
    assert "which another account of yours has already" in mails["bob@example.invalid"]
    assert "/account/email/" not in mails["bob@example.invalid"]
    assert pages[0].count("ADDRESS") == pages[1].replace("bob@example.invalid", "").count("ADDRESS")
    link_in(mails["free@new.example.invalid"], "email")


def test_of_two_who_claim_one_address_the_first_to_confirm_has_it(post: Post) -> None:
    house = post.house
    house.person("bob")
    post.deliver()
    links = []
    for name in ("ann", "bob"):
        add(house.login(name), SECOND)
        links.append(link_in(post.deliver()[SECOND], "email"))
    press(house.browser(), links[1])
    assert "email-taken" in house.browser().get(links[0], status=409)
    assert confirmed(house) == {FIRST}


def test_other_peoples_addresses_are_none_of_mine(post: Post) -> None:
    house = post.house
    house.person("bob")
    with house.db.read() as conn:
        (bobs,) = address_book.of_user(conn, people.need(conn, "bob").id)
    browser = house.login("ann")
    add(browser, SECOND)
    for what in ("again", "primary", "remove"):
        for other in (bobs.id, "0" * 26, "x" * 300, "%00"):
            form = form_to(browser.get(HERE), "/again/")
            form.action = f"{HERE}{other}/{what}/"
            assert "no-such-email" in form.submit(status=404)


def test_a_session_that_was_left_open_does_not_suffice(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    added(post, browser)
    house.now += timedelta(hours=5)
    page = act(browser, SECOND, "primary", 403)
    assert ann(house).email == FIRST
    form = form_to(page, "/primary/")
    form["confirm_password"] = PASSWORD
    form.submit(status=303)
    assert ann(house).email == SECOND


def stolen(post: Post) -> tuple[str, TestApp]:
    """Eve has Ann's session: she added her address, let mails go there, and removed Ann's: Ann's link, Eve's browser."""
    house, browser = post.house, post.house.login("ann")
    added(post, browser, "eve@example.invalid")
    act(browser, "eve@", "primary")
    undo = link_in(post.deliver()[FIRST], "undo-email")
    house.now += timedelta(minutes=1)
    act(browser, FIRST, "remove")
    post.deliver()
    with house.db.write() as tx:
        tokens.mint(
            tx, OPERATOR, ann(house), sealer=house.context.sealer, name="ci", projects=(), permissions=("upload",),
            expires_at=house.now + timedelta(days=9), operator=False, now=house.now,
        )  # fmt: skip
    return undo, browser


def test_the_old_address_takes_the_change_back(post: Post) -> None:
    house = post.house
    undo, eve = stolen(post)
    owner = house.browser(REMOTE_ADDR="203.0.113.5")
    assert FIRST in owner.get(undo)
    assert ann(house).email == "eve@example.invalid", "looking changes nothing"
    page = press(owner, undo)
    assert (ann(house).email, confirmed(house)) == (FIRST, {FIRST})
    assert eve.get("/account/", status=303).location.startswith("http://localhost/account/login/"), "sessions ended"
    form = list(owner.get("/account/login/").forms.values())
    login = next(one for one in form if "password" in one.fields)
    login["name"], login["password"] = "ann", PASSWORD
    assert "This password is void" in login.submit(status=403)
    fresh = page.follow()
    form = next(one for one in fresh.forms.values() if "again" in one.fields)
    form["password"], form["again"] = "a new and better one", "a new and better one"
    form.submit(status=303)
    login["password"] = "a new and better one"
    login.submit(status=303)
    assert "taken back" in post.deliver()[FIRST]
    with house.db.read() as conn:
        assert [one.revoked_at for one in tokens.of_user(conn, ann(house).id)] == [house.now]


def test_later_undo_links_are_void_and_earlier_ones_win(post: Post) -> None:
    house = post.house
    browser = house.login("ann")
    added(post, browser, "eve@example.invalid")
    added(post, browser, "mallory@example.invalid")
    act(browser, "eve@", "primary")
    anns = link_in(post.deliver()[FIRST], "undo-email")
    house.now += timedelta(minutes=1)
    act(browser, "mallory@", "primary")
    eves = link_in(post.deliver()["eve@example.invalid"], "undo-email")
    press(house.browser(), eves)
    assert ann(house).email == "eve@example.invalid", "Eve was there before Mallory"
    press(house.browser(), anns)
    assert confirmed(house) == {FIRST}, "and Ann before Eve"
    assert "link-used" in house.browser().get(anns, status=410)


def test_no_link_that_was_kept_makes_the_intruders_address_count_again(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    added(post, browser, "eve@example.invalid")
    add(browser, "spare@example.invalid")
    kept = link_in(post.deliver()["spare@example.invalid"], "email")
    act(browser, "eve@", "primary")
    press(house.browser(), link_in(post.deliver()[FIRST], "undo-email"))
    assert "link-invalid" in house.browser().get(kept, status=404)
    assert confirmed(house) == {FIRST}


def test_whoever_shuts_an_intruder_out_voids_the_link_of_their_address(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    add(house.login("ann"), "eve@example.invalid")
    kept = link_in(post.deliver()["eve@example.invalid"], "email")
    form_to(browser.get("/account/history/"), "/not-me/").submit(status=303)
    assert "link-invalid" in house.browser().get(kept, status=404)
    act(browser, "eve@", "again")
    press(house.browser(), link_in(post.deliver()["eve@example.invalid"], "email"))
    assert confirmed(house) == {FIRST, "eve@example.invalid"}, "whoever is in the account can have another link sent"


def test_an_undo_link_ends_after_72_hours(post: Post) -> None:
    undo, _ = stolen(post)
    post.house.now += timedelta(hours=72)
    assert "link-expired" in post.house.browser().get(undo, status=410)


def test_an_undo_when_the_address_is_somebody_elses_by_now(post: Post) -> None:
    undo, _ = stolen(post)
    house = post.house
    house.person("bob")
    bob = house.login("bob")
    add(bob, FIRST)
    press(house.browser(), link_in(post.deliver()[FIRST], "email"))
    assert "email-taken" in press(house.browser(), undo, 409)
    assert ann(house).email == "eve@example.invalid", "nothing was half done"


def test_a_forgotten_password_reaches_any_confirmed_address(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    added(post, browser)
    added(post, browser, beyond := "ann@xn--bcher-kva.example.invalid")
    add(browser, "unconfirmed@new.example.invalid")
    post.deliver()

    def asked(typed: str) -> set[str]:
        form: Any = next(
            one for one in house.browser().get("/account/forgotten/").forms.values() if "name" in one.fields
        )
        form["name"] = typed
        form.submit(status=200)
        return set(post.deliver())

    assert asked("ann") == {FIRST}
    assert asked(SECOND.upper()) == {SECOND}
    assert asked("Ann@Bücher.example.invalid") == asked(beyond) == {beyond}
    assert asked("unconfirmed@new.example.invalid") == set()
    assert asked("ann@bücher..example.invalid") == set()
