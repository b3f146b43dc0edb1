"""Prepare what all test processes share, once, before they start: the environments of real clients."""

from __future__ import annotations

import sys

from tests.story import clients


def main() -> None:
    """Say only what is being made."""
    for name in (*clients.NAMES, clients.SIGNER):
        if not (clients.KEPT / name / "made").exists():
            print(f"making an environment for {name}", file=sys.stderr, flush=True)
        clients.environment(name)


if __name__ == "__main__":
    main()
