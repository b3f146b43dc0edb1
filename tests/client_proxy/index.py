"""A signed index in memory whose pages have all that installers read: both forms, and metadata files (PEP 658)."""

from __future__ import annotations

import hashlib
import html
import json

from tests.client.repository import Repository
from tests.client_proxy.wheels import Wheel


class Index(Repository):
    """`release` publishes a project with all of its wheels."""

    def __init__(self) -> None:
        self.wheels: dict[str, list[Wheel]] = {}
        super().__init__()

    def release(self, project: str, *wheels: Wheel) -> None:
        """Publish these wheels as all that `project` has."""
        self.wheels[project] = list(wheels)
        changes: dict[str, bytes | None] = {
            f"simple/{project}/index.json": page_json(project, wheels),
            f"simple/{project}/index.html": page_html(project, wheels),
        }
        for one in wheels:
            changes[f"packages/{project}/{one.filename}"] = one.data
            self.store[f"packages/{project}/{one.filename}.metadata"] = one.metadata
        self.store[f"simple/{project}/"] = page_json(project, wheels)  # what plain installers are given
        self.publish(changes)

    def list_projects(self) -> None:
        """Publish the list of projects."""
        links = "".join(f'<a href="{name}/">{name}</a>\n' for name in sorted(self.wheels))
        names = [{"name": name} for name in sorted(self.wheels)]
        self.publish(
            {
                "simple/index.html": f"<!DOCTYPE html><html><body>{links}</body></html>".encode(),
                "simple/index.json": json.dumps({"meta": {"api-version": "1.4"}, "projects": names}).encode(),
            }
        )

    def signed_page(self, project: str, form: str = "json") -> str:
        """Where the page lies under the name that TUF clients ask for."""
        digest = hashlib.sha256(self.targets[f"simple/{project}/index.{form}"]).hexdigest()
        return f"simple/{project}/{digest}.index.{form}"


def page_json(project: str, wheels: tuple[Wheel, ...]) -> bytes:
    """The page as PEP 691 has it."""
    files = [
        {
            "filename": one.filename,
            "url": f"../../packages/{project}/{one.filename}",
            "size": len(one.data),
            "hashes": {"sha256": one.sha256},
            "yanked": False,
            "upload-time": "2026-01-01T00:00:00.000000Z",
            "core-metadata": {"sha256": hashlib.sha256(one.metadata).hexdigest()},
        }
        for one in wheels
    ]
    versions = [one.filename.split("-")[1] for one in wheels]
    return json.dumps({"meta": {"api-version": "1.4"}, "name": project, "files": files, "versions": versions}).encode()


def page_html(project: str, wheels: tuple[Wheel, ...]) -> bytes:
    """The page as PEP 503 has it."""
    links = "".join(
        f'<a href="../../packages/{project}/{one.filename}#sha256={one.sha256}" '
        f'data-core-metadata="sha256={hashlib.sha256(one.metadata).hexdigest()}">{html.escape(one.filename)}</a>\n'
        for one in wheels
    )
    return f'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"></head><body>{links}</body></html>'.encode()
