import subprocess

subprocess.run(["pip", "install", "git+https://code.example.invalid/sample.git"])
