from setuptools import setup

setup(name="sample", setup_requires=["setuptoolz>=40", "wheel"])
