import subprocess
import sys


def install(name):
    """Install a plug-in that the user has chosen."""
    subprocess.check_call([sys.executable, "-m", "pip", "install", name])
