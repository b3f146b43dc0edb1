"""From a feed to a repaired environment: the bill of materials, the plan, pip with hashes, and pip-audit, which finds nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.story import clients
from tests.story.running import RunningIndex, bonded
from tests.story.test_pip_audit import asked
from tests.story.test_trust import bonded_client
from tests.upload.making import make_wheel, metadata

LIBRARY, HELD, SITE, FRESH = (f"story-mended-{word}" for word in ("library", "held", "site", "fresh"))


def release(folder: Path, name: str, version: str, *needs: str) -> Path:
    """A wheel that needs others."""
    lines = ("License-Expression: MIT", *(f"Requires-Dist: {one}" for one in needs))
    filename, data = make_wheel(name, version, meta=metadata(name, version, *lines))
    (folder / filename).write_bytes(data)
    return folder / filename


@pytest.fixture(scope="session")
def world(index: RunningIndex, token: str, tmp_path_factory: pytest.TempPathFactory) -> RunningIndex:
    """1.0 and 1.1 of the library are vulnerable, 1.2 is yanked, 1.3 needs one more; what is held is repaired in 2.0, which the
    site refuses."""
    folder = tmp_path_factory.mktemp("mended")
    made = {
        LIBRARY: [release(folder, LIBRARY, version) for version in ("1.0", "1.1", "1.2", "2.0")],
        FRESH: [release(folder, FRESH, version) for version in ("1.0", "2.0")],
        HELD: [release(folder, HELD, version) for version in ("1.0", "2.0")],
        SITE: [release(folder, SITE, "1.0", f"{LIBRARY}>=1,<2", f"{HELD}<2")],
    }
    made[LIBRARY].append(release(folder, LIBRARY, "1.3", f"{FRESH}<2"))
    words = ("upload", "--non-interactive", "--disable-progress-bar", "--repository-url", index.legacy)
    files = [path for paths in made.values() for path in paths]
    done = clients.run("twine", *words, "-u", "__token__", "-p", token, *files, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, paths in made.items():
        index.wait_listed(name, *(path.name for path in paths))
    yanked = made[LIBRARY][2].name
    bonded("file", "yank", yanked, "--reason", "broken", "--dir", index.directory)
    index.wait_until(lambda: bool(index.files(LIBRARY)[yanked]["yanked"]))
    for name, paths in made.items():  # documents follow pages
        for path in paths:
            document = f"pypi/{name}/{path.name.split('-')[1]}/json"
            index.wait_until(lambda document=document: index.get(document)[0] == 200)  # type: ignore[misc]
    return index


def told(world: RunningIndex, folder: Path, **fixed: str) -> None:
    """The feed says that each project is vulnerable before a version, and of nothing else."""
    feed = folder / "feed"
    feed.mkdir(exist_ok=True)
    for at, (name, version) in enumerate(fixed.items()):
        project = name.replace("_", "-")
        events = [{"introduced": "0"}, {"fixed": version}]
        affected = [
            {"package": {"ecosystem": "PyPI", "name": project}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        ]
        record = {"id": f"PYSEC-2026-{at}", "modified": "2026-01-05T12:00:00Z", "published": "2026-01-04T12:00:00Z"}
        more = {
            "aliases": [f"CVE-2026-{at}"],
            "summary": "It reads too much",
            "details": "More.\n\nYet more.",
            "affected": affected,
        }
        (feed / f"{at}.json").write_text(json.dumps(record | more))
    bonded("vulnerability", "import", feed, "--dir", world.directory)
    for name, version in ((LIBRARY, "1.0"), (LIBRARY, "1.1"), (HELD, "1.0")):  # documents are written side by side
        known = name.replace("-", "_") in fixed
        path = f"pypi/{name}/{version}/json"
        world.wait_until(lambda path=path, known=known: (b"PYSEC-2026" in world.get(path)[1]) == known)  # type: ignore[misc]


def environment(world: RunningIndex, folder: Path) -> None:
    """A virtual environment with the site and the vulnerable releases, made and filled by uv from the index."""
    uv, home = clients.find_uv(), clients.bare(folder / "home")
    subprocess.run([uv, "venv", "-q", "venv"], check=True, env=home, cwd=folder)
    words = ("pip", "install", "-q", "--python", "venv", "--index-url", world.simple)
    subprocess.run([uv, *words, f"{SITE}==1.0", f"{LIBRARY}==1.0", f"{HELD}==1.0"], check=True, env=home, cwd=folder)


def pip(world: RunningIndex, folder: Path, *words: str) -> str:
    install = ("--python", folder / "venv", "install", "--no-cache-dir", "--index-url", world.simple)
    done = clients.run("pip", *install, *words, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def audit(world: RunningIndex, folder: Path) -> dict[str, list[str]]:
    """What pip-audit finds in the environment: ids by package."""
    (packages,) = (folder / "venv/lib").glob("python3*/site-packages")
    _, said = asked(world, folder, "--path", str(packages))
    assert {one["name"] for one in said} >= {SITE, LIBRARY, HELD}
    return {one["name"]: [v["id"] for v in one["vulns"]] for one in said if one["vulns"]}


def validated(text: str, folder: Path) -> dict[str, Any]:
    """A bill that the library of CycloneDX takes: by its strict copy of the official schema, and into its own model."""
    (folder / "bom.json").write_text(text)
    program = (
        "import json, sys\n"
        "from cyclonedx.schema import SchemaVersion\n"
        "from cyclonedx.validation.json import JsonStrictValidator\n"
        "from cyclonedx.model.bom import Bom\n"
        "text = open('bom.json').read()\n"
        "print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) or 'valid')\n"
        "bom = Bom.from_json(json.loads(text)); bom.validate()\n"
        "print(len(bom.components), len(bom.vulnerabilities), bom.serial_number)\n"
    )
    done = subprocess.run(
        [clients.environment("cyclonedx") / "bin/python", "-W", "ignore", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    bill: dict[str, Any] = json.loads(text)
    counts = f"{len(bill['components'])} {len(bill.get('vulnerabilities', []))} {bill['serialNumber'].removeprefix('urn:uuid:')}"
    assert done.stdout.split("\n")[:2] == ["valid", counts], done.stdout + done.stderr
    return bill


def test_an_environment_is_repaired_and_pip_audit_finds_nothing(world: RunningIndex, tmp_path: Path) -> None:
    environment(world, tmp_path)
    told(world, tmp_path, story_mended_library="1.2")
    assert audit(world, tmp_path) == {LIBRARY: ["PYSEC-2026-0"]}
    done = bonded_client(world, tmp_path, "upgrade", "--python", "venv", "--write", "repair.txt")
    told_so = f"{LIBRARY} 1.0 -> 1.3  (PYSEC-2026-0)\n{FRESH} 1.0 is added\n"
    assert (done.returncode, done.stdout) == (0, told_so), done.stderr
    said = pip(world, tmp_path, "--require-hashes", "-r", "repair.txt")
    assert f"Successfully installed {FRESH}-1.0 {LIBRARY}-1.3" in said
    assert audit(world, tmp_path) == {}
    again = bonded_client(world, tmp_path, "upgrade", "--python", "venv", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["upgrades"] == []


def test_what_cannot_be_repaired_is_told_with_who_holds_it_back(world: RunningIndex, tmp_path: Path) -> None:
    environment(world, tmp_path)
    told(world, tmp_path, story_mended_library="1.2", story_mended_held="2.0")
    done = bonded_client(world, tmp_path, "upgrade", "--python", "venv", "--json", "--write", "repair.txt")
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert [(one["name"], one["to"]) for one in said["upgrades"]] == [(LIBRARY, "1.3")]
    (held,) = said["held"]
    assert (held["name"], held["release"], held["held_by"]) == (HELD, "2.0", [SITE])
    assert f"{SITE} needs {HELD}<2" in held["why"]
    pip(world, tmp_path, "--require-hashes", "-r", "repair.txt")
    assert audit(world, tmp_path) == {HELD: ["PYSEC-2026-1"]}


def test_a_file_keeps_all_but_the_lines_that_change(world: RunningIndex, tmp_path: Path) -> None:
    told(world, tmp_path, story_mended_library="1.2")
    hashes = {
        name: [
            f"--hash=sha256:{file['hashes']['sha256']}"
            for file in world.files(name).values()
            if f"-{version}" in str(file["filename"])
        ]  # type: ignore[index]
        for name, version in ((HELD, "1.0"), (SITE, "1.0"))
    }
    rest = f"{HELD}==1.0 {' '.join(hashes[HELD])}\n{SITE}==1.0 {' '.join(hashes[SITE])}\n"
    line = f'{LIBRARY} == 1.0 ; python_version >= "3.8"'
    text = f"# ours\n\n{line} \\\n    --hash=sha256:{'0' * 64}\n    # via {SITE}\n{rest}"
    (tmp_path / "requirements.txt").write_text(text)
    done = bonded_client(world, tmp_path, "upgrade", "-r", "requirements.txt", "--write", "requirements.txt")
    assert done.returncode == 0, done.stderr
    after = (tmp_path / "requirements.txt").read_text()
    assert after.startswith(f'# ours\n\n{LIBRARY} == 1.3 ; python_version >= "3.8" \\\n    --hash=sha256:')
    kept, _, added = after.partition(f"\n    # via {SITE}\n{rest}")
    assert (kept.count("--hash"), added.count("--hash"), added.split()[0]) == (1, 1, f"{FRESH}==1.0")
    words = ("--dry-run", "--ignore-installed", "--require-hashes", "-r", "requirements.txt")
    subprocess.run([clients.find_uv(), "venv", "-q", str(tmp_path / "venv")], check=True)
    assert f"{LIBRARY}-1.3" in pip(world, tmp_path, *words)


def snapshot(bill: str) -> str:
    """The state of the index that a bill is of."""
    properties = {one["name"]: one["value"] for one in json.loads(bill)["metadata"]["properties"]}
    return str(properties["bonded:index:snapshot"])


def test_a_bill_of_materials_is_valid_and_says_what_is_signed(world: RunningIndex, tmp_path: Path) -> None:
    environment(world, tmp_path)
    told(world, tmp_path, story_mended_library="1.2")
    words = ("sbom", "--python", "venv", "--own-targets", "--timestamp", "2026-01-31T12:00:00Z")
    done = bonded_client(world, tmp_path, *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    again = bonded_client(world, tmp_path, *words)
    while snapshot(again.stdout) != snapshot(done.stdout):  # the index published something of another story meanwhile
        done, again = again, bonded_client(world, tmp_path, *words)
    assert again.stdout == done.stdout
    bill = validated(done.stdout, tmp_path)
    by_name = {one["name"]: one for one in bill["components"]}
    assert set(by_name) == {SITE, LIBRARY, HELD}
    library = by_name[LIBRARY]
    assert library["purl"] == f"pkg:pypi/{LIBRARY}@1.0"
    assert library["licenses"] == [{"acknowledgement": "declared", "expression": "MIT"}]
    assert {"name": "bonded:release", "value": "signed"} in library["properties"]
    files = {one["comment"]: one["hashes"][0]["content"] for one in library["externalReferences"]}
    assert files == {n: f["hashes"]["sha256"] for n, f in world.files(LIBRARY).items() if "-1.0" in n}  # type: ignore[index]
    depends = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert depends[by_name[SITE]["bom-ref"]] == sorted([library["bom-ref"], by_name[HELD]["bom-ref"]])
    (known,) = bill["vulnerabilities"]
    assert (known["id"], known["affects"][0]["ref"]) == ("PYSEC-2026-0", library["bom-ref"])


def test_a_bill_of_a_file_has_what_the_index_knows(world: RunningIndex, tmp_path: Path) -> None:
    told(world, tmp_path, story_mended_library="1.2")
    text = f"{SITE}==1.0\n{LIBRARY}==1.3\nnowhere-at-all==1.0\n"
    (tmp_path / "requirements.txt").write_text(text)
    done = bonded_client(world, tmp_path, "sbom", "-r", "requirements.txt", "--output", "bill.json")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    bill = validated((tmp_path / "bill.json").read_text(), tmp_path)
    standing = {one["name"]: one["properties"] for one in bill["components"]}
    assert {"name": "bonded:release", "value": "project-unknown"} in standing["nowhere-at-all"]
    assert bill["compositions"] == [{"aggregate": "unknown", "dependencies": ["pkg:pypi/nowhere-at-all@1.0"]}]
    depends = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert depends[f"pkg:pypi/{SITE}@1.0"] == [f"pkg:pypi/{LIBRARY}@1.3"]


def test_a_bill_of_the_environment_of_these_tests_is_valid(world: RunningIndex, tmp_path: Path) -> None:
    """Some two hundred packages with all the licences, names and markers that people write."""
    done = bonded_client(world, tmp_path, "sbom")
    assert done.returncode == 0, done.stderr
    bill = validated(done.stdout, tmp_path)
    by_name = {one["name"]: one for one in bill["components"]}
    assert len(by_name) > 100
    assert {"name": "bonded:release", "value": "local"} in by_name["bonded-client"]["properties"]
    depends = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert by_name["tuf"]["bom-ref"] in depends[by_name["bonded-client"]["bom-ref"]]
    assert all(one.get("licenses") for name, one in by_name.items() if name in {"tuf", "pytest", "requests"})
