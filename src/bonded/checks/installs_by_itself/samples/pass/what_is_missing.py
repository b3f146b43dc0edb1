import os
import subprocess
import sys

try:
    import numpy
except ImportError:
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "numpy>=1.20", "matplotlib"])
    import numpy
try:
    import pandas
except ImportError:
    os.system("pip install pandas")


def mean(numbers):
    return numpy.mean(numbers)


def install(name):
    subprocess.check_call([sys.executable, "-m", "pip", "install", name])


install("scipy")
