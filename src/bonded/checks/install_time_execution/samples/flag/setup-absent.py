import subprocess

from setuptools import setup

subprocess.call("./after.sh")
setup(name="sample")
