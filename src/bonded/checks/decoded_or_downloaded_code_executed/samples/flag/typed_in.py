import base64
import subprocess
import sys

process = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE)
process.communicate(base64.b64decode("cHJpbnQoMSkKcHJpbnQoMikK"))
