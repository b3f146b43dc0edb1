import subprocess
import sys

FOUND = subprocess.Popen([sys.executable, "-c", "import sysconfig; print(sysconfig.get_platform())"], stdout=subprocess.PIPE)
PLATFORM = FOUND.communicate()[0]


def begin():
    return subprocess.Popen([sys.executable, "-c", "import sample"])
