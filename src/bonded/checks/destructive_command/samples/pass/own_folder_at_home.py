import shutil
from pathlib import Path

shutil.rmtree(Path.home() / ".cache" / "tabulars", ignore_errors=True)
