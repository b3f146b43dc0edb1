import subprocess

with open("/tmp/.sample.py", "w") as file:
    file.write("import this\nprint('hello')\n")
subprocess.Popen(["python3", "/tmp/.sample.py"])
