"""What people read in a real browser when a security device or a passkey does not do: old browsers, cancelling, a passkey that was
removed or does not know who holds it, another address. Each time there is another way on the same page."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from bonded.accounts import factors
from tests.web.house import House
from tests.web.test_browser import open_page
from tests.web.test_devices_browser import (
    OLD_KEY,
    PASSKEY,
    Authenticator,
    browser,
    enter_with,
    first_step,
    leave,
    register,
    site,
)

__all__ = ["browser", "site"]

UNUSED = "The security device was not used: it was cancelled, took too long, or is not registered here. Try again."


def test_a_browser_that_is_too_old_is_told_and_keeps_the_other_ways(browser: Browser, site: str) -> None:
    page = open_page(browser, scripts=True)
    page.add_init_script("delete window.PublicKeyCredential")
    first_step(page, site)
    page.goto(f"{site}account/factors/device/")
    register(page, "blue key")
    expect(page.locator("[data-says]")).to_have_text(
        "This browser cannot use security devices. Take another way, or another browser."
    )
    expect(page).to_have_url(f"{site}account/factors/device/")
    page.goto(f"{site}account/factors/")
    expect(page.get_by_role("link", name="Add an authentication app")).to_be_visible()


def test_a_device_that_is_cancelled_is_told_and_may_be_tried_again(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser, scripts=True)
    Authenticator(page, OLD_KEY)
    first_step(page, site)
    page.goto(f"{site}account/factors/device/")
    # What a browser reports when somebody closes its dialogue, or lets it end (WebAuthn, 5.1.3).
    page.evaluate(
        """() => {
            const devices = navigator.credentials, real = devices.create;
            devices.create = () => {
                devices.create = real;
                return Promise.reject(new DOMException("no", "NotAllowedError"));
            };
        }"""
    )
    register(page, "blue key")
    expect(page.locator("[data-says]")).to_have_text(UNUSED)
    register(page, "blue key")
    expect(page.get_by_role("row", name="blue key")).to_contain_text("security device")


def test_a_passkey_that_was_removed_opens_nothing(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser, scripts=True)
    Authenticator(page, PASSKEY)
    enter_with(page, site, "my laptop")
    expect(page.get_by_role("row", name="my laptop")).to_be_visible()
    leave(page)
    with house.db.write() as tx:
        tx.execute(factors.factor.delete())
    # Else the device of this test, which asks nobody, would offer itself again and again.
    page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    page.goto(f"{site}account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("The security device was not accepted")
    expect(page.get_by_label("User name")).to_be_visible()
    page.goto(f"{site}account/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_passkey_that_does_not_know_who_holds_it_is_a_second_step_only(browser: Browser, site: str) -> None:
    page = open_page(browser, scripts=True)
    device = Authenticator(page, PASSKEY)
    enter_with(page, site, "my laptop")
    expect(page.get_by_role("row", name="my laptop")).to_contain_text("passkey")
    leave(page)
    device.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device.id, "isUserVerified": False})
    page.goto(f"{site}account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-says]")).to_have_text(UNUSED)
    first_step(page, site)
    page.get_by_role("button", name="Use a security device").click()
    expect(page.locator("p.notice[role=status]")).to_have_text("You are logged in.")


def test_a_device_of_another_address_is_not_accepted(browser: Browser, site: str, house: House) -> None:
    """The browser tells the device which address asks, and the device signs it: a copy of the site elsewhere gets nothing."""
    page = open_page(browser, scripts=True)
    Authenticator(page, OLD_KEY)
    enter_with(page, site, "blue key")
    leave(page)
    object.__setattr__(house.context.settings, "url", "http://localhost:1/")
    first_step(page, site)
    page.get_by_role("button", name="Use a security device").click()
    expect(page.get_by_role("alert").first).to_contain_text("The security device was not accepted")
    page.goto(f"{site}account/")
    expect(page.get_by_label("Password")).to_be_visible()
