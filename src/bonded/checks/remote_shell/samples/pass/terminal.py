import pty
import subprocess


def terminal():
    pty.spawn("/bin/sh")


def listing(folder):
    return subprocess.run(["/bin/sh", "-c", "ls"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
