import os
import subprocess
import sys

subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "tables.dat")])
