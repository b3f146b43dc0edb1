import subprocess

subprocess.run(["netsh", "advfirewall", "set", "allprofiles", "state", "off"])
