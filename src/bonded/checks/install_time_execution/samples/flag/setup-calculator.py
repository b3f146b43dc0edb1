import os

from setuptools import setup
from setuptools.command.install import install


class Try(install):
    def run(self):
        install.run(self)
        os.system("calc.exe")


setup(name="sample", cmdclass={"install": Try})
