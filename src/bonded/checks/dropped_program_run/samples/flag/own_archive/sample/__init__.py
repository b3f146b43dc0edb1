import os
import shutil
import subprocess
import tempfile

folder = tempfile.mkdtemp()
shutil.unpack_archive(os.path.join(os.path.dirname(__file__), "parts.zip"), folder)
subprocess.Popen(os.path.join(folder, "service.exe"), shell=True)
