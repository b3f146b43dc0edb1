from setuptools import setup

setup(name="sample", setup_requires=["setuptools>=40", "setuptools_scm", "cffi"], install_requires=["numpy>=1.20"])
