from pathlib import Path

(Path.home() / ".ipython" / "profile_default" / "startup" / "00.py").open("w").write("import sample")
