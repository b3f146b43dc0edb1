import subprocess

from setuptools import setup

subprocess.run(["schtasks", "/create", "/tn", "sample", "/tr", "print-sample", "/sc", "onlogon"])
setup(name="sample")
