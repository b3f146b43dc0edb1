"""Public pages: what they show, and what they never show."""

from __future__ import annotations

import pytest

from bonded.catalog import change
from bonded.journal.seal import seal
from bonded.values.refusals import CATALOGUE
from bonded.values.states import FileState, ProjectStatus
from bonded.values.who import OPERATOR
from tests.web.house import House


def test_an_empty_index_says_how_to_begin(house: House) -> None:
    page = house.browser().get("/")
    assert "Nothing is published here yet." in page
    assert "http://localhost/simple/" in page


def test_the_front_page_lists_new_releases_once_each(both: House) -> None:
    ann = both.person("ann")
    both.project("Spam", ann)
    both.file(ann, "Spam", "1.0")
    both.file(ann, "Spam", "1.0")
    both.file(ann, "Spam", "2.0", state=FileState.HELD)
    page = both.browser().get("/")
    assert page.text.count('href="/project/spam/1.0/"') == 1
    assert "2.0" not in page
    assert "1 project on this index." in page


def test_a_project_shows_files_digests_and_the_install_line(house: House) -> None:
    ann = house.person("ann")
    house.project("Spam", ann)
    house.file(ann, "Spam", "1.0")
    file_id = house.file(ann, "Spam", "1.1")
    house.file(ann, "Spam", "2.0rc1")
    with house.db.write() as tx:
        change.yank(tx, OPERATOR, file_id, reason="broken <b>", now=house.now)
    page = house.browser().get("/project/spam/")
    assert "pip install --index-url http://localhost/simple/ spam<" in page.text
    assert page.html.h1.text.strip() == "Spam"
    assert 'href="/packages/spam/Spam-1.0-py3-none-any.whl"' in page
    assert "sha256" in page
    old = house.browser().get("/project/spam/1.1/")
    assert "spam==1.1" in old
    assert "broken &lt;b&gt;" in old
    assert "This is not the newest release." in old


@pytest.mark.parametrize("part", ["history/", ""])
@pytest.mark.parametrize("name", ["Spam%E4%B8%96", "Spam%0D%0AX:y", "Spam%7F", "Spam%C2%85"])
def test_a_name_that_no_header_takes_is_encoded_where_it_leads_on(house: House, name: str, part: str) -> None:
    place = house.browser().get(f"/project/{name}/{part}", status=301).headers["Location"]
    assert place.isascii()
    assert place.isprintable()
    assert house.browser().get(place, status=404)


def test_versions_are_found_in_any_spelling_and_names_are_redirected(house: House) -> None:
    ann = house.person("ann")
    house.project("Spam_Eggs", ann)
    house.file(ann, "Spam_Eggs", "1.0")
    assert house.browser().get("/project/Spam_Eggs/", status=301).location == "http://localhost/project/spam-eggs/"
    house.browser().get("/project/spam-eggs/v1.0/", status=200)
    house.browser().get("/project/spam-eggs/1.0.0/", status=200)
    house.browser().get("/project/spam-eggs/9.9/", status=404)
    house.browser().get("/project/spam-eggs/not a version/", status=404)
    house.browser().get(f"/project/spam-eggs/{'9' * 5000}/", status=404)


@pytest.mark.parametrize("state", [FileState.HELD, FileState.REJECTED, FileState.RECEIVED])
def test_what_was_never_public_is_not_told(house: House, state: FileState) -> None:
    ann = house.person("ann")
    house.project("secret-plan", ann)
    house.file(ann, "secret-plan", "1.0", state=state)
    browser = house.browser()
    browser.get("/project/secret-plan/", status=404)
    for path in ("/", "/search/?q=secret", "/user/ann/"):
        assert "secret-plan" not in browser.get(path).text.replace('value="secret', "")


def test_a_quarantined_project_lists_no_file_and_says_why(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    house.file(ann, "spam", "1.0")
    with house.db.write() as tx:
        change.set_status(
            tx,
            "review.quarantine-project",
            OPERATOR,
            "spam",
            ProjectStatus.QUARANTINED,
            reason="reports of theft",
            now=house.now,
        )
    page = house.browser().get("/project/spam/")
    assert "reports of theft" in page
    assert ".whl" not in page
    assert "pip install" not in page


def test_a_description_cannot_bring_scripts_pictures_or_bad_links(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    metadata = {
        "description": "# Hello\n\n<script>alert(1)</script>\n\n![a cat](https://example.invalid/x.png)\n\n[x](javascript:alert(1))",
        "description_content_type": "text/markdown; charset=UTF-8",
        "summary": "ends \u202ehere",
        "project_urls": ["Source, https://example.invalid/s", "Evil, javascript:alert(1)", "Worse, https://a b/"],
        "home_page": "data:text/html,x",
    }
    house.file(ann, "spam", "1.0", metadata=metadata)
    page = house.browser().get("/project/spam/")
    assert "<script" not in str(page.html.main)
    assert "![a cat](https://example.invalid/x.png)" in page.html.find("article").text, (
        "as written, until it is rendered"
    )
    assert not page.html.find("article").find_all(["img", "script"])
    assert 'href="javascript' not in page
    assert "data:text" not in page
    assert 'href="https://example.invalid/s"' in page
    assert "U+202E" in page
    assert "\u202e" not in page


def test_a_description_in_another_format_is_shown_as_text(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    house.file(
        ann,
        "spam",
        "1.0",
        metadata={"description": "Title\n=====\n\n<b>raw</b>", "description_content_type": "text/x-rst"},
    )
    assert "Title\n=====\n\n&lt;b&gt;raw&lt;/b&gt;" in house.browser().get("/project/spam/")


def test_search_finds_parts_of_names_and_takes_wildcards_literally(both: House) -> None:
    ann = both.person("ann")
    for name in ("spam", "spam-eggs", "green-spam", "bacon"):
        both.project(name, ann)
        both.file(ann, name, "1.0")
    found = both.browser().get("/search/", {"q": "SPAM"})
    links = [a["href"] for a in found.html.main.find_all("a")]
    assert links == ["/project/spam/", "/project/spam-eggs/", "/project/green-spam/"]
    for wild in ("%", "_", "\\", "%%%"):
        assert "0 projects found" in both.browser().get("/search/", {"q": wild + "x"})
    both.browser().get("/search/?q=%00%e2%80%ae", status=200)


def test_a_person_has_a_page_without_an_address(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    house.file(ann, "spam", "1.0")
    page = house.browser().get("/user/ann/")
    assert 'href="/project/spam/"' in page
    assert "ann@example.invalid" not in page
    house.browser().get("/user/nobody/", status=404)


def test_every_refusal_has_a_page(house: House) -> None:
    browser = house.browser()
    listed = browser.get("/help/refusals/")
    codes = [code for code in CATALOGUE if not code.startswith("test-")]
    assert len(codes) > 50
    for code in codes:
        assert f"/help/refusals/{code}/" in listed
    for code in codes[::10]:
        assert code in browser.get(f"/help/refusals/{code}/")
    browser.get("/help/refusals/no-such-code/", status=404)


def test_security_txt_is_there_when_a_contact_is_set(house: House) -> None:
    lines = house.browser().get("/.well-known/security.txt").text.splitlines()
    assert "Contact: mailto:security@example.invalid" in lines
    assert "Expires: 2026-02-04T00:00:00Z" in lines


def test_proofs_are_given_in_hex_and_refused_in_words(both: House) -> None:
    both.person("ann")
    both.person("bob")
    with both.db.write() as tx:
        size, root = seal(tx, now=both.now)
    browser = both.browser()
    assert browser.get("/journal/proof/").json == {"size": size, "root": root.hex()}
    proof = browser.get("/journal/proof/inclusion/1").json
    assert proof["root"] == root.hex()
    assert bytes.fromhex(proof["leaf"])
    assert browser.get(f"/journal/proof/inclusion/1?size={size}").json == proof
    assert browser.get("/journal/proof/consistency/1/2").json["new_root"] == root.hex()
    for path in ("inclusion/99", "inclusion/1?size=99", "consistency/2/1", "inclusion/x", "inclusion/1?size=-1"):
        refused = browser.get(f"/journal/proof/{path}", headers={"Accept": "application/json"}, status="4*").json
        assert refused["code"] in ("no-proof", "bad-form")


def test_help_and_assets(house: House) -> None:
    browser = house.browser()
    page = browser.get("/help/")
    assert "http://localhost/legacy/" in page
    style = page.html.find("link", rel="stylesheet")["href"]
    answer = browser.get(style)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content_type == "text/css"
    browser.get("/static/000000000000/bonded.css", status=404)
    browser.get(style.replace("bonded.css", "..%2Fapp.py"), status=404)


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/legacy/spam-eggs/1.0/", "/project/spam-eggs/1.0/"),
        ("/legacy/Spam_Eggs/1!2.0+a.1/", "/project/spam-eggs/1%212.0%2Ba.1/"),
        ("/legacy/x/%0d%0aX-Evil:1/", "/project/x/%0D%0AX-Evil%3A1/"),
    ],
)
def test_the_link_that_hatch_prints_leads_to_the_release(house: House, asked: str, place: str) -> None:
    answer = house.browser().get(asked, status=301)
    assert answer.headers["Location"] in (place, f"http://localhost{place}")


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/project/spam-eggs", "/project/spam-eggs/"),
        ("/project/Spam_Eggs/1!2.0?a=b&c=%0d%0a", "/project/Spam_Eggs/1!2.0/?a=b&c=%0d%0a"),
        ("/user/ann", "/user/ann/"),
        ("/account", "/account/"),
        ("/legacy/spam-eggs/1.0", "/legacy/spam-eggs/1.0/"),
        ("/project/a%0d%0aX-Evil:%201", "/project/a%0D%0AX-Evil:%201/"),
    ],
)
def test_a_page_is_found_without_the_slash_at_its_end(house: House, asked: str, place: str) -> None:
    answer = house.browser().get(asked, status=301)
    assert answer.headers["Location"] in (place, f"http://localhost{place}")
    assert house.browser().head(asked, status=301)


@pytest.mark.parametrize(
    "asked", ["/nothing", "//project/spam", "//evil.example", "/project", "/.well-known/none", "/%2Fevil.example"]
)
def test_what_is_no_page_with_a_slash_either_is_not_found(house: House, asked: str) -> None:
    house.browser().get(asked, status=404)
    house.browser().post("/user/ann", status=404)
