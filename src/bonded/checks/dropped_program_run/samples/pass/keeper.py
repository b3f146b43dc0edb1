import subprocess

TEMPLATE = """
import os

VERSION = os.environ.get("VERSION", "0")
"""


def run(commands, arguments):
    for command in commands:
        try:
            return subprocess.Popen([command, *arguments]).wait()
        except OSError:
            continue
    return None


def keep():
    with open("sample/_version.py", "w") as file:
        file.write(TEMPLATE)
    run(["git", "git.exe"], ["add", "--", "sample/_version.py"])
