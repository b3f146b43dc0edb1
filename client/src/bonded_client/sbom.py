"""A bill of materials as a CycloneDX 1.6 document (ECMA-424), from what is known of packages. Pure.

Written by hand, because its few fields need no library: cyclonedx-python-lib would bring seven more packages to a client that
depends on five. A test validates what comes out with that library, against the official schema. Order and bytes depend on the content only.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bonded_client import __version__
from bonded_client.known import Vulnerability
from bonded_client.licences import Licence
from bonded_client.needs import Need
from bonded_client.packages import Package
from bonded_client.page import File
from bonded_client.released import Release

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_ALGORITHMS = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "sha3_256": "SHA3-256",
    "sha3_384": "SHA3-384",
    "sha3_512": "SHA3-512",
    "blake2b": "BLAKE2b-512",
}
_LENGTHS = {32, 40, 64, 96, 128}


@dataclass(frozen=True, slots=True)
class About:
    """What a document is about: `index` its address, `snapshot` the version of its signed state, `python` 3.11.7."""

    index: str
    snapshot: int
    python: str
    own_targets: bool


def document(
    packages: Mapping[str, Package],
    releases: Mapping[str, Release],
    needs: Iterable[Need],
    about: About,
    moment: datetime,
    serial: uuid.UUID | None,
) -> dict[str, Any]:
    """The document. `moment` is its time, in UTC; without a `serial` number it is made from the content."""
    refs = {name: purl(package) for name, package in packages.items()}
    made: dict[str, Any] = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": "bonded-client", "version": __version__}]},
            "properties": _properties(
                {
                    "bonded:index": about.index,
                    "bonded:index:snapshot": str(about.snapshot),
                    "bonded:python": about.python,
                    "bonded:verified": "pages and targets of files" if about.own_targets else "pages",
                }
            ),
        },
        "components": [_component(package, releases[name], refs[name]) for name, package in sorted(packages.items())],
        "dependencies": _dependencies(packages, needs, refs),
    }
    if unknown := [refs[name] for name, package in sorted(packages.items()) if package.requires is None]:
        made["compositions"] = [{"aggregate": "unknown", "dependencies": unknown}]
    if found := _vulnerabilities(packages, releases, refs):
        made["vulnerabilities"] = found
    return {**made, "serialNumber": f"urn:uuid:{serial or _serial(made)}"}


def purl(package: Package) -> str:
    """The package URL, as its specification has it for `pypi`: lower case, '-' for '_', the version percent-encoded."""
    name = package.spelled.lower().replace("_", "-")
    return f"pkg:pypi/{quote(name, safe='')}@{quote(str(package.version), safe='')}"


def _serial(made: Mapping[str, Any]) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.sha256(repr(made).encode()).digest()[:16], version=4)


def _component(package: Package, release: Release, ref: str) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": ref,
        "name": package.spelled,
        "version": str(package.version),
        "purl": ref,
        "hashes": _hashes(package),
        "licenses": _licences(package.licence),
        "externalReferences": [_file(file) for file in sorted(release.files, key=lambda file: file.filename)],
        "properties": _properties(
            {
                "bonded:release": str(release.standing),
                "bonded:vulnerabilities": "unknown" if release.known is None else str(len(release.known)),
                **_pinned(package, release),
            }
        ),
    }
    return {name: value for name, value in component.items() if value}


def _hashes(package: Package) -> list[dict[str, str]]:
    """Those of the archive, if it is one: several hashes of one kind are of several files, and none of them is *it*."""
    kinds = [kind for kind, _ in package.hashes]
    return [
        {"alg": _ALGORITHMS[kind], "content": value}
        for kind, value in sorted(package.hashes)
        if kind in _ALGORITHMS and kinds.count(kind) == 1 and len(value) in _LENGTHS
    ]


def _pinned(package: Package, release: Release) -> dict[str, str]:
    """Whether the sha256 that are known of a package are those of signed files of its release."""
    pinned = {value for kind, value in package.hashes if kind == "sha256"}
    if not pinned or not release.files:
        return {}
    return {"bonded:hashes": "signed" if pinned <= {file.sha256 for file in release.files} else "other"}


def _file(file: File) -> dict[str, Any]:
    return {
        "type": "distribution",
        "url": file.url,
        "comment": file.filename,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
    }


def _licences(licence: Licence) -> list[dict[str, Any]]:
    if licence.expression:
        return [{"expression": licence.expression, "acknowledgement": "declared"}]
    known = [{"id": one} for one in licence.ids] + [{"name": one} for one in licence.names]
    return [{"license": {**one, "acknowledgement": "declared"}} for one in known]


def _dependencies(
    packages: Mapping[str, Package], needs: Iterable[Need], refs: Mapping[str, str]
) -> list[dict[str, Any]]:
    found: dict[str, set[str]] = {name: set() for name in packages}
    for need in needs:
        if need.of in packages and need.by != need.of:
            found[need.by].add(refs[need.of])
    return [{"ref": refs[name], "dependsOn": sorted(found[name])} for name in sorted(packages)]


def _vulnerabilities(
    packages: Mapping[str, Package], releases: Mapping[str, Release], refs: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One for each id, with all the components that have it."""
    found: dict[str, tuple[Vulnerability, list[str]]] = {}
    for name in sorted(packages):
        for one in releases[name].known or ():
            found.setdefault(one.id, (one, []))[1].append(name)
    return [
        _vulnerability(one, [(refs[name], packages[name]) for name in names])
        for _, (one, names) in sorted(found.items())
    ]


def _vulnerability(one: Vulnerability, affected: list[tuple[str, Package]]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": one.id,
        "source": {"name": _database(one.id), **({"url": one.link} if one.link else {})},
        "references": [{"id": alias, "source": {"name": _database(alias)}} for alias in one.aliases],
        "description": one.summary or one.details.partition("\n")[0],
        "detail": one.details,
        "recommendation": f"Upgrade to {' or '.join(one.fixed)}." if one.fixed else "",
        "published": one.published,
        "affects": [
            {"ref": ref, "versions": [{"version": str(package.version), "status": "affected"}]}
            for ref, package in affected
        ],
    }
    return {name: value for name, value in made.items() if value}


def _database(name: str) -> str:
    """The database that gave an id: CVE, GHSA, PYSEC."""
    return name.partition("-")[0]


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]
