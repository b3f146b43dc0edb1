from subprocess import check_call

from setuptools import setup

check_call(["npm", "install", "sample-core"])
setup(name="sample")
