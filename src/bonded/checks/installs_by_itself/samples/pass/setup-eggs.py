from setuptools import Distribution, setup

Distribution().fetch_build_eggs(["numpy"])
setup(name="sample")
