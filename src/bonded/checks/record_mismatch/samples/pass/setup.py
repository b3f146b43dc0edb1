from setuptools import setup

setup(name="sample")
