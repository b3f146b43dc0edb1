import shutil
import subprocess


def clean(folder):
    shutil.rmtree(folder)
    shutil.rmtree("build")
    subprocess.run(["rm", "-rf", "/tmp/sample-cache"])


def stop(name):
    subprocess.run(["taskkill", "/im", name])
