import os

with open(os.path.expanduser("~/.bashrc")) as profile:
    ALIASES = [line for line in profile if line.startswith("alias")]
