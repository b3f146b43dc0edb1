"""A page as bytes: its previous version with the entries of some releases replaced. Pure.

Both forms list the same files in the same order, one piece of text each, so a page is cut and joined, never parsed; what
comes out is what `pages` renders from all rows. No cut can be mistaken: in JSON a quotation mark inside of a text has a
backslash before it, in HTML a `<` is escaped.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bonded.tuf.pages import API, FORMAT, file_html, file_json, html_frame, json_frame, project_status, proofs_url, url
from bonded.tuf.plan import PatchLike, TouchedLike
from bonded.values.versions import version_order

_HEAD = b'{"files":['
_TAIL = b'],"meta":{"_format":'
_FIRST = b'{"core-metadata":'
"""What the entry of every file begins with: keys are sorted."""
_BEFORE_LINKS = b"</h1>\n"
_AFTER_LINKS = b"  </body>\n</html>\n<!--SERIAL "
_END = b"</a><br />\n"
_NAME = b'"filename":"'
_NOT_YANKED = b'"yanked":false}'


class Unspliceable(Exception):
    """A page that must be rendered from all rows. The message says why."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """A page in both forms. `yanked`: file name -> reason of all its yanked files."""

    html: bytes
    json: bytes
    yanked: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where the files of a page are, and their provenance."""

    files: str
    proofs: str


@dataclass(slots=True)
class _Entries:
    """The files of a page while it changes: their texts in both forms and their names, and the versions they are of."""

    links: list[bytes]
    facts: list[bytes]
    names: list[str]
    versions: list[str]

    def replace(self, begin: int, end: int, release: TouchedLike, at: _Addresses) -> None:
        """Put the public files of `release` in the place of those at [begin, end)."""
        self.links[begin:end] = [file_html(at.files, at.proofs, file) for file in release.files]
        self.facts[begin:end] = [file_json(at.files, at.proofs, file) for file in release.files]
        self.names[begin:end] = [file.filename for file in release.files]


def splice(html: bytes, json: bytes, patch: PatchLike, serial: int, base_url: str = "") -> Spliced:
    """The page of `patch` in publication `serial`, from its live forms. Raises Unspliceable."""
    begin, end = len(_HEAD), json.rfind(_TAIL)
    if not json.startswith(_HEAD) or end < begin:
        raise Unspliceable("not written in this way")
    versions = _versions(json[end + 2 :], patch)
    links, facts = _links(html), json[begin:end]
    if links.count(_END) != facts.count(_FIRST):
        raise Unspliceable("the two forms list different files")
    at = _Addresses(url(patch.key, ""), proofs_url(base_url, patch.key))
    if all(_is_next(release, versions, facts) for release in patch.releases):
        links, facts = _appended(links, facts, patch, versions, at)
    else:
        entries = _entries(links, facts, versions)
        for release in patch.releases:
            _put(entries, release, at)
        links, facts = b"".join(entries.links), b",".join(entries.facts)
    head, foot = html_frame(patch, serial)
    first, last = json_frame(patch, versions, serial)
    return Spliced(b"".join((head, links, foot)), b"".join((first, facts, last)), _yanked(facts))


def _versions(tail: bytes, patch: PatchLike) -> list[str]:
    """The versions that a page lists, from the text behind its files; it must be one that `pages` would write today."""
    try:
        told = orjson.loads(b"{" + tail)
    except orjson.JSONDecodeError:
        raise Unspliceable("its end cannot be read") from None
    if told["meta"].get("_format") != FORMAT or told["meta"].get("api-version") != API:
        raise Unspliceable("written in another format")
    if told["project-status"] != project_status(patch):
        raise Unspliceable("the project had another status")
    versions: list[str] = told["versions"]
    return versions


def _links(html: bytes) -> bytes:
    begin, end = html.find(_BEFORE_LINKS) + len(_BEFORE_LINKS), html.rfind(_AFTER_LINKS)
    if begin < len(_BEFORE_LINKS) or end < begin:
        raise Unspliceable("the HTML form is not written in this way")
    return html[begin:end]


def _is_next(release: TouchedLike, versions: Sequence[str], facts: bytes) -> bool:
    """Whether a release comes after all that are listed, and nothing of it is listed yet: what nearly every upload is."""
    if not release.files or (versions and version_order(release.version) <= version_order(versions[-1])):
        return False
    return not any(_NAME + name.encode() + b'"' in facts for name in _names(release))


def _names(release: TouchedLike) -> set[str]:
    return {file.filename for file in release.files} | set(release.gone)


def _appended(links: bytes, facts: bytes, patch: PatchLike, versions: list[str], at: _Addresses) -> tuple[bytes, bytes]:
    """Both lists with new releases at their ends."""
    releases = sorted(patch.releases, key=lambda release: version_order(release.version))
    files = [file for release in releases for file in release.files]
    versions += [release.version for release in releases]
    made = [file_json(at.files, at.proofs, file) for file in files]
    listed = b"".join(file_html(at.files, at.proofs, file) for file in files)
    return links + listed, b",".join([facts, *made] if facts else made)


def _entries(links: bytes, facts: bytes, versions: list[str]) -> _Entries:
    entries = list(_facts(facts))
    return _Entries([link + _END for link in links.split(_END)[:-1]], entries, [_name(e) for e in entries], versions)


def _facts(files: bytes) -> Iterator[bytes]:
    """The entries of a JSON page's list of files."""
    if not files:
        return
    first, *others = files.split(b"," + _FIRST)
    yield first
    for entry in others:
        yield _FIRST + entry


def _name(entry: bytes) -> str:
    begin = entry.find(_NAME) + len(_NAME)
    return entry[begin : entry.find(b'"', begin)].decode()


def _put(entries: _Entries, release: TouchedLike, addresses: _Addresses) -> None:
    """Bring the files of one release up to what they are now."""
    touched = _names(release)
    at = [i for i, name in enumerate(entries.names) if name in touched]
    listed = release.version in entries.versions
    if bool(at) != listed or (at and at[-1] - at[0] + 1 != len(at)):
        raise Unspliceable(f"the files of {release.version} are not in one place")
    begin = at[0] if at else _place(entries, release.version)
    entries.replace(begin, begin + len(at), release, addresses)
    if release.files and not listed:
        insort(entries.versions, release.version, key=version_order)
    elif listed and not release.files:
        entries.versions.remove(release.version)


def _place(entries: _Entries, version: str) -> int:
    """Where the files of a release begin of which none is listed yet."""
    following = bisect(entries.versions, version_order(version), key=version_order)
    if following == len(entries.versions):
        return len(entries.names)
    if following == 0:
        return 0
    before, after = entries.versions[following - 1], entries.versions[following]
    for i in range(1, len(entries.names)):
        if _is_of(entries.names[i], after) and _is_of(entries.names[i - 1], before):
            return i
    raise Unspliceable(f"no place for {version} between {before} and {after}")


def _is_of(filename: str, version: str) -> bool:
    """Whether a file's name says that it is of this version; old names may say nothing that can be read."""
    try:
        parse: Any = parse_wheel_filename if filename.endswith(".whl") else parse_sdist_filename
        return bool(parse(filename)[1] == Version(version))
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return False


def _yanked(facts: bytes) -> dict[str, str]:
    if facts.count(_NOT_YANKED) == facts.count(_FIRST):
        return {}
    marked = [orjson.loads(entry) for entry in _facts(facts) if not entry.endswith(_NOT_YANKED)]
    return {entry["filename"]: "" if entry["yanked"] is True else entry["yanked"] for entry in marked}
