import os
import socket
import subprocess

ADDRESS = socket.gethostbyname(socket.gethostname())
subprocess.run(["git", "status"], env=dict(os.environ))
