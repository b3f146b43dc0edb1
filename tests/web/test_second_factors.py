"""Second factors in pages: adding, the second step of a login with all that goes wrong in it, recovery codes, the policy."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from webtest import Form, TestApp, TestResponse

from bonded.accounts import devices, factors, recovery, totp
from bonded.accounts.people import User
from bonded.accounts.second_step import LIMITS
from bonded.journal.tables import journal
from bonded.values.who import OPERATOR
from tests.support.soft_device import SoftDevice
from tests.web.house import PASSWORD, House, form_to, form_with, login_form

SECRET = b"0123456789abcdefghij"


def step(house: House) -> int:
    return int(house.now.timestamp()) // totp.STEP


def code(house: House, ahead: int = 0, secret: bytes = SECRET) -> str:
    return totp.code_at(secret, step(house) + ahead)


@pytest.fixture
def ann(both: House) -> User:
    """Somebody with an authentication app."""
    person = both.person("ann")
    add_app(both, person)
    both.now += timedelta(minutes=2)
    return person


def add_app(house: House, person: User, label: str = "phone", secret: bytes = SECRET) -> str:
    with house.db.write() as tx:
        return factors.add_app(
            tx, OPERATOR, house.context.sealer, person.id, label, secret, code(house, secret=secret), now=house.now
        )


def first_step(house: House, browser: TestApp, target: str = "/account/tokens/") -> TestResponse:
    form = login_form(browser.get(f"/account/login/?next={target}"))
    form["name"], form["password"] = "ann", PASSWORD
    return form.submit(status=303).follow()


def second(page: TestResponse, field: str, value: str, status: int = 303) -> TestResponse:
    form = form_with(page, field)
    form[field] = value
    return form.submit(status=status)


def actions(house: House) -> list[str]:
    with house.db.read() as conn:
        return list(conn.execute(journal.select().with_only_columns(journal.c.action).order_by(journal.c.id)).scalars())


def test_the_password_alone_opens_nothing(both: House, ann: User) -> None:
    browser = both.browser()
    page = first_step(both, browser)
    assert "Second step" in page
    browser.get("/account/", status=303)
    assert "user.login" not in actions(both)
    done = second(page, "code", code(both))
    assert done.headers["Location"].endswith("/account/tokens/")
    assert "API tokens" in browser.get("/account/tokens/")
    assert actions(both)[-1] == "user.login"


def test_a_code_is_taken_once_also_with_blanks_in_it(both: House, ann: User) -> None:
    used = code(both)
    second(first_step(both, both.browser()), "code", used)
    for typed in (used, f"{used[:3]} {used[3:]}", f" {used}\u00a0", "-".join(used)):
        page = second(first_step(both, both.browser()), "code", typed, 403)
        assert "was used already" in page
    assert actions(both).count("user.login") == 1


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_clock_half_a_minute_off_is_no_problem(both: House, ann: User, ahead: int) -> None:
    second(first_step(both, both.browser()), "code", code(both, ahead))


@pytest.mark.parametrize(("ahead", "words"), [(-4, "120 seconds behind"), (6, "180 seconds ahead")])
def test_a_clock_that_is_off_is_told(both: House, ann: User, ahead: int, words: str) -> None:
    page = second(first_step(both, both.browser()), "code", code(both, ahead), 403)
    assert words in page


@pytest.mark.parametrize("typed", ["000000", "12345", "abcdef", "١٢٣٤٥٦", "1" * 500])
def test_wrong_codes_are_refused_in_one_sentence_and_recorded(both: House, ann: User, typed: str) -> None:
    page = second(first_step(both, both.browser()), "code", typed, 403)
    assert "The code is not right" in page
    assert form_with(page, "code")["code"].value == ""
    assert actions(both)[-1] == "user.second-step-failed"


def test_codes_are_limited_by_account(both: House, ann: User) -> None:
    page = first_step(both, both.browser())
    for _ in range(LIMITS[0][0]):
        page = second(page, "code", "000000", 403)
    page = second(page, "code", code(both), 429)
    assert "Too many codes" in page
    assert int(page.headers["Retry-After"]) <= 300
    both.now += timedelta(minutes=4)
    browser = both.browser(REMOTE_ADDR="203.0.113.9")
    assert "Too many codes" in second(first_step(both, browser), "code", code(both), 429)
    both.now += timedelta(minutes=2)
    second(first_step(both, both.browser()), "code", code(both))


def test_the_second_step_may_take_five_minutes(both: House, ann: User) -> None:
    browser = both.browser()
    page = first_step(both, browser)
    both.now += timedelta(minutes=6)
    assert "The login took too long" in second(page, "code", code(both), 401)
    assert "The login took too long" in both.browser().get("/account/login/second/", status=401)


def test_a_frozen_account_gets_no_further(both: House, ann: User) -> None:
    from bonded.accounts import people

    page = first_step(both, both.browser())
    with both.db.write() as tx:
        people.freeze(tx, OPERATOR, ann.id, reason="for the test", now=both.now)
    second(page, "code", code(both), 401)


def _scanned(page: TestResponse) -> bytes:
    """The secret in the picture, as it is typed."""
    found = re.search(r'class="mono">([A-Z2-7 ]{39})<', page.text)
    assert found is not None
    return base64.b32decode(found[1].replace(" ", ""))


def test_an_app_is_added_with_its_code(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    page = browser.get("/account/factors/app/")
    secret = re.search(r'class="mono">([A-Z2-7 ]{39})<', page.text)
    assert secret is not None
    raw = base64.b32decode(secret.group(1).replace(" ", ""))
    form = form_to(page, "/account/factors/app/")
    form["label"], form["code"] = "my phone", "000000"
    page = form.submit(status=400)
    assert secret.group(1) in page, "the picture stays the same: it was scanned already"
    form = form_to(page, "/account/factors/app/")
    form["label"], form["code"] = "my phone", code(both, secret=raw)
    listed = form.submit(status=303).follow()
    assert "my phone" in listed
    with both.db.read() as conn:
        row = conn.execute(factors.factor.select()).one()
    assert raw not in bytes(row.secret)
    assert actions(both)[-1] == "factor.add"


def test_each_page_adds_the_app_that_scanned_its_own_picture(both: House) -> None:
    """Somebody opens the page twice, scans the first picture, and goes on in either."""
    person = both.person("ann")
    browser = both.login("ann")
    pages = [browser.get("/account/factors/app/") for _ in range(2)]
    for label, page in zip(("first", "second"), pages, strict=True):
        form = form_to(page, "/account/factors/app/")
        form["label"], form["code"] = label, code(both, secret=_scanned(page))
        form.submit(status=303)
    assert {one.label for one in listed(both, person)} == {"first", "second"}


def test_one_picture_is_added_once(both: House) -> None:
    """Else a code that was seen in use for the one would open the account by the other."""
    both.person("ann")
    browser = both.login("ann")
    page = browser.get("/account/factors/app/")
    for label, status in (("phone", 303), ("tablet", 400)):
        form = form_to(page, "/account/factors/app/")
        form["label"], form["code"] = label, code(both, secret=_scanned(page))
        done = form.submit(status=status)
    assert "The device is registered already" in done


@pytest.mark.parametrize("sealed", ["", "x", "AAAA", "A" * 5000, None])
def test_a_picture_that_is_not_of_this_session_is_refused(both: House, sealed: str | None) -> None:
    both.person("ann")
    browser, other = both.login("ann"), both.login("ann")
    form = form_to(browser.get("/account/factors/app/"), "/account/factors/app/")
    if sealed is None:
        sealed = form_to(other.get("/account/factors/app/"), "/account/factors/app/")["sealed"].value
    form["sealed"], form["label"], form["code"] = sealed, "phone", "123456"
    assert "bad-form" in form.submit(status=400)


def test_adding_asks_who_it_is_after_a_while(both: House) -> None:
    both.person("ann")
    browser = both.login("ann")
    both.now += timedelta(hours=1)
    page = browser.get("/account/factors/app/", status=303).follow()
    assert "Confirm that it is you" in page
    form = form_with(page, "confirm_password")
    form["confirm_password"] = PASSWORD
    assert "Scan this picture" in form.submit(status=303).follow()


def test_a_step_up_by_code_does_the_act(both: House, ann: User) -> None:
    browser = both.browser()
    second(first_step(both, browser), "code", code(both))
    both.now += timedelta(hours=1)
    page = form_to(browser.get("/account/factors/"), "/account/factors/codes/").submit(status=403)
    done = second(page, "confirm_code", code(both), 200)
    assert "They are shown this once" in done


class Synced(SoftDevice):
    """A passkey that is kept on several machines: its counter stays 0, so it tells no answer from an older one."""

    def get(self, options: str) -> str:
        self.count = -1
        return super().get(options)


def test_the_answer_of_a_device_confirms_once(both: House) -> None:
    """Reloading the page that an act answered with sends the form again, answer and all, hours after the device was there."""
    person, browser = both.person("ann"), both.login("ann")
    device = add_device(both, person)
    both.now += timedelta(hours=1)
    page = form_to(browser.get("/account/factors/"), "/account/factors/codes/").submit(status=403)
    form = answered(page, device, "confirm_answer")
    assert "They are shown this once" in form.submit(status=200)
    both.now += timedelta(hours=1)
    assert "Confirm that it is you" in form.submit(status=403)


def options_of(page: TestResponse) -> str:
    """What the page gives its device."""
    return str(page.html.find("form", {"data-device": True})["data-options"])


def add_device(house: House, person: User) -> Synced:
    device, options = Synced("http://localhost", "localhost"), json.dumps({"challenge": "AAAA"})
    row = devices.registered(devices.Site("", "http://localhost/"), "AAAA", device.create(options))
    with house.db.write() as tx:
        factors.add_device(tx, OPERATOR, person.id, "passkey", row, now=house.now)
    return device


def answered(page: TestResponse, device: SoftDevice, field: str = "answer") -> Form:
    """The page's form with what the device answers to the page's own challenge."""
    form = form_with(page, field)
    form[field] = device.get(options_of(page))
    return form


def test_each_of_two_pages_takes_the_answer_to_its_own_challenge(both: House) -> None:
    """Somebody has the page open twice: each asks a device, and each answer counts, in either order."""
    person = both.person("ann")
    browser = both.login("ann")
    pages = [browser.get("/account/factors/device/") for _ in range(2)]
    for label, page in zip(("first", "second"), pages, strict=True):
        form = form_to(page, "/account/factors/device/")
        form["label"], form["answer"] = label, Synced("http://localhost", "localhost").create(options_of(page))
        form.submit(status=303)
    assert {one.label for one in listed(both, person)} == {"first", "second"}
    device, browser = add_device(both, person), both.browser()
    first, _ = first_step(both, browser), browser.get("/account/login/second/")
    answered(first, device).submit(status=303)
    both.now += timedelta(hours=1)
    first, second = (browser.post("/account/factors/codes/", csrf_of(browser), status=403) for _ in range(2))
    for page in (first, second):
        assert "They are shown this once" in answered(page, device, "confirm_answer").submit(status=200)
        both.now += timedelta(minutes=10)


def csrf_of(browser: TestApp) -> dict[str, str]:
    return {"csrf": form_to(browser.get("/account/sessions/"), "/logout/")["csrf"].value}


def test_an_answer_counts_for_its_own_purpose_session_and_time(both: House) -> None:
    person = both.person("ann")
    device = add_device(both, person)
    logging_in = first_step(both, both.browser())
    elsewhere = answered(first_step(both, both.browser()), device)["answer"].value
    form = form_with(logging_in, "answer")
    form["answer"] = elsewhere
    assert "The security device was not accepted" in form.submit(status=403), "another browser's"
    browser = both.browser()
    answered(first_step(both, browser), device).submit(status=303)
    both.now += timedelta(hours=1)
    page = browser.post("/account/factors/codes/", csrf_of(browser), status=403)
    adding = browser.get("/account/confirm/?next=/account/factors/")
    form = form_with(page, "confirm_answer")
    form["confirm_answer"] = elsewhere
    assert "The security device was not accepted" in form.submit(status=403), "a login's"
    late = answered(adding, device, "confirm_answer")
    both.now += timedelta(minutes=31)
    assert "The security device was not accepted" in late.submit(status=403), "too late"


def test_names_and_removing(both: House, ann: User) -> None:
    browser = both.browser()
    second(first_step(both, browser), "code", code(both))
    other = add_app(both, ann, "tablet", b"another secret here!")
    page = browser.get("/account/factors/")
    form = form_to(page, f"{other}/rename/")
    form["label"] = "PHONE"
    assert "none of your other" in form.submit(status=400)
    form["label"] = "old tablet"
    assert "old tablet" in form.submit(status=303).follow()
    mine = next(one for one in listed(both, ann) if one.label == "phone")
    refused = form_to(page, f"{mine.id}/remove/").submit(status=403)
    assert "Confirm with something else" in refused
    form_to(page, f"{other}/remove/").submit(status=303)
    assert [one.label for one in listed(both, ann)] == ["phone"]


def test_a_proof_in_the_same_request_counts_for_removing(both: House, ann: User) -> None:
    """Confirming with the very app that is removed is refused, also when it is done in one step."""
    browser = both.browser()
    second(first_step(both, browser), "code", code(both))
    page = browser.get("/account/factors/")
    both.now += timedelta(hours=1)
    mine = listed(both, ann)[0]
    asked = form_to(page, f"{mine.id}/remove/").submit(status=403)
    assert "Confirm with something else" in second(asked, "confirm_code", code(both), 403)
    both.now += timedelta(hours=1)
    asked = form_to(page, f"{mine.id}/remove/").submit(status=403)
    second(asked, "confirm_password", PASSWORD)
    assert listed(both, ann) == []


def listed(house: House, person: User) -> list[factors.Factor]:
    with house.db.read() as conn:
        return factors.of_user(conn, person.id)


def test_other_peoples_factors_are_not_to_be_had(both: House, ann: User) -> None:
    both.person("eve")
    browser = both.login("eve")
    csrf = form_to(browser.get("/account/sessions/"), "/logout/")["csrf"].value
    mine = listed(both, ann)[0]
    browser.post(f"/account/factors/{mine.id}/remove/", {"csrf": csrf}, status=404)
    browser.post(f"/account/factors/{mine.id}/rename/", {"csrf": csrf, "label": "hers"}, status=404)
    assert listed(both, ann) == [mine]


def made_codes(both: House, browser: TestApp) -> tuple[TestResponse, list[str]]:
    page = form_to(browser.get("/account/factors/"), "/account/factors/codes/").submit()
    return page, re.findall(r"<li>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</li>", page.text)


def test_recovery_codes_count_once_they_are_proved(both: House, ann: User) -> None:
    browser = both.browser()
    second(first_step(both, browser), "code", code(both))
    page, codes = made_codes(both, browser)
    assert len(set(codes)) == recovery.MANY
    with pytest.raises(StopIteration):  # not offered yet
        form_with(first_step(both, both.browser()), "recovery")
    second(page, "code", codes[0].upper().replace("-", " "))
    page = first_step(both, both.browser())
    assert "The code is not right" in second(page, "recovery", codes[0], 403)
    second(page, "recovery", codes[1])
    assert "factor.use-code" in actions(both)
    assert "The code is not right" in second(first_step(both, both.browser()), "recovery", codes[1], 403)


def test_new_codes_void_the_old_ones_and_few_are_told(both: House, ann: User) -> None:
    browser = both.browser()
    second(first_step(both, browser), "code", code(both))
    _, old = made_codes(both, browser)
    page, new = made_codes(both, browser)
    assert "The code is not right" in second(page, "code", old[0], 400)
    second(page, "code", new[0])
    for number, one in enumerate(new[1:], 1):
        both.now += timedelta(minutes=10)
        visitor = both.browser()
        second(first_step(both, visitor), "recovery", one)
        left = recovery.MANY - 1 - number
        assert ("few recovery codes left" in visitor.get("/account/")) == (left <= recovery.FEW)


def test_secrets_of_a_lost_key_file_are_one_clear_refusal(both: House, ann: User) -> None:
    from bonded.accounts.sealing import Sealer

    both.context = replace(both.context, sealer=Sealer(b"x" * 32))
    from bonded.web.app import make_wsgi

    both.wsgi = make_wsgi(both.context)
    page = second(first_step(both, both.browser()), "code", code(both), 503)
    assert "Sealed secrets cannot be read" in page


def test_the_policy_asks_for_a_factor_before_tokens_and_managing(both: House) -> None:
    both.settings = replace(both.settings, second_factor=True)
    both.__post_init__()
    ann = both.person("ann")
    both.project("spam", ann)
    browser = both.login("ann")
    page = browser.get("/account/tokens/")
    form = form_with(page, "name")
    form["name"] = "ci"
    page = form.submit(status=303).follow()
    assert "needs a second factor" in page
    page = browser.get("/manage/project/spam/", status=303).follow()
    assert "needs a second factor" in page
    browser.get("/account/")
    add_app(both, ann)
    browser.get("/manage/project/spam/", status=200)
    browser.get("/manage/project/other/", status=403)
