"""A build on loopback uploads without any secret: by uv and pdm, which do all of it, and by any tool after two requests."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bonded.accounts import people, publishers
from bonded.accounts.oidc_shapes import GITHUB
from bonded.values.who import OPERATOR
from bonded.wiring import open_house
from tests.publishing.service import Service, serving
from tests.story import clients, tls
from tests.story.packages import Made, make
from tests.story.running import RunningIndex, running
from tests.story.test_publish import by_twine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def trusting(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """An index that trusts the service, and where the person "octo" waits for three projects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BONDED_PUBLISHING__ISSUERS", json.dumps([{"preset": "github", "issuer": service.url}]))
        patch.setenv("BONDED_PUBLISHING__PRIVATE_HOSTS", json.dumps([service.host]))
        with running(tmp_path_factory.mktemp("trusting")) as index:
            index.token("octo")
            yield index


def wait(index: RunningIndex, service: Service, project: str) -> None:
    """What the person fills in on the page of their account."""
    house = open_house(index.directory)
    fields = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": "release"}
    with house.db.write() as tx:
        publishers.add_pending(
            tx, OPERATOR, GITHUB, service.url, project, fields, user_id=people.need(tx, "octo").id,
            lifetime=house.trusted_publishing.pending_for, now=house.clock(),
        )  # fmt: skip
    house.db.close()


@pytest.fixture
def build(service: Service) -> Iterator[dict[str, str]]:
    """The environment of a job: where it asks its service for identities, and with what."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (wanted,) = parse_qs(urlsplit(self.path).query)["audience"]
            genuine = self.headers["Authorization"].split() == ["bearer", "job-secret"] or (
                self.headers["Authorization"] == "Bearer job-secret"
            )
            value = service.identity(datetime.now(UTC), aud=wanted) if genuine else ""
            body = json.dumps({"count": 1, "value": value}).encode()
            self.send_response(200 if genuine else 403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{server.server_port}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job-secret",
    }
    server.shutdown()
    thread.join()
    server.server_close()


def asked(url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON at `url`, by GET or, with a body, by POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return dict(json.load(reply))


@pytest.fixture
def secure(trusting: RunningIndex, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The index by https, and what tells clients to trust its certificate."""
    with tls.before(trusting.url, tmp_path) as (url, cert):
        yield url, {"SSL_CERT_FILE": str(cert), "REQUESTS_CA_BUNDLE": str(cert)}


def by_uv(url: str, made: Made, env: dict[str, str]) -> Any:
    words = ("publish", "--trusted-publishing", "always", "--publish-url", f"{url}legacy/")
    return clients.run("uv", *words, *made.dist(), cwd=made.tree, env=env)


def by_pdm(url: str, made: Made, env: dict[str, str]) -> Any:
    """Without a name and a password: pdm looks at the environment of the build itself."""
    made.dist()
    words = ("publish", "--no-build", "--ca-certs", env["SSL_CERT_FILE"], "-r", f"{url}legacy/")
    return clients.run("pdm", *words, cwd=made.tree, env=env)


TOOLS = {"uv": by_uv, "pdm": by_pdm}


def project(tmp_path: Path, name: str) -> Made:
    return make(tmp_path / "projects", name, version="1.0", backend="hatchling")


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_tool_publishes_without_a_token(
    trusting: RunningIndex,
    service: Service,
    build: dict[str, str],
    secure: tuple[str, dict[str, str]],
    tmp_path: Path,
    tool: str,
) -> None:
    made = project(tmp_path, f"trusted-{tool}")
    wait(trusting, service, made.name)
    done = TOOLS[tool](secure[0], made, build | secure[1])
    assert done.returncode == 0, done.stdout + done.stderr
    files = trusting.wait_listed(made.name, made.wheel, made.sdist, seconds=180)
    assert len(files) == 2


def test_uv_says_why_not(
    service: Service, build: dict[str, str], secure: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    """What stands in the output of a build that nobody trusts."""
    service.repository = "octo/nobody"
    try:
        done = by_uv(secure[0], project(tmp_path, "nobody"), build | secure[1])
    finally:
        service.repository = "octo/tool"
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, shown
    assert "publisher-none" in shown, shown
    assert "o project trusts this build" in shown, shown


def test_any_tool_uploads_with_what_two_requests_give(trusting: RunningIndex, service: Service, tmp_path: Path) -> None:
    made = project(tmp_path, "trusted-any")
    wait(trusting, service, made.name)
    found = asked(f"{trusting.url}.well-known/pytp?discover=%2Flegacy%2F")
    audience = asked(found["audience-endpoint"])["audience"]
    identity = service.identity(datetime.now(UTC), aud=audience)
    token = asked(found["token-mint-endpoint"], {"token": identity})["token"]
    done = by_twine(trusting, token, made)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(trusting.wait_listed(made.name, made.wheel, made.sdist, seconds=180)) == 2
    other = by_twine(trusting, token, project(tmp_path, "trusted-other"))
    assert "The API token is not for the project trusted-other" in other.stdout + other.stderr
