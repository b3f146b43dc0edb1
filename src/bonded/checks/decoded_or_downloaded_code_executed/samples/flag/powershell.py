import base64
import subprocess

subprocess.run(["powershell", "-WindowStyle", "Hidden", "-EncodedCommand", "ZQBjAGgAbwAgADEAMgAzADQANQA2ADcA"])
