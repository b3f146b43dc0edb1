"""Known vulnerabilities on the pages of releases: those that this release has, what repairs them, withdrawn ones apart."""

from __future__ import annotations

from typing import Any

import pytest

from bonded.catalog import vulnerabilities
from bonded.catalog.osv_records import record
from tests.web.house import House


def know(house: House, *records: dict[str, Any]) -> None:
    read = [record(one, "PyPI") for one in records]
    with house.db.write() as tx:
        vulnerabilities.merge(tx, {one.id: one for one in read if one}, keep=True)


def advisory(name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "Spam"},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    return {"id": name, "modified": "2026-01-05T12:00:00Z", "affected": [affected]} | more


@pytest.fixture
def spam(both: House) -> House:
    ann = both.person("ann")
    both.project("spam", ann)
    for version in ("1.0", "1.1", "2.0"):
        both.file(ann, "spam", version)
    link = [{"type": "ADVISORY", "url": "https://example.invalid/spam"}]
    know(
        both,
        advisory(
            "PYSEC-1",
            {"introduced": "0"},
            {"fixed": "1.1"},
            {"introduced": "1.2"},
            {"fixed": "3.0"},
            summary="It reads <too> much",
            aliases=["CVE-1", "GHSA-1"],
            references=link,
        ),
        advisory("PYSEC-2", {"introduced": "0"}, {"last_affected": "1.0"}, details="Nothing\nrepairs it\u202e."),
        advisory("PYSEC-3", {"introduced": "0"}, {"fixed": "9"}, summary="A mistake", withdrawn="2026-01-06T00:00:00Z"),
    )
    return both


def words(element: Any) -> str:
    return " ".join(element.get_text(" ").split())


def test_a_release_shows_what_it_has(spam: House) -> None:
    page = spam.browser().get("/project/spam/1.0/")
    box = page.html.find(id="vulnerabilities")
    assert words(box.h2) == "Version 1.0 has 2 known vulnerabilities"
    assert box.find("a", href="https://example.invalid/spam").get_text() == "PYSEC-1"
    text = words(box)
    assert "also known as CVE-1 and GHSA-1" in text
    assert "It reads <too> much" in text
    assert "Repaired in 1.1 3.0" in text
    assert box.find("a", href="/project/spam/1.1/"), "a release that is here is a link"
    assert not box.find("a", href="/project/spam/3.0/")
    assert "Nothing repairs it U+202E ." in text
    assert "No release repairs it." in text
    assert "PYSEC-3" not in text, "withdrawn ones stand apart"
    apart = next(one for one in page.html.find_all("details") if "withdrawn" in words(one.summary))
    assert "PYSEC-3" in words(apart)
    assert not apart.has_attr("open")


def test_a_release_that_has_none_has_no_box(spam: House) -> None:
    page = spam.browser().get("/project/spam/1.1/")
    assert page.html.find(id="vulnerabilities") is None
    assert "PYSEC-1" not in page.text


def test_the_page_of_the_project_is_about_its_newest_release(spam: House) -> None:
    box = spam.browser().get("/project/spam/").html.find(id="vulnerabilities")
    assert words(box.h2) == "Version 2.0 has a known vulnerability"
    assert "Repaired in 3.0" in words(box), "only later ones repair this release"
