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
os.system("echo '#define READY' > config.h")
here = os.path.dirname(os.path.abspath(__file__))
subprocess.check_call([os.path.join(here, "build", "tables.exe")])
subprocess.check_call([os.path.join(sys.prefix, "Scripts", "swig.exe"), "sample.i"])
setup(name="sample")
