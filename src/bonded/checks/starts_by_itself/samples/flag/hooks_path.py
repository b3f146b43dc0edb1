import os
import subprocess

subprocess.run(["git", "config", "--global", "core.hooksPath", os.path.expanduser("~/.sample")])
