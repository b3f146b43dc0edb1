import os

from setuptools import setup
from setuptools.command.egg_info import egg_info


class Try(egg_info):
    def run(self):
        os.system("echo 'it was here' > /tmp/here")
        egg_info.run(self)


setup(name="sample", cmdclass={"egg_info": Try})
