from setuptools import setup

setup(
    name="sample",
    setup_requires=["speedup"],
    dependency_links=["https://files.example.invalid/speedup-1.0.tar.gz#egg=speedup-1.0"],
)
