"""Signing steps at once with development keys, which lie in `dev/` beside the online key. Real ones are never on this host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from bonded.tuf.ceremony_check import needs
from bonded.tuf.keys import make_key
from bonded.tuf.offline import KeySet, Offline, Step, StepValues, key_set, sign_offline
from bonded.tuf.steps import BadSteps


def dev_keys(folder: Path) -> dict[str, CryptoSigner]:
    """Key id -> development key, of all in `folder`/dev. Raises BadSteps when there are none."""
    found = {}
    for path in sorted((folder / "dev").glob("*.pem")):
        try:
            signer = CryptoSigner(load_pem_private_key(path.read_bytes(), None))
        except (OSError, ValueError, TypeError) as error:
            raise BadSteps(f"the development key {path.name} cannot be read: {error}") from error
        found[signer.public_key.keyid] = signer
    if not found:
        raise BadSteps("this index has no development keys: its offline metadata are signed in a ceremony")
    return found


def make_dev_keys(folder: Path, role: str, count: int, threshold: int) -> KeySet:
    """New development keys `role`-2.pem, ... of which `threshold` must sign. Raises BadKeys."""
    made = [make_key(fresh(folder / "dev", role), None) for _ in range(count)]
    return key_set(made, threshold)


def fresh(folder: Path, name: str) -> Path:
    """The first of `name`-2.pem, `name`-3.pem, ... in `folder` that is not there."""
    number = 2
    while (path := folder / f"{name}-{number}.pem").exists():
        number += 1
    return path


def sign_all(base: Offline, steps: Sequence[StepValues], signers: Mapping[str, CryptoSigner]) -> tuple[Step, ...]:
    """`steps`, each role signed by whichever of its keys are in `signers`."""
    who = {(need.step, need.role): need.keyids for need in needs(base, [step.values for step in steps])}
    return tuple(
        Step(
            step.name,
            {
                role: sign_offline(value, [signers[keyid] for keyid in sorted(who[number, role] & signers.keys())])
                for role, value in step.values.items()
            },
            step.after,
        )
        for number, step in enumerate(steps)
    )
