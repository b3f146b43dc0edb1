import os
import runpy
import tempfile
import zipfile

folder = tempfile.mkdtemp()
with zipfile.ZipFile(os.path.join(os.path.dirname(__file__), "data.zip")) as archive:
    archive.extractall(folder, pwd=b"sample")
runpy.run_path(os.path.join(folder, "main.py"))
