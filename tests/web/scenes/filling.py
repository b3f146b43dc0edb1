"""What is in the worlds. Everything goes in by the acts of people where that is short, else as rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, update

from bonded.accounts import factor_policy, people, publishers, recovery, reset, tokens
from bonded.accounts.factors import add_app
from bonded.accounts.people import User
from bonded.accounts.recovery_request import Purpose
from bonded.accounts.tables import factor
from bonded.accounts.totp import code_at
from bonded.adapters.attester_sigstore import SigstoreAttester
from bonded.catalog import change, change_two_owners, invitations, read
from bonded.catalog.description_tables import description
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import finding, saved_filter, suppression
from bonded.db.jobs import job
from bonded.review import compare, grouping
from bonded.review.traits import Trait
from bonded.screening import backfill
from bonded.screening.selection import Selection
from bonded.screening.service_tables import report
from bonded.seams import Build
from bonded.upload import attestations
from bonded.upload.rendering import MARKDOWN
from bonded.values.states import FileState, ProjectStatus, Role
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.support import sigstore_here
from tests.web.hostile import rendered
from tests.web.house import House, form_to, form_with, login_form
from tests.web.post import Post, link_in
from tests.web.scenes.world import World
from tests.web.shelf import ABOUT, Shelf, filled
from tests.web.test_recovery import ask, link
from tests.web.test_unusual_login import ELSEWHERE
from tests.web.test_vulnerabilities import advisory, know

APP = b"0123456789abcdefghij"
README = """# Spam

A *breakfast* as `code`. See [the documentation](https://example.invalid/docs "Docs").

## Use

```python
from spam import eggs  # fresh ones

eggs("two", sunny=True)
```

| Dish | Price in pence | What a guest who came twice said of it |
| --- | ---: | --- |
| egg and bacon | 120 | good |
| egg, sausage and bacon | 140 | better |

> A quotation

- [x] fried
- [ ] poached

1. one
2. two

### Further down

![A plate](plate.png)

Term with a footnote[^1].

[^1]: The footnote.
"""
DIFFERENCE: dict[str, Any] = {
    "old": "a", "new": "b", "same": 12, "left_out": 0, "unread": ["spam/data.bin: larger than what is read"],
    "changes": [
        {"kind": "changed", "old": "spam/__init__.py", "new": "spam/__init__.py", "old_size": 10, "new_size": 5000,
         "lines": ["@@ -1,2 +1,3 @@", " import os", "-x = 1", "+exec(base64.b64decode(text))", "+" + "B" * 500], "note": ""},
        {"kind": "added", "old": None, "new": "spam/x.so", "old_size": 0, "new_size": 9, "lines": [], "note": "binary"},
        {"kind": "removed", "old": "spam/old.py", "new": None, "old_size": 7, "new_size": 0, "lines": ["@@ -1 +0,0 @@", "-gone"], "note": ""},
    ],
}  # fmt: skip


DESCRIPTIONS = {
    "2.0": {"outcome": "rendered", "html": rendered(README, MARKDOWN), "reason": ""},
    "1.2": {"outcome": "failed", "html": "", "reason": "a table without rows"},
}


def _known() -> tuple[dict[str, Any], ...]:
    """Advisories: two of `spam` 1.0 and one that was withdrawn, one of the newest `Green_Midget` that nothing repairs."""
    link = [{"type": "ADVISORY", "url": "https://advisories.example.invalid/1"}]
    midget = {"package": {"ecosystem": "PyPI", "name": "Green_Midget"}, "versions": ["1.2"]}
    return (
        advisory("PYSEC-2026-1", {"introduced": "0"}, {"fixed": "1.1"},
                 summary="A recipe with ${} in its name reads files that are no recipes", aliases=["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"], references=link),
        advisory("PYSEC-2026-2", {"introduced": "0"}, {"last_affected": "1.0"}, details="The kitchen stays open\u202e."),
        advisory("PYSEC-2026-3", {"introduced": "0"}, {"fixed": "1.1"}, summary="Told twice", withdrawn="2026-01-06T00:00:00Z"),
        advisory("PYSEC-2026-4", affected=[midget], summary="Anyone may order in another's name"),
    )  # fmt: skip


def fill_bare(world: World) -> None:
    """An index in which nothing happened yet but that two people came."""
    world.house.person("cy")
    world.house.person("root", admin=True)


def fill(world: World) -> None:
    """Everything."""
    house = world.house
    shelf = filled(house)
    _attested(world)
    know(house, *_known())
    for name in ("root", "rue"):
        house.person(name, admin=True)
    for name in ("cy", "gus", "lou", "dee", "max", "fro", "ned"):
        house.person(name)
    post = Post(house)
    _projects(world, shelf)
    _account(world)
    _factors(world)
    _mailed(world, post)
    _lost(world)
    _console(world)
    _work(world)


def _user(house: House, name: str) -> User:
    with house.db.read() as conn:
        return people.need(conn, name)


def _projects(world: World, shelf: Shelf) -> None:
    """ann's `spam` gets a description and members; `duo` needs two owners; `old` is archived; `gone` is deleted."""
    house = world.house
    ann, bob = _user(house, "ann"), _user(house, "bob")
    for name in ("duo", "old", "gone", "much", "void"):
        house.project(name, ann)
    about = ABOUT | {"description": README}
    world.links["file"] = shelf.file(ann, "spam", "2.0", **about)
    shelf.file(ann, "old", "1.0", summary="Was finished")
    for number in range(14):
        shelf.file(ann, "much", f"1.{number}", summary="One of many")
    with house.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", bob.id, Role.MAINTAINER, now=house.now)
        change.add_role(tx, OPERATOR, "duo", bob.id, Role.OWNER, now=house.now)
        change_two_owners.start(tx, Actor(ActorKind.USER, ann.id), "duo", now=house.now)
        change.set_status(
            tx, "project.archive", OPERATOR, "old", ProjectStatus.ARCHIVED, reason="Finished", now=house.now
        )
        change.delete_project(tx, OPERATOR, "gone", reason="A mistake", now=house.now)
        spam = read.project(tx, "spam")
        assert spam
        for version, made in DESCRIPTIONS.items():
            of = read.release(tx, spam.id, version)
            assert of
            tx.execute(insert(description).values(release_id=of.id, renderer=1, kind=MARKDOWN, **made))
    shelf.publish()  # what comes after has no bytes, and waits
    staged = house.file(ann, "duo", "1.0", state=FileState.RECEIVED)
    with house.db.write() as tx:
        waiting = read.file(tx, staged)
        assert waiting
        change_two_owners.stage(tx, waiting, now=house.now)
    for number, state in enumerate(FileState):
        house.file(ann, "spam", f"3.{number}", state=state)
        world.links[state] = f"3.{number}"


def _attested(world: World) -> None:
    """A build attested that it made and published `Green_Midget` 1.2; what one attested of `oldthing` is gone from the vault."""
    house = world.house
    signing = sigstore_here.Instance()
    attester = SigstoreAttester(signing.trusted_root(house.folder / "trusted_root.json"))
    build = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": "release"}
    kinds = (sigstore_here.PUBLISH, sigstore_here.SLSA)
    columns = file_table.c
    with house.db.write() as tx:
        for filename, vaulted in (
            ("Green_Midget-1.2-py3-none-any.whl", True),
            ("oldthing-1.0-py3-none-any.whl", False),
        ):
            of = columns.filename == filename
            stored = tx.execute(select(columns.vault_key, columns.sha256).where(of)).one()
            claims = sigstore_here.github("octo/tool")
            said = [signing.attest(filename, stored.sha256, claims, house.now, kind) for kind in kinds]
            kept = attestations.verify(attester, said, [Build(sigstore_here.GITHUB, build)], filename, stored.sha256)
            tx.execute(update(file_table).where(of).values(provenance_sha256=kept.sha256))
            if vaulted:
                house.vault.create(f"{stored.vault_key}.provenance", kept.data)


def _account(world: World) -> None:
    """Ann's tokens, publishers, sessions and history."""
    house, ann = world.house, _user(world.house, "ann")
    world.visitor("ann")
    house.login("ann", house.browser(HTTP_USER_AGENT="Phone/2.0"))
    with house.db.write() as tx:
        for name, days in (("laptop", 1), ("builds", 200)):
            world.links["token"], _ = tokens.mint(
                tx, Actor(ActorKind.USER, ann.id), ann, sealer=house.context.sealer, name=name, projects=("spam",) if days > 1 else (),
                permissions=("upload", "yank"), expires_at=house.now + timedelta(days=days), operator=days > 1, now=house.now,
            )  # fmt: skip
        issuer = house.context.publishing.issuers[0]
        values = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": ""}
        more = {"user_id": ann.id, "now": house.now}
        publishers.add(tx, OPERATOR, issuer.shape, issuer.url, "spam", values, **more)
        publishers.add_pending(
            tx, OPERATOR, issuer.shape, issuer.url, "fresh", values, lifetime=timedelta(days=30), **more
        )


def _factors(world: World) -> None:
    """Dee has an app, a device and recovery codes; she is logged in, and at the second step of another login."""
    house, dee = world.house, _user(world.house, "dee")
    world.visitor("dee")
    row = {
        "id": new_id(),
        "user_id": dee.id,
        "kind": "device",
        "label": "blue key",
        "transports": [],
        "created_at": house.now,
    }
    with house.db.write() as tx:
        step = int(house.now.timestamp()) // 30
        add_app(tx, OPERATOR, house.context.sealer, dee.id, "phone", APP, code_at(APP, step), now=house.now)
        tx.execute(insert(factor).values(row | {"credential": b"credential", "public_key": b"p"}))
        codes = recovery.make(tx, OPERATOR, dee.id, now=house.now)
        recovery.use(tx, OPERATOR, dee.id, codes[0], proving=True, now=house.now)
    waiting = world.visitor("nobody-dee")
    form = login_form(waiting.get("/account/login/?next=/account/tokens/"))
    form["name"], form["password"] = "dee", "correct horse battery"
    form.submit(status=303)


def _mailed(world: World, post: Post) -> None:
    """Links that people have in their mail: a password, addresses, an account, a login from elsewhere, an invitation."""
    house = world.house
    with house.db.write() as tx:
        secret = reset.make_reset_link(tx, people.need(tx, "ned").id, now=house.now)
        assert secret
        world.links["set"] = secret
    post.deliver()
    browser = world.visitor("max")
    for address in ("max@work.example.net", "max@home.example.net"):
        form = form_with(browser.get("/account/addresses/"), "email")
        form["email"] = address
        form.submit(status=303)
        world.links["email"] = link_in(post.deliver()[address], "email")
        if "work" in address:
            list(browser.get(world.links["email"]).forms.values())[-1].submit(status=303)
            page = browser.get("/account/addresses/")
            next(one for one in page.forms.values() if one.action.endswith("/primary/")).submit(status=303)
            world.links["undo"] = link_in(post.deliver()["max@example.invalid"], "undo-email")
    form = form_with(world.visitor("nobody-new").get("/account/register/"), "email")
    form["name"], form["email"], form["password"] = "newcomer", "new@example.net", "correct horse battery"
    world.links["sent"] = form.submit(status=303).location.partition("localhost")[2]
    world.links["verify"] = link_in(post.deliver()["new@example.net"], "verify")
    far = world.visitors["nobody-far"] = world.stranger(**ELSEWHERE)
    form = login_form(far.get("/account/login/"))
    form["name"], form["password"] = "ann", "correct horse battery"
    form.submit(status=303)
    world.links["confirm"] = link_in(post.deliver()["ann@example.invalid"], "login/confirm")
    form = form_with(world.visitor("ann").get("/manage/project/spam/people/"), "name")
    form["name"], form["role"] = "gus", "maintainer"
    form.submit(status=303)
    with house.db.write() as tx:
        (one,) = invitations.of_user(tx, people.need(tx, "gus").id, now=house.now)
        world.links["invited"] = str(invitations.make_link(tx, one.id, now=house.now))


def _lost(world: World) -> None:
    """Lou lost a device, asked, gave evidence and waits."""
    house, lou = world.house, _user(world.house, "lou")
    for name in ("gus", "lou"):
        world.visitor(name)
    house.project("lost", lou)
    house.file(lou, "lost", "1.0", metadata={"project_urls": ["Source, https://code.example/ann/spam"]})
    row = {"kind": "device", "label": "key", "transports": [], "public_key": b"p", "created_at": house.now}
    with house.db.write() as tx:
        for name in ("gus", "lou"):
            more = {"id": new_id(), "user_id": people.need(tx, name).id, "credential": name.encode()}
            tx.execute(insert(factor).values(row | more))
    for name in ("gus", "lou"):
        ask(house, name)
        world.links[f"lost-{name}"] = link(house)
    browser = world.stranger()
    form = form_with(browser.get(world.links["lost-lou"]), "address")
    form["address"] = "https://code.example/ann/spam/blob/main/proof.txt"
    form_to(form.submit(status=303).follow(), "/begin/").submit(status=303)
    world.links["stop"] = link(house, Purpose.STOP)


def _console(world: World) -> None:
    """Cases: a campaign of two, one that is alone, one that was decided; a comparison; a saved filter."""
    house, ann = world.house, _user(world.house, "ann")
    files = []
    for name in ("hax", "hux", "hix", "done"):
        house.project(name, ann)
        if name == "hax":
            before = house.file(ann, name, "1.0")
        files.append(house.file(ann, name, "1.1", state=FileState.HELD))
        world.links[name] = str(house.case(files[-1]))
    with house.db.write() as tx:
        shared = [Trait("address", "https://collect.example.invalid/"), Trait("payload", "ab" * 32, "eval of text")]
        grouping.note(tx, dict.fromkeys(files[:2], shared))
        for number, one in enumerate(files[:2], start=1):
            grouping.join(tx, number, [one])
        compare.store(before, files[0], "ok", DIFFERENCE, house.now, tx)
        world.links["finding"] = str(
            tx.execute(select(finding.c.id).where(finding.c.file_id == files[0])).scalars().first()
        )
        world.links["held"] = files[0]
    root = world.visitor("root")
    page = root.get(f"/admin/review/{world.links['done']}/")
    form = page.forms["decide"]
    form.action = f"/admin/review/{world.links['done']}/reject/"
    form["reason"] = "It fetches and runs code"
    form.submit(status=303)


def _work(world: World) -> None:
    """Dead jobs, reports, suppressions, a backfill, a policy, a frozen account, a critical project."""
    house, now = world.house, world.house.now
    dead = {
        "queue": "screen",
        "payload": {},
        "state": "dead",
        "due": now,
        "attempt": 5,
        "max_attempts": 5,
        "created_at": now,
    }
    told = {
        "version": "1.0",
        "filename": "",
        "kind": "malware",
        "url": "",
        "user_id": "",
        "email": "",
        "told": False,
        "reason": "",
    }
    quiet = {"path": "spam/__init__.py", "content_sha256": "0" * 64, "reason": "A test of ours", "created_at": now}
    with house.db.write() as tx:
        tx.execute(insert(job).values(dead | {"key": "screen:a", "last_error": "ValueError: no such file"}))
        for words, state in (("It sends passwords away, see setup.py", "new"), ("Spam", "dismissed")):
            tx.execute(
                insert(report).values(told | {"project_key": "spam", "words": words, "state": state, "created_at": now})
            )
        for days in (9, -1):
            tx.execute(
                insert(suppression).values(
                    quiet | {"check": "obfuscated-code", "expires_at": now + timedelta(days=days)}
                )
            )
        root = people.need(tx, "root")
        tx.execute(insert(saved_filter).values(user_id=root.id, name="mine", query="sort=oldest", created_at=now))
        backfill.start(tx, OPERATOR, ["obfuscated-code"], Selection(), now=now)
        people.freeze(tx, OPERATOR, people.need(tx, "fro").id, reason="asked to", now=now)
        factor_policy.choose(
            tx, OPERATOR, factor_policy.FactorPolicy(critical_devices=False), reason="the board", now=now
        )
