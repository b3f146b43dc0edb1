from pathlib import Path

CACHE = (Path("~") / ".cache" / "tabulars").expanduser()

for one in CACHE.glob("*.tmp"):
    one.unlink()
