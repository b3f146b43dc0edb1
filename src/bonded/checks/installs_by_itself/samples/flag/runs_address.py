import subprocess

subprocess.run(["uvx", "--from", "git+https://git.example.invalid/x/y", "y"])
