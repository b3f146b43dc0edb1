"""Reporting in a real browser that runs no script, and the reviewer's queue by the same means."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import expect

from bonded.screening.reports import reports
from tests.screening_service.conftest import Service
from tests.web.house import PASSWORD
from tests.web.server import chromium, serving


def test_a_report_from_the_project_page_to_the_end(service: Service) -> None:
    house = service.house
    with serving() as (address, deferred), chromium() as browser:
        house.settings = replace(house.settings, url=address)
        house.__post_init__()
        deferred.app = house.wsgi
        ann = house.person("ann")
        house.person("root", admin=True)
        house.project("spam", ann)
        house.case(house.file(ann, "spam", "1.0"))
        page = browser.new_context(java_script_enabled=False, base_url=address).new_page()
        page.goto("/project/spam/")
        page.get_by_role("link", name="Report this project").click()
        expect(page.get_by_label("Project", exact=True)).to_have_value("spam")
        page.get_by_label("What is it").select_option("malware")
        page.get_by_label("What did you see, and where").fill("It sends tokens away.\nsetup.py, line 3")
        page.get_by_role("button", name="Send the report").click()
        expect(page.locator("main")).to_contain_text("number 1")
        page.goto("/account/login/")
        page.get_by_label("User name").fill("root")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("p.notice[role=status]")).to_have_text("You are logged in.")
        page.goto("/admin/reports/")
        expect(page.get_by_text("setup.py, line 3")).to_be_visible()
        with page.expect_navigation():
            page.get_by_role("button", name="Link to the case").click()
        page.goto("/admin/reports/?state=linked")
        page.get_by_role("link", name="Case 1").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("spam")
    with house.db.read() as conn:
        (one,) = reports(conn, state=None)
    assert (one.state, one.case_id) == ("linked", 1)
