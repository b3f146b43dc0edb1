"""A host of its own for files: links lead there, and there is nothing else on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from bonded.cli import bonded
from bonded.db.engine import Database
from bonded.settings import SettingsError, load
from bonded.wiring import open_house
from tests.conftest import NOW
from tests.serve.running import Running
from tests.web.conftest import SETTINGS
from tests.web.house import House

FILES = "https://files.example.invalid/"


def filled(house: House) -> House:
    alice = house.person("alice")
    house.project("example", alice)
    house.file(alice, "example", "1.0")
    return house


@pytest.fixture
def apart(sqlite_db: Database, tmp_path: Path) -> House:
    """An index with such a host."""
    made = House(sqlite_db, tmp_path, NOW, replace(SETTINGS, content_url=FILES.rstrip("/")))
    return filled(made)


def test_links_to_files_lead_there_and_no_others(apart: House) -> None:
    browser = apart.browser()
    name = "example-1.0-py3-none-any.whl"
    for path in ("/project/example/", "/project/example/1.0/", f"/project/example/1.0/{name}/"):
        page = browser.get(path)
        links = {link["href"] for link in page.html.find_all(["a", "link"]) if "packages/" in link["href"]}
        assert links
        assert all(link.startswith(f"{FILES}packages/example/{name}") for link in links)
        assert {link["href"] for link in page.html.find_all(["a", "link"]) if FILES in link["href"]} == links


def test_without_one_links_stay_here(house: House) -> None:
    filled(house)
    assert 'href="/packages/example/' in house.browser().get("/project/example/").text


@pytest.mark.parametrize("host", ["files.example.invalid", "FILES.example.invalid:443"])
@pytest.mark.parametrize(
    "path",
    ["/", "/account/login/?next=/manage/", "/project/example/", "/admin/", "/no/such/page", "//evil.example.invalid/"],
)
def test_pages_are_elsewhere(apart: House, host: str, path: str) -> None:
    browser = apart.browser(HTTP_HOST=host)
    answer = browser.get(path, status=301)
    assert answer.headers["Location"] == "http://localhost/" + path.lstrip("/")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/account/login/", "/legacy/", "/language/", "/admin/jobs/1/retry/"])
def test_nothing_is_taken_there(apart: House, path: str) -> None:
    """A session and its form's secret, good where they belong, are worth nothing on that host."""
    browser = apart.login("alice")
    browser.extra_environ["HTTP_HOST"] = "files.example.invalid"
    answer = browser.post(path, {"name": "alice"}, status=421)
    assert "http://localhost/" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_path_that_is_no_text_leads_to_the_first_page(apart: House) -> None:
    answer = apart.browser(HTTP_HOST="files.example.invalid").get("/%ff", status=301)
    assert answer.headers["Location"] == "http://localhost/"


def test_one_server_answers_under_both_names(tmp_path: Path) -> None:
    """As a browser asks the built-in server; the file is the same, the page is not."""
    data = tmp_path / "data"
    assert CliRunner().invoke(bonded, ["init", str(data), "--dev-keys"]).exit_code == 0
    toml = data / "bonded.toml"
    toml.write_text(f'content_url = "{FILES}"\n' + toml.read_text())
    index = open_house(data)
    index.public.create("packages/example/example-1.0.tar.gz", b"bytes")
    with Running(index.http()) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        for host in ("localhost:8000", "files.example.invalid"):
            answer = client.get("/packages/example/example-1.0.tar.gz", headers={"Host": host})
            assert (answer.status_code, answer.content) == (200, b"bytes")
            assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert client.get("/search/", headers={"Host": "localhost:8000"}).status_code == 200
        away = client.get("/search/?q=a", headers={"Host": "files.example.invalid"})
        assert (away.status_code, away.headers["Location"]) == (301, "http://localhost:8000/search/?q=a")
        refused = client.post("/account/login/", data={"name": "x"}, headers={"Host": "files.example.invalid"})
        assert (refused.status_code, refused.reason_phrase) == (421, "This host has files only")


def test_on_the_first_host_all_is_as_it_was(apart: House) -> None:
    assert apart.login("alice").get("/account/").status_int == 200


@pytest.mark.parametrize(
    ("url", "content", "words"),
    [
        ("https://a.example.invalid/", "https://a.example.invalid:8443/", "has the host of `url`"),
        ("https://a.example.invalid/", "files.example.invalid", "must begin with http:// or https://"),
        ("https://a.example.invalid/", "https:///files", "must begin with http:// or https://"),
    ],
)
def test_what_is_no_host_of_its_own_is_refused(tmp_path: Path, url: str, content: str, words: str) -> None:
    (tmp_path / "bonded.toml").write_text(f'url = "{url}"\ncontent_url = "{content}"\n')
    with pytest.raises(SettingsError, match=words):
        load(tmp_path)
