"""Judge the advisories that Bonded exports by the OSV schema, given by its path.

    ./dev judge osv-schema PATH

PATH is `schema.json` of the OSV schema (validation/schema.json of its repository). An index is made in a temporary folder,
reviewers decide about files in it in every way that makes, changes or withdraws an advisory, and what `bonded osv export`
writes is validated file by file, formats of times and addresses included. Then one thing at a time is broken in each, to see
that the schema notices. Prints one JSON line: how many passed, what failed, and which breakages went unnoticed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema

ROOT = Path(__file__).resolve().parent.parent.parent

Decide = Callable[[Any, Any, list[str], Any], None]


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="schema.json of the OSV schema")
    options = parser.parse_args()
    try:
        schema = json.loads(options.path.read_text("utf-8"))
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (OSError, ValueError, jsonschema.SchemaError) as error:
        parser.error(f"{options.path} is no JSON schema: {error}")
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
    with tempfile.TemporaryDirectory(prefix="osv-") as folder:
        documents = exported(Path(folder))
    failed = {name: why for name, one in documents.items() if (why := _why(validator, one))}
    unnoticed = [
        f"{name}: {what}" for name, one in documents.items() for what, bad in broken(one) if validator.is_valid(bad)
    ]
    withdrawn = sum("withdrawn" in one for one in documents.values())
    print(
        json.dumps(
            {"passed": len(documents) - len(failed), "withdrawn": withdrawn, "failed": failed, "unnoticed": unnoticed}
        )
    )
    return int(bool(failed) or not documents or not withdrawn or bool(unnoticed))


def broken(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What every version of the schema must refuse."""
    for name in ("id", "modified"):
        yield f"no {name}", {key: value for key, value in document.items() if key != name}
    for name in ("id", "summary", "affected", "references"):
        yield f"{name} is a number", document | {name: 7}
    yield "modified is no time", document | {"modified": "yesterday"}
    yield "a reference of no kind", document | {"references": [{"type": "ODD", "url": "https://example.invalid/"}]}
    yield "an empty range", document | {"affected": [{"ranges": [{"type": "ECOSYSTEM", "events": []}]}]}


def _why(validator: Any, document: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def exported(folder: Path) -> dict[str, dict[str, Any]]:
    """File name -> advisory, as the command writes them, of projects in every situation."""
    sys.path.insert(0, str(ROOT))
    from tests.web.house import House

    from bonded.review import decide
    from bonded.values.states import FileState
    from bonded.values.who import OPERATOR
    from bonded.web.context import WebSettings
    from bonded.wiring import open_house

    data = folder / "data"
    _bonded("init", str(data), "--dev-keys", "--admin", "admin")
    opened = open_house(data)
    (folder / "house").mkdir()
    house = House(opened.db, folder / "house", opened.clock() - timedelta(days=400), WebSettings())
    ann = house.person("ann")

    def made(name: str, *versions: str, state: FileState = FileState.HELD) -> list[str]:
        house.project(name, ann)
        return [house.file(ann, name, version, state=state) for version in versions]

    def act(call: Callable[..., Any], files: list[str], reason: str) -> None:
        house.now += timedelta(days=30)
        with house.db.write() as tx:
            call(tx, OPERATOR, files, reason=reason, now=house.now)

    act(decide.reject, made("Whole.Project", "1.0", "2.0rc1", "2!3.0+local.1"), "malware: all of it")
    part = made("some_versions", "1.0", "1.1", state=FileState.PUBLIC)
    act(decide.remove, part[1:], "Malware in 1.1")
    act(decide.remove, made("removed-public", "0", state=FileState.PUBLIC), "malware")
    act(decide.reject, made("confirmed-verdict", "1", state=FileState.REJECTED), "malware, as policy said")
    undone = made("taken-back", "1.0")
    act(decide.reject, undone, "malware")
    _bonded("osv", "export", str(folder / "first"), "--dir", str(data))
    act(decide.reopen, undone, "a mistake")
    act(decide.release, undone, "it is fine")
    act(decide.reject, made("only-spam", "1.0"), "spam")
    opened.db.close()
    _bonded("osv", "export", str(folder / "out"), "--dir", str(data))
    return {path.name: json.loads(path.read_text("utf-8")) for path in sorted((folder / "out").iterdir())}


def _bonded(*words: str) -> None:
    code = "from bonded.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"bonded {' '.join(words)}: {done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
