"""A small index for the tests of pages: people, projects, files in every state, a case with evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import zstandard
from sqlalchemy import insert, update
from webtest import TestApp, TestResponse

from bonded.accounts import people
from bonded.accounts.hashing import Cost, Hasher
from bonded.accounts.people import User
from bonded.accounts.sealing import Sealer
from bonded.adapters.counter_sql import SqlCounter
from bonded.adapters.storage_files import FileStorage
from bonded.catalog import change
from bonded.catalog.tables import case, evidence, file, finding, release, verdict
from bonded.db.engine import Database
from bonded.screening.service import ServiceContext, ServiceLimits
from bonded.upload.accept import UploadContext
from bonded.upload.limits import UploadLimits
from bonded.values.names import normalize
from bonded.values.states import FileState, Mode
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, POLICY
from bonded.web.app import make_wsgi
from bonded.web.context import WebContext, WebSettings

PASSWORD = "correct horse battery"
CHEAP = Hasher(Cost(memory_kib=64, passes=1, at_once=8))
"""A hasher that costs nothing; its hashes verify with any cost."""


@dataclass
class House:
    """The index of one test and an application over it. `now` may be moved."""

    db: Database
    folder: Path
    now: datetime
    settings: WebSettings
    service: ServiceLimits = field(default_factory=ServiceLimits)

    def __post_init__(self) -> None:
        for name in ("vault", "public", "spool"):
            (self.folder / name).mkdir(exist_ok=True)
        self.vault = FileStorage(self.folder / "vault")
        self.context = WebContext(
            db=self.db,
            upload=UploadContext(self.db, self.vault, UploadLimits(), Mode.HOLD),
            counter=SqlCounter(self.db),
            clock=lambda: self.now,
            public=FileStorage(self.folder / "public"),
            sealer=Sealer(b"k" * 32),
            service=ServiceContext(self.db, self.vault, SqlCounter(self.db), self.service),
            settings=self.settings,
        )
        self.wsgi = make_wsgi(self.context)

    def browser(self, **environ: str) -> TestApp:
        """A browser without cookies; its pages are HTML, as browsers ask for them."""
        extra = {"HTTP_ACCEPT": "text/html", "REMOTE_ADDR": "198.51.100.7", "HTTP_USER_AGENT": "Test/1.0"} | environ
        return TestApp(self.wsgi, extra_environ=extra)

    def person(self, name: str, *, admin: bool = False) -> User:
        """An account with PASSWORD."""
        from bonded.accounts import passwords

        with self.db.write() as tx:
            user = people.create(tx, OPERATOR, name, f"{name}@example.invalid", is_admin=admin, now=self.now)
            passwords.rehash(tx, user.id, CHEAP.hash(PASSWORD))
        return replace(user, has_password=True)

    def login(self, name: str, browser: TestApp | None = None) -> TestApp:
        """A browser logged in as `name`."""
        browser = browser or self.browser()
        form = login_form(browser.get("/account/login/"))
        form["name"], form["password"] = name, PASSWORD
        form.submit(status=303)
        return browser

    def project(self, name: str, owner: User) -> str:
        """A project without files; returns its key."""
        with self.db.write() as tx:
            return change.create_project(tx, OPERATOR, name, owner_id=owner.id, now=self.now).key

    def file(
        self,
        owner: User,
        name: str,
        version: str,
        *,
        state: FileState = FileState.PUBLIC,
        metadata: dict[str, Any] | None = None,
    ) -> str:
        """A wheel of the project in `state`, by the moves that policy and people make; returns its id."""
        file_id, release_id, key = new_id(), new_id(), normalize(name)
        with self.db.write() as tx:
            from bonded.catalog import read

            project = read.project(tx, key)
            assert project is not None
            known = read.release(tx, project.id, version)
            if known is None:
                tx.execute(
                    insert(release).values(
                        id=release_id,
                        project_id=project.id,
                        version=version,
                        metadata={"name": name, "version": version, "summary": f"All about {name}"} | (metadata or {}),
                        created_at=self.now,
                    )
                )
            digest = f"{len(name + version + file_id):02x}" * 32
            tx.execute(
                insert(file).values(
                    id=file_id,
                    project_id=project.id,
                    release_id=known.id if known else release_id,
                    filename=f"{name}-{version}-{file_id[:4]}-py3-none-any.whl"
                    if known
                    else f"{name}-{version}-py3-none-any.whl",
                    packagetype="bdist_wheel",
                    python_version="py3",
                    requires_python=">=3.9",
                    size=12_345,
                    md5="0" * 32,
                    sha256=digest,
                    blake2_256="1" * 64,
                    vault_key=f"{digest}.{file_id}",
                    state=FileState.RECEIVED,
                    state_reason="",
                    state_at=self.now,
                    holds_name=True,
                    burnt=False,
                    yanked=False,
                    yanked_reason="",
                    uploaded_at=self.now - timedelta(minutes=3),
                    uploader_id=owner.id,
                    token_id="",
                )
            )
            for action, step in _WAY[state]:
                change.move_file(tx, action, POLICY, file_id, step, reason="by the test", now=self.now)
        return file_id

    def case(self, file_id: str, *, headline: str = "Decoded code is executed") -> int:
        """An open case for a file, with one finding that has kept text and a decoded form."""
        from bonded.catalog import read

        kept = {"text": CODE, "first_line": 10, "decoded": [{"how": "base64", "text": "print('hello')\n"}]}
        with self.db.write() as tx:
            subject = read.file(tx, file_id)
            assert subject is not None
            case_id = tx.execute(
                insert(case)
                .values(project_id=subject.project_id, state="open", score=0.83, headline=headline, opened_at=self.now)
                .returning(case.c.id)
            ).scalar_one()
            tx.execute(update(file).where(file.c.id == file_id).values(case_id=case_id))
            packed = zstandard.ZstdCompressor().compress(orjson.dumps(kept))
            tx.execute(insert(evidence).values(sha256=file_id, text=packed, created_at=self.now))
            tx.execute(insert(finding).values(_finding(file_id) | {"created_at": self.now}))
            tx.execute(
                insert(verdict).values(
                    file_id=file_id,
                    verdict="review",
                    score=0.83,
                    terms=[["decoded code is executed at import", 2.5], ["new project", 0.4]],
                    rules="0" * 64,
                    sandbox="bubblewrap",
                    unread=[],
                    created_at=self.now,
                )
            )
        return int(case_id)


CODE = 'import base64\n# \u202e hidden\nexec(base64.b64decode("cHJpbnQoJ2hlbGxvJyk="))\n<script>alert(1)</script>\n'

_WAY = {
    FileState.RECEIVED: [],
    FileState.HELD: [("file.hold", FileState.HELD)],
    FileState.PUBLIC: [("file.publish", FileState.PUBLIC)],
    FileState.REJECTED: [("file.refuse", FileState.REJECTED)],
    FileState.QUARANTINED: [("file.publish", FileState.PUBLIC), ("file.withdraw", FileState.QUARANTINED)],
    FileState.REMOVED: [("file.publish", FileState.PUBLIC), ("file.delete", FileState.REMOVED)],
}


def _finding(file_id: str) -> dict[str, Any]:
    return {
        "subject_kind": "file",
        "subject_id": file_id,
        "file_id": file_id,
        "check": "decoded-code-executed",
        "version": 1,
        "rules": "0" * 64,
        "severity": "high",
        "confidence": 0.9,
        "path": "spam/__init__.py",
        "line": 12,
        "end_line": 12,
        "message": "A decoded string is executed",
        "excerpt": "exec(base64.b64decode(...))",
        "run_when": "import",
        "trace": ["base64.b64decode", "exec"],
        "evidence": file_id,
    }


def login_form(page: TestResponse) -> Any:
    """The form in the page that asks for name and password."""
    return form_with(page, "password")


def form_with(page: TestResponse, field: str) -> Any:
    """The form of the page that has `field`."""
    return next(form for form in page.forms.values() if field in form.fields)


def form_to(page: TestResponse, action: str) -> Any:
    """The form of the page that posts to an address ending in `action`."""
    return next(form for form in page.forms.values() if form.action.endswith(action) and form.method.upper() == "POST")
