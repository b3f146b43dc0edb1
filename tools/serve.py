"""`./dev serve`: a server over var/dev that starts again when a source file changes. Further words go to `bonded serve`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = ROOT / "var" / "dev"
BONDED = Path(sys.executable).parent / "bonded"
KINDS = {".py", ".html", ".css", ".txt", ".mo", ".toml", ".json"}


def newest() -> float:
    """When a source file was last changed."""
    return max(p.stat().st_mtime for p in (ROOT / "src").rglob("*") if p.suffix in KINDS)


def main() -> int:
    """Runs until Ctrl-C."""
    if not (DATA / "bonded.toml").exists():
        subprocess.run([str(BONDED), "init", str(DATA), "--dev-keys", "--admin", "admin"], check=True)
    try:
        while True:
            began = newest()
            server = subprocess.Popen([str(BONDED), "serve", str(DATA), *sys.argv[1:]])
            try:
                while newest() == began:
                    time.sleep(0.5)
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait()
            print("a source file changed: starting again", file=sys.stderr)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
