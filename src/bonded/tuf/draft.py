"""draft: the first half of build: pages, spliced or rendered, and what changes among the targets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bonded.tuf.binfile import Target
from bonded.tuf.canonical import sha256
from bonded.tuf.changes import file_facts, page_facts, project_facts, target_change
from bonded.tuf.page_splice import Spliced, Unspliceable, splice
from bonded.tuf.pages import list_html, list_json, page_html, page_json
from bonded.tuf.plan import Exposure, PageFileLike, PageLike, PatchLike, Work
from bonded.tuf.roles import check_path, file_path, hashed, page_path
from bonded.tuf.threads import Each, Objects, Share, alone

LoadPage = Callable[[str, Target], bytes]
"""Target path and what is signed of it -> its bytes. Raises Unspliceable when they are not to be had."""


def no_page(path: str, target: Target) -> bytes:
    """For work without pages to splice."""
    raise Unspliceable(f"{path} {target.sha256} cannot be read here")


@dataclass(slots=True)
class Draft:
    """What a publication changes; grows while pages are made. `page_facts` by project, for the record of changes.

    `pages` are the objects that are here, `page_names` the names of all; the others are with the hands that made them.
    """

    targets: dict[str, Target | None] = field(default_factory=dict)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: Objects = field(default_factory=list)
    page_names: list[str] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)
    page_facts: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def change(self, path: str, old: Target | None, new: Target | None, facts: Mapping[str, Any]) -> None:
        self.targets[check_path(path)] = new
        self.changes[path] = target_change(old, new, facts)


@dataclass(frozen=True, slots=True)
class Page:
    """What is signed of a project's two pages. `yanked`: file name -> reason of all its yanked files."""

    html: Target
    json: Target
    yanked: dict[str, str]


class BadProject(Exception):
    """A project's state cannot be published: its rows are the fault, not the store. `key` is the project's."""

    def __init__(self, key: str, cause: Exception) -> None:
        super().__init__(f"project {key!r} cannot be published: {type(cause).__name__}: {cause}")
        self.key = key


class Unspliced(Exception):
    """Pages that must be rendered from all rows: `keys` are their projects, each with the reason."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {reason}" for key, reason in keys.items()))
        self.keys = keys


def make_draft(work: Work, n: int, load_page: LoadPage, each: Each, share: Share = alone) -> Draft:
    """All pages of `work` in publication `n`. Raises BadProject, Unspliced."""
    draft = Draft()
    spliced, draft.pages = _spliced(work, n, load_page, each, share)
    for key in work.projects:
        try:
            if key in spliced:
                _patched(draft, work, key, work.patches[key], spliced[key])
            else:
                _project(draft, work, key, work.pages[key], n)
        except Exception as error:  # whatever a project's state breaks, its own rows alone must answer for it
            raise BadProject(key, error) from error
    if work.project_list is not None:
        old = work.old.get("", {})
        listed = tuple(project if project.serial else replace(project, serial=n) for project in work.project_list)
        for form, render in (("html", list_html), ("json", list_json)):
            _page(draft, "", form, render(listed, n), old)
    return draft


def _spliced(work: Work, n: int, load_page: LoadPage, each: Each, share: Share) -> tuple[dict[str, Page], Objects]:
    """The pages that change in a few places, and their objects. Raises Unspliced with all that cannot be spliced, BadProject."""

    def one(key: str) -> Spliced | Unspliceable:
        old = work.old.get(key, {})
        paths = [page_path(key, form) for form in ("html", "json")]
        if any(path not in old for path in paths):
            return Unspliceable("it has no page yet")
        try:
            html, json = (load_page(path, old[path]) for path in paths)
        except Unspliceable as error:
            return error
        return _splice(work.patches[key], html, json, n, work.base_url)

    def make(keys: Sequence[str]) -> tuple[list[Page | Unspliceable], Objects]:
        facts: list[Page | Unspliceable] = []
        objects: Objects = []
        for key, made in zip(keys, each(one, keys), strict=True):
            if isinstance(made, Unspliceable):
                facts.append(made)
                continue
            page = Page(_target(made.html), _target(made.json), made.yanked)
            objects += [(_name(key, "html", page.html), made.html), (_name(key, "json", page.json), made.json)]
            facts.append(page)
        return facts, objects

    keys = sorted(work.patches)
    facts, objects = share(make, keys)
    pages = dict(zip(keys, facts, strict=True))
    if failed := {key: str(made) for key, made in pages.items() if isinstance(made, Unspliceable)}:
        raise Unspliced(failed)
    return {key: made for key, made in pages.items() if isinstance(made, Page)}, objects


def _splice(patch: PatchLike, html: bytes, json: bytes, n: int, base_url: str) -> Spliced | Unspliceable:
    try:
        return splice(html, json, patch, n, base_url)
    except Unspliceable as error:
        return error
    except Exception as error:
        raise BadProject(patch.key, error) from error


def _patched(draft: Draft, work: Work, key: str, patch: PatchLike, page: Page) -> None:
    """A project's spliced pages, and what changed among its targets."""
    old = work.old.get(key, {})
    _listed(draft, key, "html", page.html, old)
    _listed(draft, key, "json", page.json, old)
    draft.page_facts[key] = project_facts(patch, page.yanked)
    _files(draft, work, key, patch.files)


def _project(draft: Draft, work: Work, key: str, page: PageLike | None, n: int) -> None:
    """Render one project's pages and find what changed among its targets."""
    old = work.old.get(key, {})
    if page is not None:
        _page(draft, key, "html", page_html(page, n, work.base_url), old)
        _page(draft, key, "json", page_json(page, n, work.base_url), old)
    draft.page_facts[key] = page_facts(page)
    _files(draft, work, key, page.files if page else (), paged=page is not None)


def _files(draft: Draft, work: Work, key: str, files: Sequence[PageFileLike], *, paged: bool = True) -> None:
    """What changed among a project's targets; without `paged` its pages went, too."""
    old = work.old.get(key, {})
    kept = {file_path(key, f.filename): f for f in files if work.expose_all or not f.listed}
    for path, file in kept.items():
        new = Target(file.sha256, file.size)
        if old.get(path) != new:
            draft.change(path, old.get(path), new, file_facts(file))
            draft.exposures.append(_exposure(path, file))
        elif work.expose_all:
            draft.exposures.append(_exposure(path, file))
    pages = {page_path(key, form) for form in ("html", "json")} if paged else set()
    gone = [path for path in old if path not in kept and path not in pages]
    shown = {file_path(key, f.filename) for f in files} if gone else set()
    for path in gone:
        if path not in shown:
            before = old[path]
            draft.change(path, before, None, {"state": work.gone.get(path, "withdrawn")})


def _page(draft: Draft, key: str, form: str, data: bytes, old: Mapping[str, Target]) -> None:
    new = _target(data)
    _listed(draft, key, form, new, old)
    draft.pages.append((_name(key, form, new), data))


def _listed(draft: Draft, key: str, form: str, new: Target, old: Mapping[str, Target]) -> None:
    """Note a page that is an object already."""
    path = page_path(key, form)
    draft.change(path, old.get(path), new, {})
    draft.page_names.append(_name(key, form, new))


def _target(data: bytes) -> Target:
    return Target(sha256(data), len(data))


def _name(key: str, form: str, page: Target) -> str:
    return hashed(page_path(key, form), page.sha256)


def _exposure(path: str, file: PageFileLike) -> Exposure:
    return Exposure(path, file.file_id, file.vault_key, file.sha256, file.size, file.metadata_sha256)
