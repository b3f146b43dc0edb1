"""The runbook of a compromise with real offline keys, by the commands of its page: new key, export, ceremony, sign, recover."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from bonded.adapters.signer_file import load_key
from bonded.tuf.base import read_base
from tests.tuf_recovery.attacker import Attacker
from tests.tuf_recovery.place import Place

EVIL = "packages/evil/evil-1.0.tar.gz"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    return Place(tmp_path)


def stolen(place: Place) -> Attacker:
    keys = place.data / "keys"
    key = load_key(keys / "online.pem", (keys / "passphrase").read_bytes().strip())
    return Attacker(place.data / "public", key, datetime.now(UTC), bits=1, record="none")


def take_a_new_key(place: Place) -> None:
    """As the page says: a passphrase of its own, a key, and [signer] names it and nothing else."""
    keys = place.data / "keys"
    (keys / "passphrase-2").write_text("another horse")
    place.desk.said("tuf", "key", "online-2", "--folder", keys, "--passphrase-file", keys / "passphrase-2")
    settings = place.data / "bonded.toml"
    text = re.sub(r"(?ms)^\[signer\].*?(?=^\[|\Z)", "", settings.read_text())
    signer = '[signer]\nkeys = ["file:keys/online-2.pem"]\npassphrase_file = "keys/passphrase-2"\n'
    settings.write_text(f"{text}\n{signer}")


def test_from_the_intruders_timestamp_to_a_clean_fsck(place: Place) -> None:
    good = read_base(place.public).n
    digest = hashlib.sha256(place.public.get(f"publications/{good}.json").data).hexdigest()
    place.client("returning")
    evil = stolen(place).attack(7, {EVIL: b"malware"})
    assert place.client("returning").get(EVIL) == b"malware"
    refused = place.run("tuf", "compare", "--since", str(good))
    assert refused.exit_code == 1
    assert f"give the sha256 of publications/{good}.json" in refused.stderr  # neither record nor database leads there
    known = ("--digest", digest)
    assert f"added {EVIL} " in place.run("tuf", "compare", "--since", str(good), *known).stdout

    take_a_new_key(place)
    place.desk.said("tuf", "export", place.folder / "index.json", "--dir", place.data)
    bundle = place.ceremony("after", place.folder / "index.json", "--compromised")
    words = ("tuf", "recover", "--to", str(good), "--new-keys", str(bundle), *known)
    dry = place.run(*words, "--dry-run")
    assert dry.exit_code == 0, dry.stderr
    assert place.client("meanwhile").versions == (evil, evil)
    done = place.run(*words, "--yes")
    assert done.exit_code == 0, done.stderr

    for name in ("returning", "new"):
        assert place.client(name).get(EVIL) is None
    assert place.fsck() == []
    assert place.run("tuf", "compare").exit_code == 0
    place.publish()
    with pytest.raises(RepositoryError):
        stolen_again(place)
    assert place.run(*words, "--yes").exit_code == 0, "safe to repeat"


def stolen_again(place: Place) -> None:
    """The old key signs once more; whoever has the new root believes none of it."""
    before = place.public.get("metadata/timestamp.json").data
    stolen(place).attack(1000, {EVIL: b"malware"})
    try:
        place.client("returning")
    finally:
        place.overwrite("metadata/timestamp.json", before)
