import subprocess


def ask(question):
    return subprocess.run(["claude", "-p", question, "--dangerously-skip-permissions"], capture_output=True).stdout
