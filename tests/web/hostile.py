"""A stage for hostile text: every field that somebody outside can fill, every page that shows it, and what a browser makes of it.

`Stage.fill` puts texts into all fields at once, past the checks of forms, as a fault in one of them would; names and file names
hold what upload lets through. `Watch` says whether anything ran, was asked for, or could run at a touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote

import orjson
import zstandard
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import insert, update

from bonded.accounts.entry_tables import email_address
from bonded.accounts.tables import factor, session
from bonded.accounts.tables import token as token_table
from bonded.catalog.description_tables import description
from bonded.catalog.tables import check_state, evidence, file, finding, project, release, saved_filter, suppression
from bonded.journal.record import record
from bonded.screening.service_tables import report
from bonded.upload.rendering import MARKDOWN, RST, render_call
from bonded.values.names import normalize
from bonded.values.prose import faults
from bonded.values.states import FileState, SubjectKind
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.web.house import House

LISTED = 60
"""Texts in one list of a page: classifiers, requirements, descriptions one after the other."""


def rendered(text: str, media: str) -> str:
    """A description of `text` as the child renders it, judged as the job judges it; "" where there is none."""
    text = text.encode("utf-8", "replace").decode()
    asked = orjson.dumps({"text": text, "media": media, "variant": "GFM"})
    html = str(orjson.loads(render_call(asked, None))["html"])
    wrong = faults(html)
    assert not wrong, f"{wrong}: {text!r}"
    return html


@dataclass
class Stage:
    """An index full of hostile text. `fill` may be called again with other texts: older ones stay in lists and histories."""

    house: House
    made: list[str] = field(default_factory=list)
    cases: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ann = self.house.person("ann")
        self.root = self.house.person("root", admin=True)

    def fill(self, texts: Sequence[str]) -> None:
        """Put `texts` everywhere: each at least once into every list, and by turns into fields of which there is one."""
        each = cycle(texts)
        number = len(self.made)
        name = f"stage-{number}"
        self.made.append(name)
        self.house.project(name, self.ann)
        self._releases(name, texts, each)
        held = self.house.file(self.ann, name, "9.0", state=FileState.HELD, metadata=self._metadata(texts, each))
        self.cases.append(self.house.case(held, headline=next(each)))
        self._findings(held, texts, each)
        self._people(each)
        self._console(texts, each, held, name)
        self._history(texts, held, name)

    def _releases(self, name: str, texts: Sequence[str], each: Iterator[str]) -> None:
        kinds = {"1.0": MARKDOWN, "2.0": RST, "3.0": "text/plain", "4.0": "application/x"}
        for version, media in kinds.items():
            about = self._metadata(texts, each) | {"description_content_type": media}
            self.house.file(self.ann, name, version, metadata=about)
            html = "".join(rendered(text, media) for text in texts) if media in (MARKDOWN, RST) else ""
            with self.house.db.write() as tx:
                where = (
                    (release.c.version == version) & (release.c.project_id == project.c.id) & (project.c.key == name)
                )
                release_id = tx.execute(release.select().where(where)).first()
                assert release_id is not None
                made = {"outcome": "rendered" if html else "failed", "kind": media, "html": html, "reason": next(each)}
                tx.execute(insert(description).values(release_id=release_id.id, renderer=1, **made))
        with self.house.db.write() as tx:
            key = normalize(name)
            mine = (
                file.c.project_id
                == project.select().with_only_columns(project.c.id).where(project.c.key == key).scalar_subquery()
            )
            tx.execute(update(file).where(mine).values(yanked=True, yanked_reason=next(each), state_reason=next(each)))
            status = {"status": "archived", "status_reason": next(each)}
            tx.execute(update(project).where(project.c.key == key).values(status))

    def _metadata(self, texts: Sequence[str], each: Iterator[str]) -> dict[str, Any]:
        some = list(islice(each, LISTED))
        return {
            "summary": next(each),
            "description": "\n\n".join(texts),
            "author": next(each),
            "author_email": next(each),
            "maintainer": next(each),
            "license": next(each),
            "license_expression": next(each),
            "keywords": next(each),
            "requires_python": next(each),
            "home_page": next(each),
            "download_url": "javascript:" + next(each),
            "classifiers": some,
            "requires_dist": some,
            "provides_extra": some,
            "platforms": some,
            "project_urls": {one[:32]: f"https://example.invalid/?{one}" for one in some[:10]}
            | {f"u{place}": one for place, one in enumerate(some[10:20])},
        }

    def _findings(self, file_id: str, texts: Sequence[str], each: Iterator[str]) -> None:
        kept = {
            "text": "\n".join(texts),
            "first_line": 1,
            "decoded": [{"how": one, "text": one} for one in islice(each, 4)],
        }
        with self.house.db.write() as tx:
            packed = zstandard.ZstdCompressor().compress(orjson.dumps(kept))
            name = new_id()
            tx.execute(insert(evidence).values(sha256=name, text=packed, created_at=self.house.now))
            for place in range(8):
                tx.execute(
                    insert(finding).values(
                        subject_kind="file", subject_id=file_id, file_id=file_id, check="obfuscated-code", version=1,
                        rules=f"{place}" * 64, severity="high", confidence=0.9, path=next(each) + ".py", line=place + 1,
                        end_line=place + 1, message=next(each), excerpt=next(each), run_when="import",
                        trace=list(islice(each, 3)), evidence=name, created_at=self.house.now,
                    )
                )  # fmt: skip

    def _people(self, each: Iterator[str]) -> None:
        now = self.house.now
        with self.house.db.write() as tx:
            tx.execute(update(session).values(agent=next(each)[:200], ip=next(each)[:45]))
            tx.execute(
                email_address.delete().where(
                    email_address.c.user_id == self.ann.id, email_address.c.verified_at.is_(None)
                )
            )
            for text in dict.fromkeys(islice(each, 5)):
                row = {"id": new_id(), "user_id": self.ann.id, "address": text, "key": text, "added_at": now}
                tx.execute(insert(email_address).values(row))
            tx.execute(update(token_table).values(name=next(each)))
            tx.execute(
                insert(factor).values(id=new_id(), user_id=self.ann.id, kind="app", label=next(each) + new_id(), secret=b"x", created_at=now)
            )  # fmt: skip

    def _console(self, texts: Iterable[str], each: Iterator[str], file_id: str, name: str) -> None:
        now = self.house.now
        with self.house.db.write() as tx:
            for text in texts:
                tx.execute(
                    insert(report).values(
                        project_key=name, version=next(each), filename=next(each), kind="malware", words=text, url=next(each),
                        user_id="", email=next(each), told=False, state="new", reason="", created_at=now,
                    )
                )  # fmt: skip
                tx.execute(
                    insert(suppression).values(
                        check="obfuscated-code", path=next(each), content_sha256="0" * 64, reason=text, created_at=now,
                        expires_at=now.replace(year=now.year + 1),
                    )
                )  # fmt: skip
            tx.execute(saved_filter.delete())
            for text in dict.fromkeys(islice(each, 20)):
                tx.execute(saved_filter.insert().values(user_id=self.root.id, name=text, query="", created_at=now))
            tx.execute(check_state.delete().where(check_state.c.check == "obfuscated-code"))
            tx.execute(
                insert(check_state).values(check="obfuscated-code", state="enabled", reason=next(each), changed_at=now)
            )

    def _history(self, texts: Iterable[str], file_id: str, name: str) -> None:
        with self.house.db.write() as tx:
            for text in texts:
                facts = dict.fromkeys(("reason", "filename", "version", "name", "note", "role", "url", "words"), text)
                private = {"label": text, "ip": text[:45], "agent": text, "email": text}
                for action, subject in (
                    ("review.quarantine", (SubjectKind.FILE, file_id)),
                    ("token.create", (SubjectKind.TOKEN, new_id())),
                ):
                    record(tx, action, OPERATOR, subject, now=self.house.now, project=name, user=self.ann.id, facts=facts, private=private)  # fmt: skip

    def pages(self, texts: Sequence[str]) -> list[tuple[str | None, str]]:
        """Who looks at what: pages that show what was filled in last, and those that echo a part of their address."""
        name, case = self.made[-1], self.cases[-1]
        shown = [(None, f"/project/{name}/{version}/") for version in ("1.0", "2.0", "3.0", "4.0")]
        shown += [(None, "/"), (None, f"/search/?q={name}"), (None, "/user/ann/"), ("ann", f"/project/{name}/1.0/")]
        shown += [("ann", one) for one in ("/account/", "/account/tokens/", "/account/sessions/", "/account/history/", "/account/factors/", "/account/addresses/", "/account/profile/")]  # fmt: skip
        shown += [("ann", f"/manage/project/{name}/{one}") for one in ("", "status/", "people/", "history/")]
        shown += [("root", f"/admin/review/{case}/{one}") for one in ("", "differences/", "related/")]
        shown += [("root", f"/admin/review/{case}/evidence/{one}/") for one in self._finding_ids()]
        shown += [("root", f"/admin/{one}") for one in ("", "review/", "reports/", "suppressions/", "journal/", "people/", "checks/", "checks/obfuscated-code/", f"projects/?name={name}", "jobs/", "signing/")]  # fmt: skip
        for who, text in zip(cycle((None, "ann", "root")), texts[:12], strict=False):
            asked = quote(text, safe="")
            shown += [
                (who, one)
                for one in (f"/search/?q={asked}", f"/project/{asked}/", f"/user/{asked}/", f"/help/refusals/{asked}/")
            ]
            shown += [
                (who, f"/language/?next={asked}"),
                (None, f"/account/login/?next={asked}"),
                (who, f"/report/?project={asked}&version={asked}"),
            ]
            shown += [("root", f"/admin/projects/?name={asked}"), ("root", f"/admin/review/?q={asked}&by={asked}")]
        return shown

    def _finding_ids(self) -> list[int]:
        with self.house.db.read() as conn:
            rows = conn.execute(finding.select().with_only_columns(finding.c.id).order_by(finding.c.id.desc()).limit(2))
            return [int(one) for one in rows.scalars()]


READY = """
window.__ran = 0; window.__refused = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => { window.__ran = name; };
document.addEventListener("securitypolicyviolation", (e) => window.__refused.push(e.violatedDirective + " " + e.blockedURI));
"""
LOOK = """() => {
  const wrong = [];
  for (const e of document.querySelectorAll("*")) {
    const tag = e.localName;
    if (["iframe","object","embed","base","frame","applet","style","math","foreignobject","marquee","video","audio"].includes(tag)) wrong.push(tag);
    if (tag === "script" && !(e.getAttribute("src") || "").startsWith("/static/")) wrong.push("script");
    if (tag === "link" && (new URL(e.href).origin !== location.origin || (e.rel !== "alternate" && !e.getAttribute("href").startsWith("/static/")))) wrong.push("link " + e.getAttribute("href"));
    if (tag === "meta" && e.httpEquiv) wrong.push("meta " + e.httpEquiv);
    if (tag === "img" && !(e.getAttribute("src") || "").startsWith("/static/")) wrong.push("img " + e.getAttribute("src"));
    if (tag === "form" && new URL(e.getAttribute("action") || "", location.href).origin !== location.origin) wrong.push("form");
    for (const a of e.attributes) {
      if (/^on/i.test(a.name)) wrong.push(tag + " " + a.name);
      if (a.name === "style" || a.name === "srcdoc" || a.name === "formaction" && !a.value.startsWith("/")) wrong.push(tag + " " + a.name);
      if (/^(xlink:)?href$/i.test(a.name) && !["http:", "https:", "mailto:"].includes(new URL(a.value, location.href).protocol)) wrong.push(tag + " " + a.value);
    }
  }
  return {ran: window.__ran, refused: window.__refused, wrong};
}"""


@dataclass
class Watch:
    """A page that is watched. `faults` says what ran or could, with where."""

    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    _here: str = ""

    def __post_init__(self) -> None:
        page = self.page
        page.add_init_script(READY)
        page.on("dialog", lambda dialog: (self._say(f"a dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda one: self._say(f"console: {one.text}") if _violation(one.text) else None)
        page.on("pageerror", lambda error: self._say(f"an error: {error}"))
        page.on(
            "request", lambda one: None if one.url.startswith(self.origin) else self._say(f"asked for {one.url[:200]}")
        )
        page.on("popup", lambda one: self._say(f"opened {one.url[:200]}"))

    def _say(self, text: str) -> None:
        self.faults.append(f"{self._here}: {text}")

    def visit(self, path: str) -> int:
        """Load the page, touch it, and look at what came of it; gives the status."""
        self._here = path[:200]
        answer = self.page.goto(self.origin + path.lstrip("/"), wait_until="load")
        self.page.keyboard.press("Tab")
        seen = self.page.evaluate(LOOK)
        for text in (*seen["wrong"], *seen["refused"], *([f"ran: {seen['ran']}"] if seen["ran"] else [])):
            self._say(text)
        return answer.status if answer is not None else 0


def _violation(text: str) -> bool:
    return any(
        words in text for words in ("Content Security Policy", "Refused to", "TrustedHTML", "TrustedScript", "blocked")
    )


def logged_in(house: House, context: BrowserContext, origin: str, name: str) -> None:
    """Give the browser the cookies of somebody who logged in."""
    for cookie in house.login(name).cookiejar:
        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": origin}])
