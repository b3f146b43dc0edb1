"""The JSON API, `pypi/<project>/json` and `pypi/<project>/<version>/json`: plain, unsigned copies for older tools.

Rendering is pure. The documents show what the live page shows: they are written only while no newer change of the project
waits for its publication, and the next plain copy writes them then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from bonded.catalog.pages import PageFile, PageState, page_states
from bonded.catalog.vulnerabilities import Vulnerability, of_projects, of_version
from bonded.journal.tables import to_publish
from bonded.seams import NotStored, Storage
from bonded.tuf.context import Publisher
from bonded.tuf.roles import file_path
from bonded.tuf.threads import ahead
from bonded.values.serials import with_serial, without_serial
from bonded.values.text import iso

_TEXTS = (
    "author",
    "author_email",
    "description",
    "description_content_type",
    "download_url",
    "home_page",
    "license",
    "license_expression",
    "maintainer",
    "maintainer_email",
    "requires_python",
    "summary",
)
_LISTS = ("classifiers", "dynamic", "license_files", "provides_extra", "requires_dist")
_OF_PROJECT = 2
"""Slashes in the name of a project's own document."""
_WAITING = select(to_publish.c.project_key).where(to_publish.c.project_key.in_(bindparam("keys", expanding=True)))
"""Built once: building a statement costs several times what running it does."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a project's documents are made of. While it stays the same, so do they.

    `n`: publication of the live page, None when there is none. `waiting`: a newer change of the project waits for its
    publication. `known`: its known vulnerabilities.
    """

    n: int | None
    waiting: bool
    known: tuple[Vulnerability, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done about one project's documents: (name, bytes) to `write`, names to `delete`."""

    basis: Basis
    write: tuple[tuple[str, bytes], ...]
    delete: tuple[str, ...]


def bases(conn: Connection, live: Mapping[str, int | None]) -> dict[str, Basis]:
    """The basis of each project of `live`: key -> publication of its page, None when it has none any more."""
    waiting = set(conn.execute(_WAITING, {"keys": list(live)}).scalars())
    known = of_projects(conn, [key for key, n in live.items() if n is not None and key not in waiting])
    return {key: Basis(n, key in waiting, tuple(known.get(key, ()))) for key, n in live.items()}


def changes(p: Publisher, conn: Connection, found: Mapping[str, Basis]) -> dict[str, Change]:
    """What differs between the store and the documents of each project; nothing where a change waits.

    Reads every document and its folder, so it may be long. It holds for as long as `bases` finds the same: compare under the
    projects' locks before anything is written. Equal documents of releases (but for their serial) are left as they are.
    """
    states = page_states(conn, [key for key, basis in found.items() if basis.n is not None and not basis.waiting])
    write: dict[str, list[tuple[str, bytes]]] = {key: [] for key in found}
    wanted: dict[str, set[str]] = {key: set() for key in found}

    def all_of_them() -> Iterator[tuple[str, str, bytes]]:
        for key in states:
            basis = found[key]
            for name, data in documents(states[key], basis.n or 0, p.settings.base_url, basis.known):
                wanted[key].add(name)
                yield key, name, data

    def look_at(one: tuple[str, str, bytes]) -> tuple[str, str, bytes] | None:
        return one if _differs(p.public, one[1], one[2]) else None

    for one in ahead(look_at, all_of_them(), p.public.at_once):
        if one is not None:
            write[one[0]].append(one[1:])
    keys = [key for key, basis in found.items() if basis.n is None or key in states]
    here = dict(zip(keys, ahead(lambda key: list(names(p.public, key)), keys, p.public.at_once), strict=True))
    return {
        key: Change(basis, tuple(write[key]), tuple(name for name in here.get(key, ()) if name not in wanted[key]))
        for key, basis in found.items()
    }


def names(public: Storage, key: str) -> Iterator[str]:
    """The documents of a project that are in the store."""
    return (entry.name for entry in public.entries(f"pypi/{key}/"))


def delete_documents(public: Storage, key: str) -> None:
    """Delete the documents of a project."""
    for name in list(names(public, key)):
        public.delete(name)


def documents(
    state: PageState, serial: int, base_url: str, known: Sequence[Vulnerability] = ()
) -> Iterator[tuple[str, bytes]]:
    """(object name, bytes) of every document of a project; the version that installers would choose stands for the project.

    `known`: the project's known vulnerabilities; each document has those of its version.
    """
    files: dict[str, list[dict[str, Any]]] = {version: [] for version in state.versions}
    yanked: dict[str, list[str | None]] = {version: [] for version in state.versions}
    for file in state.files:
        files[file.version].append(_file(state.key, file, base_url))
        yanked[file.version].append(file.yanked_reason if file.yanked else None)
    for version in state.versions:
        info = _info(state, version, yanked[version], base_url)
        yield (
            f"pypi/{state.key}/{version}/json",
            _document(info, serial, files[version], None, of_version(known, version)),
        )
    newest = state.newest
    if newest:
        info = _info(state, newest, yanked[newest], base_url)
        yield f"pypi/{state.key}/json", _document(info, serial, files[newest], files, of_version(known, newest))


def _document(
    info: dict[str, Any],
    serial: int,
    urls: list[dict[str, Any]],
    releases: Mapping[str, Any] | None,
    vulnerabilities: Sequence[Vulnerability],
) -> bytes:
    listed = [_vulnerability(one) for one in vulnerabilities]
    value = {"info": info, "urls": urls, "vulnerabilities": listed}
    if releases is not None:
        value["releases"] = releases
    return with_serial(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), serial)


def _vulnerability(one: Vulnerability) -> dict[str, Any]:
    """As pip-audit reads it. One that was withdrawn says so, and tools leave it out."""
    return {
        "aliases": list(one.aliases),
        "details": one.details or None,
        "fixed_in": one.fixed,
        "id": one.id,
        "link": one.link,
        "published": iso(one.published) if one.published else None,
        "source": "osv",
        "summary": one.summary or None,
        "withdrawn": iso(one.withdrawn) if one.withdrawn else None,
    }


def _info(state: PageState, version: str, yanked: list[str | None], base_url: str) -> dict[str, Any]:
    fields = state.metadata[version]
    urls = fields.get("project_urls") or None
    all_yanked = bool(yanked) and None not in yanked
    page = f"{base_url}project/{state.key}/"
    return {
        **{name: fields.get(name) for name in _TEXTS},
        **{name: fields.get(name) or None for name in _LISTS},
        "classifiers": fields.get("classifiers", []),
        "keywords": ",".join(fields["keywords"]) if fields.get("keywords") else None,
        "platform": (fields.get("platforms") or [None])[0],
        "name": state.name,
        "version": version,
        "project_urls": urls,
        "package_url": page,
        "project_url": page,
        "release_url": f"{page}{version}/",
        "yanked": all_yanked,
        "yanked_reason": next((reason for reason in yanked if reason), None) if all_yanked else None,
    }


def _file(key: str, file: PageFile, base_url: str) -> dict[str, Any]:
    return {
        "comment_text": None,
        "digests": {"blake2b_256": file.blake2_256, "md5": file.md5, "sha256": file.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": False,
        "md5_digest": file.md5,
        "packagetype": str(file.packagetype),
        "python_version": file.python_version,
        "requires_python": file.requires_python or None,
        "size": file.size,
        "upload_time": file.uploaded_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "upload_time_iso_8601": iso(file.uploaded_at),
        "url": base_url + file_path(key, file.filename),
        "yanked": file.yanked,
        "yanked_reason": file.yanked_reason or None,
    }


def _differs(public: Storage, name: str, document: bytes) -> bool:
    """Whether the stored document says something else.

    The serial of a release's document is that of its own last change. That of the project's goes with its page: mirrors compare it
    with the project list.
    """
    try:
        stored = public.get(name).data
    except NotStored:
        return True
    if name.count("/") == _OF_PROJECT:
        return stored != document
    return without_serial(stored) != without_serial(document)
