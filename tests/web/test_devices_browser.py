"""Security keys and passkeys in a real browser, with authenticators that the browser itself imitates (WebAuthn, 11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bonded.accounts import factors
from tests.web.house import PASSWORD, House
from tests.web.server import chromium, serving
from tests.web.test_browser import open_page, shoot

PASSKEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
OLD_KEY = {"protocol": "u2f", "transport": "usb", "automaticPresenceSimulation": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site(house: House) -> Iterator[str]:
    """The index at `localhost`: browsers give no security devices to an address of numbers."""
    with serving() as (address, deferred):
        address = address.replace("127.0.0.1", "localhost")
        house.settings = replace(house.settings, url=address, second_factor=True)
        house.__post_init__()
        deferred.app = house.wsgi
        ann = house.person("ann")
        house.project("spam", ann)
        yield address


class Authenticator:
    """A device that the browser imitates."""

    def __init__(self, page: Page, options: dict[str, Any]) -> None:
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def credentials(self) -> list[dict[str, Any]]:
        return list(self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def count_back(self) -> None:
        """As a copy of the device would: the counter that was seen already."""
        for one in self.credentials():
            self.cdp.send(
                "WebAuthn.removeCredential", {"authenticatorId": self.id, "credentialId": one["credentialId"]}
            )
            self.cdp.send(
                "WebAuthn.addCredential",
                {"authenticatorId": self.id, "credential": one | {"signCount": 0, "rpId": "localhost"}},
            )

    def forget(self) -> None:
        self.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})


def first_step(page: Page, site: str, target: str = "/account/") -> None:
    page.goto(f"{site}account/login/?next={target}")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_load_state()


def register(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Register the device").click()


def enter_with(page: Page, site: str, name: str) -> None:
    """Log in and register a device of this name."""
    first_step(page, site)
    page.goto(f"{site}account/factors/device/")
    register(page, name)
    expect(page.locator("p.notice[role=status]")).to_contain_text("It is added")


def leave(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("p.notice[role=status]")).to_have_text("You are logged out.")


def test_a_passkey_is_made_on_the_way_and_signs_in_alone(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser, scripts=True)
    device = Authenticator(page, PASSKEY)
    first_step(page, site, "/manage/project/spam/")
    expect(page.locator("p.notice[role=status]")).to_contain_text("needs a second factor")
    page.get_by_role("link", name="Add a security device or passkey").click()
    register(page, "my laptop")
    expect(page.locator("p.notice[role=status]")).to_contain_text("It is added")
    expect(page.get_by_role("row", name="my laptop")).to_contain_text("passkey")
    shoot(page, "factors-1280")
    assert len(device.credentials()) == 1
    leave(page)
    # The browser offers it where the name is typed, and the device of this test, which asks nobody, takes the offer. A click
    # meanwhile would send a second answer to the question that has its answer already: the button has its turn by itself.
    page.goto(f"{site}account/login/?next=/account/factors/")
    expect(page.get_by_role("heading", name="Second factors")).to_be_visible()
    leave(page)
    page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    page.goto(f"{site}account/login/?next=/account/factors/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Second factors")).to_be_visible()
    with house.db.read() as conn:
        (mine,) = conn.execute(factors.factor.select()).all()
    assert mine.used_at is not None
    assert mine.passkey


COUNTED = """
delete PublicKeyCredential.isConditionalMediationAvailable;
window.asked = 0;
window.sent = 0;
const real = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = (options) => { window.asked += 1; return real(options); };
HTMLFormElement.prototype.submit = () => { window.sent += 1; };
"""
"""Counts how often the device was asked; the answer is under way for ever."""


def test_a_passkey_is_not_asked_again_while_its_answer_is_under_way(browser: Browser, site: str) -> None:
    page = open_page(browser, scripts=True)
    Authenticator(page, PASSKEY)
    enter_with(page, site, "my laptop")
    leave(page)
    page.add_init_script(COUNTED)
    page.goto(f"{site}account/login/")
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.click()
    page.wait_for_function("window.sent === 1")
    button.click()
    assert page.evaluate("window.asked") == 1


def test_a_key_of_the_u2f_era_is_a_second_step(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser, scripts=True)
    device = Authenticator(page, OLD_KEY)
    enter_with(page, site, "blue key")
    expect(page.get_by_role("row", name="blue key")).to_contain_text("security device")
    page.goto(f"{site}account/factors/device/")
    register(page, "the same again")
    expect(page.get_by_text("This device is registered for your account already.")).to_be_visible()
    leave(page)
    first_step(page, site)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    shoot(page, "second-step-1280")
    page.get_by_role("button", name="Use a security device").click()
    expect(page.locator("p.notice[role=status]")).to_have_text("You are logged in.")
    leave(page)
    device.count_back()
    first_step(page, site)
    page.get_by_role("button", name="Use a security device").click()
    expect(page.get_by_role("alert").first).to_contain_text("may have been copied")


def test_a_device_that_is_not_registered_is_told(browser: Browser, site: str) -> None:
    page = open_page(browser, scripts=True)
    device = Authenticator(page, OLD_KEY)
    enter_with(page, site, "blue key")
    leave(page)
    device.forget()
    first_step(page, site)
    page.get_by_role("button", name="Use a security device").click()
    expect(page.locator("[data-says]")).to_contain_text("was not used")


def test_step_up_by_device_resumes_the_act(browser: Browser, site: str, house: House) -> None:
    from datetime import timedelta

    page = open_page(browser, scripts=True)
    Authenticator(page, OLD_KEY)
    enter_with(page, site, "blue key")
    house.now += timedelta(hours=1)
    page.goto(f"{site}account/tokens/")
    page.get_by_label("Name").fill("ci")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_role("button", name="Confirm with a security device").click()
    expect(page.locator("body")).to_contain_text("bonded-")


def test_without_script_the_other_ways_are_explained(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser, 320)
    first_step(page, site)
    page.goto(f"{site}account/factors/device/")
    expect(page.get_by_text("Security devices speak to the browser by script")).to_be_visible()
    shoot(page, "add-device-320")
    page.goto(f"{site}account/factors/app/")
    expect(page.get_by_text("Scan this picture with the app.")).to_be_visible()
    shoot(page, "add-app-320")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
