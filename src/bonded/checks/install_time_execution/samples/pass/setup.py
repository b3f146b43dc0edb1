import os
import subprocess
import sys
import urllib.request

from setuptools import setup
from setuptools.command.build_ext import build_ext


def version():
    try:
        return subprocess.check_output(["git", "describe", "--tags"]).decode().strip()
    except OSError:
        return "0"


class Build(build_ext):
    def run(self):
        subprocess.check_call([sys.executable, "generate.py"])
        os.environ.setdefault("CFLAGS", "-O2")
        build_ext.run(self)


def publish():
    urllib.request.urlopen("https://example.invalid/")


setup(name="sample", version=version(), cmdclass={"build_ext": Build})
