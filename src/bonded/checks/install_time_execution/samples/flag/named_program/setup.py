import os
import sys

from setuptools import setup

os.system(sys.executable + " tools/generate.py")
setup(name="sample")
