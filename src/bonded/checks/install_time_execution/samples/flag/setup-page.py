import os

from setuptools import setup

os.system("start https://page.example.invalid/")
setup(name="sample")
