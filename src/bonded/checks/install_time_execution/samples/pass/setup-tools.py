import os
import subprocess
import sys

from setuptools import setup

subprocess.check_call(["make", "-C", "native"])
subprocess.check_call("./configure")
subprocess.check_output(["pkg-config", "--cflags", "sample"])
subprocess.check_call(["sh", "after.sh"], cwd="native")
subprocess.check_call([sys.executable, "-m", "pip", "--version"])
os.system("sysctl -n hw.ncpu")
os.system("cmake . && make")
setup(name="sample")
