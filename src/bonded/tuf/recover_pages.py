"""Project pages rendered anew in a recovery, and the facts that its record tells of what it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from bonded.catalog.pages import PageState, page_states
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.tuf.binfile import Target
from bonded.tuf.changes import file_facts, page_facts
from bonded.tuf.context import Publisher
from bonded.tuf.pages import page_html, page_json
from bonded.tuf.roles import file_path, hashed, page_path
from bonded.tuf.settle import chunks
from bonded.tuf.tables import page, publication
from bonded.tuf.threads import ahead
from bonded.values.states import FileState

AT_ONCE = 200


@dataclass(slots=True)
class Rendered:
    """Pages as the publication shows them: target path -> target (None: withdrawn), the objects that were put."""

    targets: dict[str, Target | None] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)


def render(p: Publisher, keys: Collection[str], n: int) -> Rendered:
    """Render the pages of projects from the catalogue and put them, hash-named. Nothing names them yet.

    Raises OtherBytes, StorageError.
    """
    out = Rendered()
    for _ in ahead(lambda made: p.public.create(*made), _rendered(p, out, keys, n), p.public.at_once):
        pass
    return out


def _rendered(p: Publisher, out: Rendered, keys: Collection[str], n: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the pages, each noted in `out`."""
    for batch in chunks(sorted(keys), AT_ONCE):
        with p.db.read() as conn:
            states = page_states(conn, batch, with_metadata=False)
        for key in batch:
            out.pages.add(key)
            state = states.get(key)
            for form, make in (("html", page_html), ("json", page_json)):
                path = page_path(key, form)
                if state is None:
                    out.targets[path] = None
                    continue
                data = make(state, n, p.settings.base_url)
                target = Target(_sha256(data), len(data))
                out.targets[path] = target
                out.objects.append(hashed(path, target.sha256))
                yield out.objects[-1], data


def wrong_pages(p: Publisher) -> list[str]:
    """Projects whose page was replayed and is not what the catalogue gives: the vault no longer has a file's facts, say."""
    wrong: list[str] = []
    with p.db.read() as conn:
        joined = page.join(publication, publication.c.n == page.c.n)
        query = select(page.c.project_key, page.c.n, page.c.html_sha256, page.c.json_sha256).select_from(joined)
        rows = conn.execute(query.where(publication.c.kind == "replayed", page.c.project_key != "")).all()
    for batch in chunks(rows, AT_ONCE):
        with p.db.read() as conn:
            states = page_states(conn, [row.project_key for row in batch], with_metadata=False)
        for key, n, html, json in batch:
            state = states.get(key)
            base = p.settings.base_url
            made = ("", "")
            if state is not None:
                made = (_sha256(page_html(state, n, base)), _sha256(page_json(state, n, base)))
            if made != (html, json):
                wrong.append(key)
    return wrong


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def facts_of(conn: Connection, changes: dict[str, dict[str, Any]], rendered: Rendered) -> dict[str, Any]:
    """Add to each changed file what the record tells of it; returns the facts of every page that is touched."""
    keys = set(rendered.pages) | {path.split("/")[1] for path in changes if path.count("/") == 2}
    pages: dict[str, Any] = {}
    for batch in chunks(sorted(keys), AT_ONCE):
        states = page_states(conn, batch, with_metadata=False)
        gone = _gone(conn, batch)
        for key in batch:
            state = states.get(key)
            pages[key] = page_facts(state)
            _files(changes, key, state, gone)
    return pages


def _files(changes: dict[str, dict[str, Any]], key: str, state: PageState | None, gone: Mapping[str, str]) -> None:
    for file in state.files if state else ():
        path = file_path(key, file.filename)
        if path in changes and changes[path]["new"] is not None:
            changes[path] |= file_facts(file)
    for path, change in changes.items():
        if change["new"] is None and path.startswith(file_path(key, "")):
            change["state"] = gone.get(path, FileState.QUARANTINED)


def _gone(conn: Connection, keys: list[str]) -> dict[str, str]:
    """Path -> state of files of these projects that were public; "withdrawn" where only their project was withdrawn."""
    query = (
        select(project_table.c.key, file_table.c.filename, file_table.c.state)
        .join(project_table, file_table.c.project_id == project_table.c.id)
        .where(project_table.c.key.in_(keys), file_table.c.burnt)
    )
    return {
        file_path(key, name): "withdrawn" if state == FileState.PUBLIC else state
        for key, name, state in conn.execute(query)
    }
