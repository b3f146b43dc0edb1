import hashlib
import urllib.request

from setuptools import setup

SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

urllib.request.urlretrieve("https://example.invalid/sample.zip", "sample.zip")
if hashlib.sha256(b"hello").hexdigest() == SHA256:
    setup(name="sample")
