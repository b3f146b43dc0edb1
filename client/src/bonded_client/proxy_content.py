"""What a request may be given: pages that are targets, and files that a signed page names. Nothing else of the index."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from typing import BinaryIO
from urllib.parse import unquote, urljoin

from tuf.api import exceptions
from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]

from bonded_client import decode
from bonded_client.failures import Failure, understood
from bonded_client.page import LARGEST_METADATA, Link, links
from bonded_client.proxy_early import Early
from bonded_client.proxy_files import Files, Transfer, Wanted
from bonded_client.proxy_signed import Signed
from bonded_client.trust import ATTEMPTS

_PAGES = 512
_OUTSIDE = re.compile(rb"""href=(?!["']\.\./\.\./packages/)""", re.IGNORECASE)
_SHA256 = re.compile("[0-9a-f]{64}")


class Content:
    """Pages and files of the index, by name. For many threads."""

    def __init__(self, signed: Signed, files: Files, url: str) -> None:
        """`url` is the root address of the index."""
        self._signed, self._files, self._url = signed, files, url
        self._early = Early(signed, files, url)
        self._lock = threading.Lock()
        self._inside: set[str] = set()
        self._links: OrderedDict[str, dict[str, Link]] = OrderedDict()

    def page(self, project: str, form: str) -> tuple[str, BinaryIO]:
        """The sha256 and the bytes of the page of `project` ("" for the list of all), as "html" or "json".

        Raises Failure.
        """
        folder = f"simple/{project}/" if project else "simple/"
        path = f"{folder}index.{form}"
        self._signed.watch.check()
        for _ in range(ATTEMPTS):
            target = self._early.target(path)
            if target is None:
                what = f"no project {project}" if project else "no list of projects in this form"
                raise Failure("project-unknown", f"The index has {what}.")
            wanted = _page(target, self._url)
            try:
                file = self._files.whole(wanted)
                self._stay_inside(project, form, wanted.sha256, file)
                return wanted.sha256, file
            except exceptions.DownloadHTTPError as error:
                last = understood(error, wanted.url)
                if error.status_code not in {404, 410}:
                    break
            self._signed.watch.begin_again()
        raise last

    def _stay_inside(self, project: str, form: str, sha256: str, file: BinaryIO) -> None:
        """Refuse a signed page with links to elsewhere: installers would follow them past the proxy."""
        if not project or sha256 in self._inside:
            return
        if form == "html":
            outside = _OUTSIDE.search(contents(file)) is not None
        else:
            packages = urljoin(self._url, "packages/")
            outside = any(not link.url.startswith(packages) for link in self._parsed(project, sha256, file).values())
        if outside:
            raise Failure("malformed", f"The page of {project} is signed, but links files outside of its index.")
        if len(self._inside) > 16 * _PAGES:
            self._inside.clear()
        self._inside.add(sha256)

    def links(self, project: str) -> dict[str, Link]:
        """The links of the signed page of `project`, by file name. Raises Failure."""
        sha256, file = self.page(project, "json")
        with file:
            return self._parsed(project, sha256, file)

    def _parsed(self, project: str, sha256: str, file: BinaryIO) -> dict[str, Link]:
        known = self._links.get(sha256)
        if known is None:
            known = links(contents(file), project, urljoin(self._url, f"simple/{project}/"))
        with self._lock:
            self._links[sha256] = known
            self._links.move_to_end(sha256)
            while len(self._links) > _PAGES:
                self._links.popitem(last=False)
        return known

    def file(self, project: str, filename: str) -> Wanted:
        """What the signed page of `project` says of `filename`, or of the metadata of a file. Raises Failure."""
        known = self.links(project)
        link = known.get(filename)
        if link is not None:
            return Wanted(link.url, link.sha256, link.size)
        link = known.get(filename.removesuffix(".metadata"))
        if link is not None and link.metadata:
            return Wanted(f"{link.url}.metadata", link.metadata, LARGEST_METADATA, exact=False, codings=decode.ACCEPTED)
        raise Failure("file-unknown", f"{filename} is not on the signed page of {project}.")

    def expect(self, metadata: BinaryIO) -> None:
        """Whoever was given this metadata asks for the pages of its requirements next."""
        self._early.expect(contents(metadata), lambda project: self.page(project, "json")[1].close())

    def close(self) -> None:
        """End the threads that fetch early."""
        self._early.close()

    def held(self, wanted: Wanted) -> BinaryIO | None:
        """The verified file, open, when it is here."""
        return self._files.held(wanted.sha256)

    def fetch(self, wanted: Wanted) -> Transfer:
        """The transfer of a file that is not here; of one without a known length it has ended. Raises Failure."""
        return self._files.fetch(wanted, here=not wanted.exact)

    def gone(self, project: str, filename: str, failure: Failure) -> Failure:
        """Why a file that the page names is not served: after beginning again, it was withdrawn, or `failure` it is."""
        if failure.code != "metadata-missing":
            return failure
        self._signed.watch.begin_again()
        self.file(project, filename)
        return Failure("file-withdrawn", f"{filename} is on the page of {project}, but the index serves it no more.")


def contents(file: BinaryIO) -> bytes:
    """All of `file`, whatever its position is: several readers may share one."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def _page(target: TargetFile, url: str) -> Wanted:
    sha256 = target.hashes.get("sha256", "")
    if not _SHA256.fullmatch(sha256):
        raise Failure("malformed", f"{unquote(target.path)} is a target without a sha256.")
    folder, _, name = target.path.rpartition("/")
    prefix = next(iter(target.hashes.values()))  # as python-tuf names it
    return Wanted(urljoin(url, f"{folder}/{prefix}.{name}"), sha256, target.length, codings=decode.ACCEPTED)
