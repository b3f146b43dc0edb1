import subprocess

VERSION = subprocess.check_output(["git", "describe"], stderr=subprocess.DEVNULL)
