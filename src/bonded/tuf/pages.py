"""Project pages and the project list, as HTML and JSON (PEP 503, 592, 629, 658, 691, 700, 714, 740, 792; API 1.4). Pure.

Links are relative, so mirrors and proxies rewrite nothing; but for those to provenance, which PEP 740 wants whole. They carry
the digest of what they lead to, as links to files do, so that it is under the page's signature. Every page carries the number
of its publication, so bytes never recur under another number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

import orjson

from bonded.tuf.plan import Listed, PageFileLike, PageLike, ProjectLike
from bonded.values.text import iso

API = "1.4"
FORMAT = 2
"""How these pages are written, told in `meta` of the JSON form. A page of another number is rendered from rows, never
spliced (`page_splice`): raise it with every change of what `page_html` and `page_json` write."""
_SORTED = orjson.OPT_SORT_KEYS
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*", re.ASCII)
"""File names that need no quoting, which are nearly all."""
_LIST_HEAD = f'<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" content="{API}">\n'


def page_html(page: PageLike, serial: int, base_url: str = "") -> bytes:
    """A project's page as HTML. `serial` is the number of the publication that it appears in, `base_url` the address of the
    index with a slash at its end."""
    head, foot = html_frame(page, serial)
    base, proofs = url(page.key, ""), proofs_url(base_url, page.key)
    return head + "".join([_link(base, proofs, file) for file in page.files]).encode() + foot


def html_frame(page: ProjectLike, serial: int) -> tuple[bytes, bytes]:
    """What stands before and after the links of a page."""
    status = f'    <meta name="pypi:project-status" content="{escape(page.status)}">\n'
    if page.status_reason:
        status += f'    <meta name="pypi:project-status-reason" content="{escape(page.status_reason)}">\n'
    title = escape(page.name)
    head = f"{_LIST_HEAD}{status}    <title>Links for {title}</title>\n  </head>\n  <body>\n    <h1>Links for {title}</h1>\n"
    return head.encode(), f"  </body>\n</html>\n<!--SERIAL {serial}-->\n".encode()


def file_html(base: str, proofs: str, file: PageFileLike) -> bytes:
    """One link of a page; `base` is `url(key, "")`, `proofs` is `proofs_url(base_url, key)`."""
    return _link(base, proofs, file).encode()


def page_json(page: PageLike, serial: int, base_url: str = "") -> bytes:
    """A project's page as JSON."""
    first, last = json_frame(page, page.versions, serial)
    base, proofs = url(page.key, ""), proofs_url(base_url, page.key)
    return first + orjson.dumps([_file(base, proofs, file) for file in page.files], option=_SORTED)[1:-1] + last


def json_frame(page: ProjectLike, versions: Sequence[str], serial: int) -> tuple[bytes, bytes]:
    """What stands before and after the files of a page."""
    value = {
        "meta": {"api-version": API, "_last-serial": serial, "_format": FORMAT},
        "name": page.key,
        "project-status": project_status(page),
        "versions": list(versions),
    }
    return b'{"files":[', b"]," + orjson.dumps(value, option=_SORTED)[1:]


def project_status(page: ProjectLike) -> dict[str, str]:
    """Status and reason as PEP 792 has them in JSON."""
    return {"status": str(page.status)} | ({"reason": page.status_reason} if page.status_reason else {})


def file_json(base: str, proofs: str, file: PageFileLike) -> bytes:
    """One file of a page, with the same addresses."""
    return orjson.dumps(_file(base, proofs, file), option=_SORTED)


def list_html(projects: Iterable[Listed], serial: int) -> bytes:
    """The list of all projects as HTML."""
    links = "".join(f'    <a href="{p.key}/">{escape(p.name)}</a>\n' for p in projects)
    head = f"{_LIST_HEAD}    <title>Simple index</title>\n  </head>\n  <body>\n"
    return f"{head}{links}  </body>\n</html>\n<!--SERIAL {serial}-->\n".encode()


def list_json(projects: Iterable[Listed], serial: int) -> bytes:
    """The list of all projects as JSON, each with the number of the publication that last changed its page."""
    value = {
        "meta": {"api-version": API, "_last-serial": serial},
        "projects": [{"name": p.name, "_last-serial": p.serial} for p in projects],
    }
    return orjson.dumps(value, option=_SORTED)


def url(key: str, filename: str) -> str:
    """A file's address relative to its project's page."""
    return f"../../packages/{key}/{filename if _PLAIN.fullmatch(filename) else quote(filename)}"


def proofs_url(base_url: str, key: str) -> str:
    """Where the provenance of a project's files is (PEP 740)."""
    return f"{base_url}integrity/{key}/"


def _provenance(proofs: str, file: PageFileLike) -> str:
    name = quote(file.filename)
    return f"{proofs}{quote(file.version)}/{name}/provenance#sha256={file.provenance_sha256}"


def _link(base: str, proofs: str, file: PageFileLike) -> str:
    name = file.filename
    plain = _PLAIN.fullmatch(name)  # nearly all names are: large publications write tens of thousands of links
    attributes = _requires_python(file.requires_python) if file.requires_python else ""
    if file.yanked:
        attributes += f' data-yanked="{escape(file.yanked_reason)}"'
    if file.metadata_sha256:
        digest = f'"sha256={file.metadata_sha256}"'
        attributes += f" data-core-metadata={digest} data-dist-info-metadata={digest}"
    if file.provenance_sha256:
        attributes += f' data-provenance="{_provenance(proofs, file)}"'
    address, shown = (name, name) if plain else (quote(name), escape(name))
    return f'    <a href="{base}{address}#sha256={file.sha256}"{attributes}>{shown}</a><br />\n'


@lru_cache(maxsize=4096)
def _requires_python(specifiers: str) -> str:
    return f' data-requires-python="{escape(specifiers)}"'


def _file(base: str, proofs: str, file: PageFileLike) -> dict[str, Any]:
    name = file.filename
    value: dict[str, Any] = {
        "core-metadata": {"sha256": file.metadata_sha256} if file.metadata_sha256 else False,
        # Not "dist-info-metadata" too, as PEP 714 advises: pip 22.3 to 23.0 cannot read its value in JSON.
        "filename": name,
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": iso(file.uploaded_at),
        "url": base + (name if _PLAIN.fullmatch(name) else quote(name)),
        "yanked": (file.yanked_reason or True) if file.yanked else False,
    }
    if file.requires_python:
        value["requires-python"] = file.requires_python
    if file.provenance_sha256:
        value["provenance"] = _provenance(proofs, file)
    return value
