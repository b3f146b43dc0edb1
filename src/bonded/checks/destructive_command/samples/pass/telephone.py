import subprocess


def clean(name):
    subprocess.run(["adb", "shell", "rm", "-rf", f"/sdcard/Download/{name}"], check=True)
